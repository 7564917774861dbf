"""What is uncertain about one quantity of one design, as factors to be varied alone.

A factor is a constant of the catalog, all that was fitted together of a stack, or what
no constant explains of the time of a step.  Factors are independent of each other, as
Sobol indices ask for; what a fit says constants have in common stays inside a factor.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case, case_of
from supernode_opt.batch.compiler import compiled
from supernode_opt.batch.engine import Engine
from supernode_opt.config.study import Study
from supernode_opt.problem.build import build_design
from supernode_opt.record import get, replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.follow import followed
from supernode_opt.uncertainty import draws, served
from supernode_opt.uncertainty.constants import (
    Identity,
    Uncertain,
    drawn_value,
    uncertain,
)
from supernode_opt.uncertainty.intervals import split_of
from supernode_opt.uncertainty.worth import called

NOISE, INSTALLATION = "noise that no constant explains", "a cluster of one's own"
_BLOCK = 1024


class Factors(NamedTuple):
    """A design with all that is uncertain about it.

    Attributes:
      case: design and scenario, whose constants are varied.
      known: the constants, and where the scenario holds them.
      fitted: what all constants that were fitted together are called, "" if none were.
      deviation: of the logarithm of step time that no constant explains [1].
      elsewhere: whether its stack was tuned on the clusters of others.
      held: whether constants of the chip do not move time, which a fit knows better.
    """

    case: Case
    known: dict[Identity, Uncertain]
    fitted: str
    deviation: float
    elsewhere: bool
    held: bool

    @property
    def groups(self) -> list[str]:
        """The factor that each column of normals belongs to."""
        every = list(self.known)
        together = {column for column, *_ in draws.fitted_of(every)}
        names = [
            self.fitted if column in together else called(one)
            for column, one in enumerate(every)
        ]
        return [*names, NOISE, *([INSTALLATION] if self.elsewhere else [])]


def factors_of(study: Study) -> Factors:
    """Return what is uncertain about the one design of a study."""
    problem, scenario = study.problem, study.problem.scenario
    known = uncertain(scenario, problem.origins)
    design = build_design(problem.fixed, scenario)
    several = bool(draws.fitted_of(list(known)))
    return Factors(
        case=case_of(design, scenario, problem.origins.following()),
        known=known,
        fitted=f"what was fitted of {scenario.software.name}" if several else "",
        deviation=draws.deviation(scenario, split_of(design)),
        elsewhere=draws.tuned_elsewhere(scenario),
        held=draws.calibrated(scenario),
    )


@functools.cache
def _asked(quantity: str) -> Engine:
    def one(values: dict[str, Any], given: Case) -> Any:
        return _told(quantity, values, given)

    return Engine(one, _BLOCK)


def _told(
    quantity: str, values: dict[str, Any], given: Case, relaxed: bool = False
) -> Any:
    """Return the quantity, and the time of a step [s], with constants changed.

    Where time is nothing to the quantity, it is not computed.  Of a machine that serves
    it is the rate at which it generates [1/s].
    """
    scenario = given.scenario
    for path, value in values.items():
        scenario = replace(scenario, path, value)
    design = followed(given.design, scenario, given.follow)
    report = evaluate(design, scenario, relaxed=relaxed)
    time = "step_time" if scenario.serving is None else served.RATE
    asked = [quantity, *([time] if draws.TIMED[quantity] else [])]
    return jnp.stack([jnp.asarray(getattr(report, name)) for name in asked])


def drawn(factors: Factors, quantity: str, normal: NDArray) -> NDArray:
    """Return a quantity at independent standard normals of all columns [draw].

    Args:
      factors: what they move.
      quantity: field of `Report`.
      normal: one column per name in `groups` [draw, column].
    """
    every, exponent = list(factors.known), draws.TIMED[quantity]
    bent = draws.correlated(every, normal[:, : len(every)])
    drawn = dict(zip(every, bent.T, strict=True))
    rest = np.clip(normal[:, len(every) :], -draws.TAIL, draws.TAIL)
    slower = np.exp(factors.deviation * rest[:, 0])
    if factors.case.scenario.serving is not None:
        return _of_serving(factors, quantity, drawn, slower)
    told = _evaluated(factors, quantity, drawn)
    values = told[:, 0]
    if not exponent:
        return values
    if factors.elsewhere:
        slower = slower * np.exp(draws.INSTALLATION * np.abs(rest[:, 1]))
    if factors.held:
        still = _chip_held(drawn)
        slower = slower * _evaluated(factors, quantity, still)[:, 1] / told[:, 1]
    return values * slower**exponent


def _chip_held(drawn: dict[Identity, NDArray]) -> dict[Identity, NDArray]:
    """Return draws under which the chip is as its catalog entry has it."""
    return {
        one: 0.0 * column if one[0] == "chip" else column
        for one, column in drawn.items()
    }


def _of_serving(
    factors: Factors, quantity: str, drawn: dict[Identity, NDArray], slower: NDArray
) -> NDArray:
    """Return a quantity of a machine whose limits bind in every draw [draw]."""
    unit = served.asked(factors.case.scenario, slower)
    told = _evaluated(factors, quantity, drawn, unit)
    exponent = draws.TIMED[quantity]
    if factors.held and exponent:
        held = _evaluated(factors, quantity, _chip_held(drawn), unit)
        names = (quantity, served.RATE)
        powers = np.asarray([draws.TIMED[name] for name in names])
        told = served.settled(names, told, held, powers)
    return told[:, 0] * slower**exponent


def _evaluated(
    factors: Factors,
    quantity: str,
    normal: dict[Identity, NDArray],
    more: Mapping[str, NDArray] | None = None,
) -> NDArray:
    rows = dict(more or {})
    for one, column in normal.items():
        value = drawn_value(factors.known[one], column)
        rows |= dict.fromkeys(factors.known[one].paths, value)
    return _asked(quantity)(rows, factors.case)


def elasticities(factors: Factors, quantity: str) -> NDArray:
    """Return d ln quantity / d ln constant of every constant, by gradient [constant].

    What follows a part follows it as it is changed, as in `drawn`.
    """
    every = list(factors.known.values())
    values = {p: get(factors.case.scenario, p) for one in every for p in one.paths}
    # A batch that is solved for is whole, and would have no slope.
    relaxed = factors.case.scenario.serving is not None

    def logarithm(values: dict[str, Any], given: Case) -> Any:
        return jnp.log(jnp.abs(_told(quantity, values, given, relaxed)[0]))

    slopes = compiled(jax.grad(logarithm))(values, factors.case)
    return np.asarray(
        [sum(float(slopes[p]) for p in one.paths) * float(one.value) for one in every]
    )


def ends(factors: Factors, quantity: str) -> NDArray:
    """Return a quantity at its value, and at both ends of each constant's range.

    Returns:
      The value, then the quantity at low and at high of every constant [1 + 2 n].
    """
    every = list(factors.known.values())
    base = {p: float(one.value) for one in every for p in one.paths}
    rows = {path: np.full(1 + 2 * len(every), value) for path, value in base.items()}
    for place, one in enumerate(every):
        for path in one.paths:
            rows[path][1 + 2 * place : 3 + 2 * place] = one.low, one.high
    return _asked(quantity)(rows, factors.case)[:, 0]
