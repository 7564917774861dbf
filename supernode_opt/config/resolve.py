"""A study written out: every value in SI, every default spelled out, loadable again."""

import dataclasses
from typing import Any

import yaml

from supernode_opt.calibration.data.practice import words_of
from supernode_opt.catalog.systems import PARTS
from supernode_opt.config.doubts import as_written, limit_as_written
from supernode_opt.config.goal import PROBABILITY, QUANTILE
from supernode_opt.config.study import Study
from supernode_opt.config.variables import field_of
from supernode_opt.problem.problem import Choice, Problem, Variable
from supernode_opt.record import is_record
from supernode_opt.search.rules import idle
from supernode_opt.system.design import TRAINING_ALONE, holder_of
from supernode_opt.system.scenario import Scenario


def resolved(study: Study) -> dict[str, Any]:
    """Return the whole study as plain values, in SI."""
    problem = study.problem
    scenario = problem.scenario
    free = (*problem.variables, *problem.choices)
    varying = {v.name: _varying(v, scenario) for v in free}
    sense = "maximize" if problem.objective.maximize else "minimize"
    chips = varying["chips"]["low"] if "chips" in varying else problem.fixed["chips"]
    machine = scenario.chip, float(chips)
    constraints: dict[str, Any] = {}
    for limit in problem.constraints:
        word = "at_most" if limit.at_most else "at_least"
        written = limit_as_written(limit.name, float(limit.limit), *machine)
        constraints.setdefault(limit.name, {})[word] = written
        if limit.probability is not None:
            constraints[limit.name][PROBABILITY] = float(limit.probability)
    if problem.chance is not None:
        constraints[PROBABILITY] = float(problem.chance)
    objective: dict[str, Any] = {sense: problem.objective.name}
    if problem.objective.quantile is not None:
        objective[QUANTILE] = float(problem.objective.quantile)
    return {
        "name": study.name,
        **({"question": study.question} if study.question else {}),
        "system": study.system,
        "model": _plain(scenario.model),
        **_job(scenario),
        "scenario": {
            **_stack(study),
            **{name: _plain(getattr(scenario, name)) for name in PARTS},
            "links": [_plain(link) for link in scenario.links],
            "memory_headroom": scenario.memory_headroom,
            **_recompute(scenario),
            **_routing(scenario),
        },
        **_practice(study),
        "design": {
            **{n: _as_fixed(n, problem.fixed[n]) for n in told(problem)},
            **varying,
        },
        "objective": objective,
        **({"constraints": constraints} if constraints else {}),
        "solver": _solver(study),
        "seed": study.seed,
        "provenance": {
            "entries": dict(problem.origins.entries),
            "user": sorted(problem.origins.user),
            "follows": sorted(problem.origins.follows),
        },
    }


def told(problem: Problem) -> tuple[str, ...]:
    """Return the frozen fields that are told, without training's where it serves."""
    if problem.scenario.serving is None:
        return tuple(problem.fixed)
    return tuple(name for name in problem.fixed if name not in TRAINING_ALONE)


def _as_fixed(name: str, value: float | str) -> Any:
    return as_written(holder_of(name), name, value)


def _job(scenario: Scenario) -> dict[str, Any]:
    """Return what the machine does: it trains or it serves."""
    if scenario.serving is not None:
        return {"serving": _plain(scenario.serving)}
    return {"training": _plain(scenario.training)}


def _recompute(scenario: Scenario) -> dict[str, Any]:
    """Return the list of recomputed modules, of a machine that trains alone."""
    if scenario.serving is not None:
        return {}
    return {"recompute": _plain(scenario.recompute)}


def _solver(study: Study) -> dict[str, Any]:
    """Return the settings that have an effect."""
    values = dataclasses.asdict(study.settings)
    given = {name: value for name, value in values.items() if value is not None}
    return {name: v for name, v in given.items() if idle([name], values) is None}


def _stack(study: Study) -> dict[str, Any]:
    """Return the stack that the software was made of, if it was made."""
    chosen = study.chosen
    if chosen.practice is None or chosen.platform is None:
        return {}
    return {"stack": chosen.platform.stack}


def _routing(scenario: Scenario) -> dict[str, Any]:
    """Return how tokens are routed, if the study says it beside the software."""
    return {} if scenario.routing is None else {"routing": _plain(scenario.routing)}


def _practice(study: Study) -> dict[str, Any]:
    """Return every word of the practice, if the software was made of one."""
    practice = study.chosen.practice
    return {} if practice is None else {"practice": words_of(practice)}


def text(study: Study) -> str:
    """Write `resolved(study)` as YAML."""
    return yaml.safe_dump(_plain(resolved(study)), sort_keys=False, allow_unicode=True)


def _varying(varying: Variable | Choice, scenario: Scenario) -> Any:
    if isinstance(varying, Choice):
        return list(varying.options)
    field = field_of(varying.name, scenario)
    bounds = {
        word: as_written(*field, float(getattr(varying, word)))
        for word in ("low", "high")
    }
    return bounds if varying.step is None else {**bounds, "step": float(varying.step)}


def _plain(value: Any) -> Any:
    """Turn records, tuples and numpy numbers into what YAML can hold."""
    if is_record(value):
        kind, names = type(value), [f.name for f in dataclasses.fields(value)]
        value = {name: as_written(kind, name, getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value
