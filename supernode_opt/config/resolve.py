"""A study written out: every value in SI, every default spelled out, loadable again."""

import dataclasses
from typing import Any

import yaml

from supernode_opt.catalog.systems import PARTS
from supernode_opt.config.study import Study
from supernode_opt.problem.problem import Choice, Variable
from supernode_opt.record import is_record


def resolved(study: Study) -> dict[str, Any]:
    """Return the whole study as plain values, in SI."""
    problem = study.problem
    scenario = problem.scenario
    varying = {v.name: _varying(v) for v in (*problem.variables, *problem.choices)}
    sense = "maximize" if problem.objective.maximize else "minimize"
    constraints: dict[str, dict[str, float]] = {}
    for limit in problem.constraints:
        word = "at_most" if limit.at_most else "at_least"
        constraints.setdefault(limit.name, {})[word] = float(limit.limit)
    return {
        "name": study.name,
        **({"question": study.question} if study.question else {}),
        "system": study.system,
        "model": _plain(scenario.model),
        "training": _plain(scenario.training),
        "scenario": {
            **{name: _plain(getattr(scenario, name)) for name in PARTS},
            "links": [_plain(link) for link in scenario.links],
            "memory_headroom": scenario.memory_headroom,
        },
        "design": {**problem.fixed, **varying},
        "objective": {sense: problem.objective.name},
        **({"constraints": constraints} if constraints else {}),
        "solver": dataclasses.asdict(study.settings),
        "seed": study.seed,
        "provenance": {
            "entries": dict(problem.origins.entries),
            "user": sorted(problem.origins.user),
            "follows": sorted(problem.origins.follows),
        },
    }


def text(study: Study) -> str:
    """Write `resolved(study)` as YAML."""
    return yaml.safe_dump(_plain(resolved(study)), sort_keys=False, allow_unicode=True)


def _varying(varying: Variable | Choice) -> Any:
    if isinstance(varying, Choice):
        return list(varying.options)
    bounds = {"low": float(varying.low), "high": float(varying.high)}
    return bounds if varying.step is None else {**bounds, "step": float(varying.step)}


def _plain(value: Any) -> Any:
    """Turn records, tuples and numpy numbers into what YAML can hold."""
    if is_record(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value
