"""Is the program's answer to a study true?  Two-sided where that can be known."""

import math
from typing import NamedTuple

import numpy as np

from supernode_opt.problem.box import options
from supernode_opt.problem.constraints import all_constraints
from supernode_opt.problem.variables import EVERY_CHOICE, HARDWARE
from supernode_opt.record import get
from supernode_opt.workload.split import SIZES, SWITCHES, legal
from tests.oracle import pools
from tests.oracle.exact import reports
from tests.oracle.space import COUNTED, LANES, domain_sizes, machine_sizes
from tests.oracle.truth import CLEARLY, TOLERANCE, violation

PROVED = ("proved", "optimal")
NONE_FOUND = "none found"
GRADES = (*PROVED, "optimal if log-convex", "best found", "infeasible", NONE_FOUND)
# Polished starts that agree to 1e-4 may all be off by about as much.
AGREED = 1e-3
# Numbers of a design are told with twelve digits.
_ROUNDED = 1e-11


class Fault(NamedTuple):
    """Something the program said that is not so.

    Attributes:
      kind: one of a few words, for counting.
      text: what was said and what is true.
    """

    kind: str
    text: str


def judge(study, solution, truth, *, whole_lanes=True):
    """Return every fault of `solution`, an empty list if there is none."""
    if solution.status not in GRADES:
        return [Fault("grade", f"unknown status {solution.status!r}")]
    if solution.status == "infeasible":
        return _refusal(study.problem, solution, truth)
    if solution.status == NONE_FOUND:
        # Claims nothing; yet where everything can be tried, it has to be.
        return [Fault("gave up", solution.message)] if truth.exact else []
    faults = _design(study.problem, solution, whole_lanes=whole_lanes)
    return [*faults, *_optimum(study.problem, solution, truth)]


def _refusal(problem, solution, truth):
    faults = []
    if truth.feasible:
        faults.append(
            Fault(
                "false infeasible",
                f"a design keeps every limit ({truth.least:.3g}):"
                f" {problem.objective.name} {truth.best!r} with {truth.design}",
            )
        )
    named = solution.relaxation or []
    if not named or not all(math.isfinite(m) and m > 0.0 for _, m in named):
        faults.append(
            Fault("no relaxation", f"{solution.message!r}, relaxation {named}")
        )
    excess = _worst(problem, solution)
    if excess <= 0.0:
        faults.append(
            Fault("nearest is feasible", f"the nearest design keeps all ({excess:.3g})")
        )
    return faults


def _columns(problem, solution):
    columns = {}
    for name, value in solution.design.items():
        if name in EVERY_CHOICE:
            value = options(name, problem.scenario).index(value)
        if name != "data_parallel" and "." not in name:
            columns[name] = np.asarray([float(value)])
    for v in problem.variables:
        if "." in v.name:
            columns[v.name] = np.asarray([float(get(solution.scenario, v.name))])
    return columns


def _worst(problem, solution):
    values = reports(problem.scenario, _columns(problem, solution))
    return float(violation(values, all_constraints(problem))[0])


def _design(problem, solution, *, whole_lanes):
    """Judge the design alone: whether it may exist, and is what is said of it."""
    faults = []
    columns = _columns(problem, solution)
    plain = {name: float(column[0]) for name, column in columns.items()}
    given = problem.scenario
    if given.serving is not None:
        broken = None if pools.listed(problem, plain) else "no layout of both pools"
    else:
        split = {name: plain[name] for name in SIZES + SWITCHES}
        ranks = given.chip.ranks_per_chip
        broken = legal(split, given.model, given.training, ranks)
    chips = int(plain["chips"])
    if broken is None and chips not in machine_sizes(problem):
        broken = f"{chips} chips cannot be built"
    if broken is None and plain["scale_up_domain"] not in domain_sizes(problem, chips):
        broken = f"no domain of {plain['scale_up_domain']:g}"
    for v in problem.variables:
        if given.serving is not None and v.name in pools.NAMES:
            # Layouts are listed; sizes of a pool that is not there are one.
            continue
        value, room = plain[v.name], 1e-9 * max(abs(v.low), abs(v.high))
        if not v.low - room <= value <= v.high + room:
            broken = broken or f"{v.name} is {value}, outside {v.low} to {v.high}"
        if v.name in COUNTED and abs(value - round(value)) > 1e-9:
            faults.append(Fault("not whole", f"{v.name} is {value}"))
        if whole_lanes and v.name in LANES:
            lane = float(get(problem.scenario, LANES[v.name]))
            leans = min(abs(value - v.low), abs(value - v.high)) < 1e-5 * v.high
            if abs(value / lane - round(value / lane)) > 1e-6 and not leans:
                faults.append(
                    Fault("part of a lane", f"{v.name}: {value / lane} lanes")
                )
    for choice in problem.choices:
        if solution.design[choice.name] not in choice.options:
            broken = broken or f"{choice.name} is {solution.design[choice.name]}"
    for name in HARDWARE:
        if name in problem.fixed and not math.isclose(
            plain[name], float(problem.fixed[name]), rel_tol=1e-9
        ):
            broken = broken or f"{name} was frozen, but is {plain[name]}"
    if broken:
        faults.append(Fault("illegal design", broken))
    values = reports(problem.scenario, columns)
    excess = float(violation(values, all_constraints(problem))[0])
    if excess > TOLERANCE + _ROUNDED:
        named = [
            c.name
            for c in all_constraints(problem)
            if violation(values, [c])[0] > TOLERANCE + _ROUNDED
        ]
        faults.append(Fault("limit violated", f"{named} by {excess:.3g}"))
    value = float(values[problem.objective.name][0])
    if not math.isclose(value, solution.objective, rel_tol=1e-8, abs_tol=1e-12):
        text = f"objective is {value!r}, said {solution.objective!r}"
        faults.append(Fault("wrong objective", text))
    return faults


def shortfall(problem, solution, truth):
    """Return by how much brute force beats the answer, relative to the answer [1]."""
    if truth.best is None:
        return -math.inf
    said, best = solution.objective, truth.best
    gain = best - said if problem.objective.maximize else said - best
    return gain / max(abs(said), abs(best), 1e-300) if gain else 0.0


def _optimum(problem, solution, truth):
    """Judge the value: is it the best there is, to within what was said?"""
    gap = solution.certificate.get("gap")
    if gap is not None and not math.isfinite(gap):
        gap = None
    behind = shortfall(problem, solution, truth)
    said = f"said {solution.objective!r} ({solution.status}, gap {gap}), true"
    faults = []
    if truth.exact and truth.best is None:
        faults.append(Fault("false feasible", "no design keeps every limit"))
    elif truth.exact and behind < -TOLERANCE:
        text = f"{said} {truth.best!r}: better than anything that exists"
        faults.append(Fault("too good", text))
    if gap is None and solution.status in PROVED:
        faults.append(Fault("proved without a gap", said))
    if behind <= TOLERANCE:
        return faults
    text = f"{said} {truth.best!r}, {100.0 * behind:.4g} % better: {truth.design}"
    convex = gap is None and solution.status == "optimal if log-convex"
    proved = truth.exact and solution.status in PROVED
    if gap is not None and behind > gap + CLEARLY:
        faults.append(Fault("gap too small", text))
    elif proved or (convex and behind > AGREED):
        faults.append(Fault("not the optimum", text))
    return faults
