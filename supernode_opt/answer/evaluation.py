"""The answer to a study in which nothing is left to find."""

import time

import xarray as xr

from supernode_opt.answer.asked import completed
from supernode_opt.answer.operators import operators
from supernode_opt.calibration.evidence.told import behind
from supernode_opt.config import resolve
from supernode_opt.config.study import Study
from supernode_opt.hardware.reach import bridged
from supernode_opt.problem.build import build_design
from supernode_opt.problem.constraints import (
    all_constraints,
    normalised,
    per_cent,
)
from supernode_opt.problem.problem import Problem
from supernode_opt.reading.node import StudyError
from supernode_opt.results import store
from supernode_opt.search.solution import (
    ConstraintState,
    constraint_states,
    plain_report,
)
from supernode_opt.system.footprint import memory_verdict
from supernode_opt.system.report import Report, is_share
from supernode_opt.units import quantity_of
from supernode_opt.words import figures, spoken

# A limit is kept when it is exceeded by no more than rounding.
ROUNDING = 1e-9
# A clock this much slower than asked for is worth a sentence.
NOTICEABLE = 1e-4

_SHORT = (
    " An allocator that runs short there gives back and asks anew in every micro-batch:"
    " such runs can take several times as long as this step."
)


def evaluate_study(study: Study) -> xr.Dataset:
    """Evaluate the one design of `study` and judge it by its constraints.

    Raises:
      StudyError: something in it is free.
    """
    if study.free:
        names = ", ".join(study.free)
        raise StudyError(f"evaluate needs every variable frozen; free are: {names}")
    began = time.perf_counter()
    problem = study.problem
    report = plain_report(problem.fixed, problem.scenario)
    states = constraint_states(problem, report)
    broken = _broken(problem, states)
    chance = float(report.fit_probability)
    verdict = memory_verdict(chance)
    thin = False
    asked_for = {limit.name for limit in problem.constraints}
    if verdict != "does not fit" and "memory_fraction" not in asked_for:
        # Headroom is for designs that are chosen; whether one runs is a matter of odds.
        kept = [(name, move) for name, move in broken if name != "memory_fraction"]
        thin, broken = len(kept) < len(broken), kept
    design = build_design(problem.fixed, problem.scenario)
    message = f"Every constraint{' but the headroom of memory' * thin} holds."
    if broken:
        told = "; ".join(_told(problem, report, states, *item) for item in broken)
        message = f"The design violates {told}."
    message += (
        f" Memory {verdict}: {figures(100.0 * chance, 3)} % likely to suffice,"
        f" {spoken(float(report.memory), 'B', False)} of"
        f" {spoken(float(problem.scenario.chip.hbm_capacity), 'B', False)}."
    )
    if verdict == "on the edge":
        message += _SHORT
    asked, clock = float(problem.fixed["clock"]), float(report.clock)
    if clock < asked * (1.0 - NOTICEABLE):
        message += (
            f" Power limit and cooling sustain a clock of {clock:.3g} instead of"
            f" {asked:.3g}, at which it runs."
        )
    values = {**problem.fixed, "data_parallel": report.data_parallel}
    dataset = store.to_dataset(
        resolve.text(study),
        values,
        problem.scenario,
        report,
        seed=study.seed,
        objective=problem.objective.name,
        constraints=states,
        operators=operators(design, problem.scenario),
        notes={
            "status": "infeasible" if broken else "feasible",
            "message": message,
            "memory_verdict": verdict,
            "certificate": {},
            "alternatives": [],
            "prices": [],
            "relaxation": broken or None,
            "evaluations": 1,
            "assumed": list(study.chosen.assumed),
            "evidence": behind(problem.scenario, problem.fixed).plain(),
            "wall_s": time.perf_counter() - began,
        },
    )
    return completed(dataset, study, values, problem.scenario)


def _broken(problem: Problem, states: list[ConstraintState]) -> list[tuple[str, float]]:
    """Return (name, per cent by which the limit must move) of every broken limit."""
    found = []
    for limit, state in zip(all_constraints(problem), states, strict=True):
        excess = float(normalised(state.value, limit.limit, limit.at_most))
        # Written so that a value that is not a number counts as broken.
        if not excess <= ROUNDING:
            found.append((limit.name, per_cent(excess, limit)))
    return found


def _told(
    problem: Problem,
    report: Report,
    states: list[ConstraintState],
    name: str,
    move: float,
) -> str:
    """Say of one broken limit what the design has and what is allowed."""
    side = name.removesuffix("_reach")
    if side != name:
        scenario, chosen = problem.scenario, problem.fixed[f"{side}_link"]
        link = next(link for link in scenario.links if link.name == chosen)
        carried = float(bridged(link, getattr(scenario, f"{side}_switch")))
        span = float(getattr(report, f"{side}_span"))
        if span > carried:
            return (
                f"{name}: the longest link is {span:.3g} m,"
                f" but {chosen} carries {carried:.3g} m"
            )
        return f"{name}: exceeded by {figures(move)} %"
    state = next(state for state in states if state.name == name)
    unit, sense = quantity_of(Report, name).unit, "most" if state.at_most else "least"
    value, limit = (spoken(x, unit, is_share(name)) for x in (state.value, state.limit))
    return f"{name}: {value}, where at {sense} {limit} is allowed"
