"""What machines are compared by, and the programs that report it."""

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from supernode_opt.answer.verdict import ROUNDING
from supernode_opt.batch import engine
from supernode_opt.batch.case import Case, nameless
from supernode_opt.batch.engine import Engine, repeated
from supernode_opt.hardware.chip_power import port_limit
from supernode_opt.problem.constraints import always, normalised
from supernode_opt.problem.problem import Problem
from supernode_opt.record import replace
from supernode_opt.system.design import Design
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.follow import followed
from supernode_opt.system.job import run_job
from supernode_opt.system.parts import total
from supernode_opt.system.report import FACTS, compared, limited
from supernode_opt.system.scenario import Scenario

BLOCK = 1024


def less_is_better(name: str) -> bool:
    """Tell whether machines are better with less of the quantity `name`."""
    return not FACTS[name].more_is_better


def rate_of(scenario: Scenario) -> str:
    """Return the quantity that says how fast a machine does what it is asked for."""
    serves = scenario.serving is not None
    return "output_tokens_per_s" if serves else "tokens_per_s"


def outputs(scenario: Scenario) -> tuple[str, ...]:
    """Return what is evaluated of a machine: what is compared, then what is limited."""
    return (*compared(scenario), *limited(scenario))


def _reported(one: Case, given: None) -> Array:
    """Return the `outputs` of one case."""
    design = followed(one.design, one.scenario, one.follow)
    report = evaluate(design, one.scenario)
    names = outputs(one.scenario)
    return jnp.stack([jnp.asarray(getattr(report, name)) for name in names])


def _timed(design: Design, scenario: Scenario) -> Array:
    """Return step time [s] and memory over capacity [1] as `evaluate` has them."""
    port = port_limit(scenario.chip, design.scale_up_bandwidth)
    running = replace(design, "scale_up_bandwidth", port)
    job = run_job(running, scenario, jnp.inf, False)
    return jnp.stack([total(job.step), total(job.memory) / scenario.chip.hbm_capacity])


REPORTED = Engine(_reported, BLOCK, "compared")
TIMED = Engine(_timed, BLOCK, "timed")


def prepare(cases: Sequence[Case]) -> None:
    """Compile what these cases need, side by side."""
    rows = [repeated(one, 1) for one in cases]
    works = [(REPORTED, row, None) for row in rows]
    works += [
        (TIMED, row.design, _untimed(one.scenario))
        for row, one in zip(rows, cases, strict=True)
        if one.scenario.serving is None
    ]
    engine.prepare(works)


def times(designs: Design, scenario: Scenario) -> NDArray:
    """Return step time [s] and memory over capacity [1] of every design [row, 2]."""
    return TIMED(designs, _untimed(scenario))


def _untimed(scenario: Scenario) -> Scenario:
    """Drop what does not enter the time of a step: names, and what light passes."""
    switch = scenario.scale_up_switch
    alike = "direct" if switch.topology == "circuit" else switch.topology
    switch = dataclasses.replace(switch, topology=alike)
    return nameless(dataclasses.replace(scenario, scale_up_switch=switch))


def limits(scenario: Scenario) -> dict[str, float]:
    """Return the limits that every design must respect, by report field."""
    return {limit.name: limit.limit for limit in always(scenario)}


def excess(scenario: Scenario, values: NDArray) -> NDArray:
    """Return by how much each limit is broken, at most zero where it is kept [1].

    Args:
      scenario: says what the limits are.
      values: what is limited, in the order of `limited` [..., limit].
    """
    most = limits(scenario)
    parts = [
        np.asarray(normalised(values[..., index], most[name], True))
        for index, name in enumerate(limited(scenario))
    ]
    # What is not a number counts as broken.
    return np.nan_to_num(np.stack(parts, axis=-1) - ROUNDING, nan=np.inf)


def broken(problem: Problem, values: NDArray) -> tuple[str, ...]:
    """Name the limits a machine breaks, each with what it has; `values` [limit]."""
    most = limits(problem.scenario)
    over = excess(problem.scenario, values)
    found = []
    names = limited(problem.scenario)
    for name, value, by in zip(names, values, over, strict=True):
        side = name.removesuffix("_reach")
        if by <= 0.0:
            continue
        if side == name:
            found.append(f"{name} is {value:.4g}, above {most[name]:g}")
        else:
            link = problem.fixed[f"{side}_link"]
            found.append(f"{name}: {100.0 * value:.3g} % beyond what {link} carries")
    return tuple(found)
