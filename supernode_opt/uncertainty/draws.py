"""Constants drawn once for all machines, so that ratios know what they share.

Two machines with the same optics get the same draw.  Fitted constants of different
stacks are drawn from one covariance, for they share their common part.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case
from supernode_opt.batch.engine import repeated
from supernode_opt.calibration.data.platforms import Platform, platform_of
from supernode_opt.calibration.evidence.known import of_scenario
from supernode_opt.calibration.step_time import intervals, own_platform, shipped
from supernode_opt.calibration.step_time.constants import CONSTANTS, fitted_as
from supernode_opt.calibration.step_time.fit import family_of
from supernode_opt.calibration.step_time.posterior import (
    constants_together,
    told_by_kernels,
)
from supernode_opt.record import replace
from supernode_opt.system.divided import split_fields
from supernode_opt.system.report import Report
from supernode_opt.system.reported import facts_of
from supernode_opt.system.scenario import Scenario, precision_of
from supernode_opt.uncertainty import served
from supernode_opt.uncertainty.constants import Identity, Uncertain, drawn_value

DRAWS = 512
# Normal draws beyond these would leave what a catalog range was meant to say.
TAIL = 2.5
# What the time of a step enters, and with which power.
TIMED = {name: facts.step_exponent for name, facts in facts_of(Report).items()}


def normals(
    known: Sequence[Mapping[Identity, Uncertain]], seed: int, count: int = DRAWS
) -> dict[Identity, NDArray]:
    """Draw a standard normal of every constant of any machine [draw].

    Each has a stream of its own, by its name: what else is drawn does not move it.
    """
    every = list(dict.fromkeys(identity for one in known for identity in one))
    drawn = np.stack([_stream(seed, *one).standard_normal(count) for one in every], 1)
    drawn = correlated(every, drawn)
    return {identity: drawn[:, i] for i, identity in enumerate(every)}


def fitted_of(
    every: Sequence[Identity],
) -> list[tuple[int, Platform, int, float]]:
    """Return column, stack, place in the fit and way of each fitted constant."""
    return [
        (column, platform, *place)
        for column, (kind, name, field) in enumerate(every)
        if kind == "software"
        and (place := fitted_as(field)) is not None
        and (platform := platform_of(name)) is not None
    ]


def correlated(every: Sequence[Identity], drawn: NDArray) -> NDArray:
    """Return standard normals of constants, with what a fit says they have in common.

    Args:
      every: the constants.
      drawn: independent standard normals [draw, constant].
    """
    drawn = drawn.copy()
    if fitted := fitted_of(every):
        columns, platforms, places, ways = map(list, zip(*fitted, strict=True))
        together = drawn[:, columns] @ _root(platforms, places).T
        drawn[:, columns] = together * ways
    drawn = served.together(every, drawn)
    return np.clip(drawn, -TAIL, TAIL)


def _root(platforms: Sequence[Platform], constants: Sequence[int]) -> NDArray:
    """Return a root of the correlations of fitted constants of several stacks."""
    keys = [(platform.family, platform.fitted) for platform in platforms]
    every = list(dict.fromkeys(keys))
    _, covariance = constants_together(shipped.posterior(), every)
    wide = len(CONSTANTS)
    places = [
        every.index(key) * wide + index
        for key, index in zip(keys, constants, strict=True)
    ]
    covariance = covariance[np.ix_(places, places)]
    deviation = np.sqrt(np.diag(covariance))
    level, axes = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    return axes * np.sqrt(np.maximum(level, 0.0))


def rows_of(
    one: Case,
    known: Mapping[Identity, Uncertain],
    normal: Mapping[Identity, NDArray],
    slower: NDArray,
) -> Case:
    """Return a case under every draw; what follows a part follows it as drawn.

    Args:
      one: the case.
      known: what is drawn of it.
      normal: standard normals of every constant of any machine [draw].
      slower: see `noise`; a machine that serves keeps its limits in spite of it [draw].
    """
    values = {key: drawn_value(held, normal[key]) for key, held in known.items()}
    rows = varied(repeated(one, len(slower)), known, values)
    return served.stretched(rows, slower)


def varied(
    rows: Case,
    known: Mapping[Identity, Uncertain],
    values: Mapping[Identity, NDArray],
) -> Case:
    """Return `rows` with constants set to `values` [row] wherever they are used."""
    scenario = rows.scenario
    for identity, value in values.items():
        for path in known[identity].paths:
            scenario = replace(scenario, path, value)
    return rows._replace(scenario=scenario)


def calibrated(scenario: Scenario) -> bool:
    """Tell whether the software of a scenario was calibrated on its chip.

    By runs of the chip's family, or by kernels of the stack on the chip.
    """
    if scenario.serving is not None:
        return served.calibrated(scenario)
    platform = platform_of(scenario.software.name)
    family = family_of(scenario.chip.name)
    if platform is None or platform.family != family:
        return False
    known = shipped.posterior()
    fitted = ("chip", family) in {(scope, who) for _, scope, who in known.names}
    return fitted or told_by_kernels(known, platform.fitted)


def as_calibrated(
    scenario: Scenario, normal: Mapping[Identity, NDArray]
) -> dict[Identity, NDArray]:
    """Return draws under which a calibrated chip is as its catalog entry has it [draw].

    What a fit sees of a chip is products: the rate of matrix products, say, is its
    clock times what a fitted constant leaves of it.  The fit was made at the catalog's
    values and knows the products, however wrong the factors are; a draw of the chip
    alone moves its power and heat, and must not move the time of a step once more.
    """
    held = "chip" if calibrated(scenario) else ""
    return {key: 0.0 * one if key[0] == held else one for key, one in normal.items()}


def noise(
    scenario: Scenario, split: Mapping[str, Any], seed: int, count: int = DRAWS
) -> NDArray:
    """Draw what no constant explains of step time, as a factor [draw].

    It is wider the further a scenario with the sizes of `split` lies from fitted runs.

    It is common to machines with the same chip, software, model and precision, which
    err alike, and independent between all others.
    """
    return np.exp(deviation(scenario, split) * noise_normal(scenario, seed, count))


def noise_normal(scenario: Scenario, seed: int, count: int = DRAWS) -> NDArray:
    """Draw the standard normal of `noise`, whatever the split [draw]."""
    software, model = scenario.software.name, scenario.model.name
    alike = (scenario.chip.name, software, model, precision_of(scenario))
    return _stream(seed, *alike).standard_normal(count)


def deviation(scenario: Scenario, split: Mapping[str, Any]) -> float:
    """Return how far the logarithm of step time is off that no constant explains [1].

    Args:
      scenario, split: see `noise`.
    """
    if scenario.serving is not None:
        return served.deviation(scenario, split)
    platform = platform_of(scenario.software.name)
    return intervals.widened_noise(
        own_platform.behind(scenario.software.name) or shipped.posterior(),
        of_scenario(scenario, split),
        "" if platform is None else platform.stack,
    )


def noise_of_first(
    scenario: Scenario, split: Mapping[str, Any], seed: int, count: int = DRAWS
) -> NDArray:
    """Draw what `noise` leaves of the time to the first token, as a factor [draw]."""
    if scenario.serving is None:
        return np.ones(count)
    spread = served.deviation_of_first(scenario, split)
    alike = (scenario.chip.name, scenario.software.name, scenario.model.name)
    return np.exp(spread * standard_normal(seed, count, "first token", *alike))


# What two runs that differ in their split alone do not share of what no constant
# explains: errors of log step time of 621 pairs of shipped runs of one stack, chip,
# model, precision, sequence and number of chips differ by 0.047, robust deviation.  Of
# each run it is that over the root of two [1].
OWN = 0.033


def noise_of_split(
    scenario: Scenario, split: Mapping[str, Any], seed: int, count: int = DRAWS
) -> NDArray:
    """Draw `noise` such that splits of one machine do not share all of it [draw].

    As wide as `noise` of each alone; what tells two splits apart is their own part.
    """
    wide = deviation(scenario, split)
    own = min(OWN, wide)
    called = (f"{name} {split[name]}" for name in split_fields(scenario))
    alone = standard_normal(seed, count, "split", *called)
    shared = noise_normal(scenario, seed, count)
    return np.exp(np.sqrt(wide**2 - own**2) * shared + own * alone)


# Steps of stacks that users tuned take longer than what all stacks have in common, by
# 0.12 (InternEvo), 0.16 (llm-foundry) and 0.18 (torchtitan) in the logarithm, medians
# of 54, 216 and 29 dense rows; a half-normal with this spread has its median at 0.13.
INSTALLATION = 0.2


def installation(scenario: Scenario, seed: int, count: int = DRAWS) -> NDArray:
    """Draw how much longer a step takes on a cluster of one's own [draw] [1].

    What was fitted of a stack is its maker's, who tuned it: another's cluster is slower
    more often than not.  A stack of which no run was fitted has the whole spread
    between stacks already.
    """
    if not tuned_elsewhere(scenario):
        return np.ones(count)
    drawn = standard_normal(seed, count, "installation")
    return np.exp(INSTALLATION * np.abs(drawn))


def tuned_elsewhere(scenario: Scenario) -> bool:
    """Tell whether what is known of a stack is known of others' clusters."""
    if scenario.serving is not None:
        # What serving stacks are known by are benchmarks that users can repeat.
        return False
    platform = platform_of(scenario.software.name)
    if platform is None or platform.documented.maker:
        return False
    names = shipped.posterior().names
    return platform.fitted in {who for _, scope, who in names if scope == "stack"}


