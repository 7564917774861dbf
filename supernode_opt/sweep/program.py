"""The compiled half of a sweep: what is asked of a design, and whether it may be."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from supernode_opt.answer.verdict import ROUNDING
from supernode_opt.batch.case import Case
from supernode_opt.batch.engine import Engine
from supernode_opt.problem.constraints import Form, normalised_values
from supernode_opt.record import get, replace
from supernode_opt.system.design import place_of
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.footprint import LIKELY
from supernode_opt.system.package import settled_clock, standing_share
from supernode_opt.system.report import FACTS, limited

# Rows at once: they stay in cache where numbers alone vary; whole cases are larger.
BLOCK, BLOCK_OF_CASES = 4096, 512
_HEADROOM = "memory_fraction"


class Kind(NamedTuple):
    """What a program computes.

    Attributes:
      names: reported quantities, dotted paths below `Report`.
      forms: the limits, the study's own first.
      own: how many of them these are.
      settles: whether the clock is what the limits of a package sustain.
    """

    names: tuple[str, ...]
    forms: tuple[Form, ...]
    own: int
    settles: bool


class Judged(NamedTuple):
    """What is told of a design.

    Attributes:
      values: of the quantities [quantity].
      feasible: whether every limit holds.
      binding: position of the limit that is broken most or has the least margin.
      standing: what a package draws at rest, over what it may draw [1].
    """

    values: Any
    feasible: Any
    binding: Any
    standing: Any


def put(one: Case, numbers: Mapping[str, Any]) -> Case:
    """Return a case with numbers at their paths, `design.chips`, `scenario.chip.tdp`.

    A `NamedTuple` is no record, which is why its two halves are taken apart.
    """
    for path, value in numbers.items():
        half, _, rest = path.partition(".")
        rest = place_of(rest) if half == "design" else rest
        changed = replace(getattr(one, half), rest, value)
        one = one._replace(**{half: changed})
    return one


def judged(kind: Kind, numbers: Mapping[str, Any], one: Case, own: Any) -> Judged:
    """Evaluate one design, and judge it as `evaluate` judges a study.

    Args:
      kind: what is asked.
      numbers: what differs from `one`, by path.
      one: the design.
      own: the study's own limits [limit].
    """
    one = put(one, numbers)
    design, scenario = one.design, one.scenario
    standing = jnp.zeros(())
    if kind.settles:
        clock = settled_clock(design, scenario)
        design = replace(design, "clock", clock)
        standing = standing_share(design, scenario)
    report = evaluate(design, scenario, throttled=True)
    ceilings = [_ceiling(name, scenario) for name in limited(scenario)]
    limits = jnp.stack([*(own[i] for i in range(kind.own)), *ceilings])
    excess = normalised_values(report, kind.forms, limits)
    # Written so that a value that is not a number counts as broken.
    broken = jnp.logical_not(excess <= ROUNDING)
    named = [name for name, _ in kind.forms]
    if _HEADROOM not in named[: kind.own]:
        # As for one study: headroom is for designs that are chosen.
        place = named.index(_HEADROOM)
        runs = jnp.logical_not(report.fit_probability < 1.0 - LIKELY)
        broken = broken.at[place].set(broken[place] & jnp.logical_not(runs))
    feasible = jnp.logical_not(jnp.any(broken))
    # Of a limit of nothing at all nothing is ever left: it tells where it is broken.
    counts = jnp.where(feasible, limits != 0.0, broken)
    rank = jnp.where(counts, excess, -jnp.inf)
    binding = jnp.argmax(jnp.where(jnp.isnan(rank), jnp.inf, rank))
    values = [jnp.asarray(get(report, name), float) for name in kind.names]
    return Judged(jnp.stack(values), feasible, binding, standing)


def _ceiling(name: str, scenario: Any) -> Array:
    ceiling = FACTS[name].ceiling
    assert ceiling is not None
    return jnp.asarray(ceiling(scenario), float)


@functools.cache
def of_numbers(kind: Kind) -> Engine:
    """Return what evaluates rows of numbers, given (case, own limits)."""
    return Engine(lambda row, given: judged(kind, row, *given), BLOCK)


@functools.cache
def of_cases(kind: Kind) -> Engine:
    """Return what evaluates rows of (numbers, case, own limits)."""
    return Engine(lambda row, given: judged(kind, *row), BLOCK_OF_CASES)