def standard_normal(seed: int, count: int, *words: str) -> NDArray:
    """Draw standard normals of a stream of their own, by its name [draw]."""
    return _stream(seed, *words).standard_normal(count)


def _stream(seed: int, *words: str) -> np.random.Generator:
    return np.random.default_rng([seed, *" ".join(words).encode()])


def slowed(drawn: NDArray, slower: NDArray, names: Sequence[str]) -> NDArray:
    """Return quantities `names` [draw, quantity] of steps that take `slower` times."""
    powers = np.asarray([TIMED[name] for name in names])
    return drawn * slower[:, None] ** powers


def told(
    scenario: Scenario,
    names: Sequence[str],
    drawn: NDArray,
    held: NDArray,
    slower: NDArray,
    first: NDArray,
) -> NDArray:
    """Return what is reported of a machine in every draw [draw, quantity].

    Args:
      scenario: what is given.
      names: of the quantities, tokens a second among them.
      drawn, held: of rows of draws, and with a calibrated chip as its entry has it
        [draw, quantity].
      slower: see `noise` [draw].
      first: see `noise_of_first` [draw].
    """
    powers = np.asarray([TIMED[name] for name in names])
    if scenario.serving is not None:
        values = served.settled(names, drawn, held, powers)
        return served.late(names, slowed(values, slower, names), first)
    rate = list(names).index("tokens_per_s")
    longer = drawn[:, rate] / held[:, rate]
    return slowed(drawn, slower * longer, names)
