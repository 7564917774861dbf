"""Constants drawn once for all machines, so that ratios know what they share.

A constant is known by its catalog entry, not by the machine that uses it: two machines
with the same optics get the same draw.  Fitted constants of different stacks are drawn
from one covariance, for they share their common part.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration.step_time import intervals, shipped
from supernode_opt.calibration.step_time.constants import CONSTANTS, INDEX
from supernode_opt.calibration.step_time.fit import selection
from supernode_opt.calibration.step_time.platforms import SHIPPED
from supernode_opt.catalog.systems import PARTS
from supernode_opt.compare import program
from supernode_opt.compare.program import QUANTITIES, Case
from supernode_opt.record import get, replace
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty.intervals import (
    TAIL,
    TIMED,
    Uncertain,
    drawn_value,
    uncertain,
)

DRAWS = 512

# A constant by kind, entry and field.
Identity = tuple[str, str, str]


class Known(NamedTuple):
    """A constant of the catalog that has a range, and where a scenario holds it."""

    one: Uncertain
    paths: tuple[str, ...]


def constants(scenario: Scenario) -> dict[Identity, Known]:
    """Return what is uncertain of a scenario with the links of its design alone."""
    found: dict[Identity, Known] = {}
    for one in uncertain(scenario):
        owner, _, field = one.path.rpartition(".")
        kind = PARTS.get(owner, "link")
        identity = (kind, get(scenario, owner).name, field)
        before = found[identity].paths if identity in found else ()
        found[identity] = Known(one, (*before, one.path))
    return found


def normals(
    known: Sequence[dict[Identity, Known]], seed: int, count: int = DRAWS
) -> dict[Identity, NDArray]:
    """Draw a standard normal of every constant of any machine [draw]."""
    random = np.random.default_rng(seed)
    every = list(dict.fromkeys(identity for one in known for identity in one))
    drawn = random.standard_normal((count, len(every)))
    platforms = {platform.name: platform for platform in SHIPPED}
    fitted = [
        (column, platforms[name], INDEX[field])
        for column, (kind, name, field) in enumerate(every)
        if kind == "software" and name in platforms and field in INDEX
    ]
    if fitted:
        columns = [column for column, _, _ in fitted]
        drawn[:, columns] = drawn[:, columns] @ _root(fitted).T
    drawn = np.clip(drawn, -TAIL, TAIL)
    return {identity: drawn[:, i] for i, identity in enumerate(every)}


def _root(fitted: Sequence) -> NDArray:
    """Return a root of the correlations of fitted constants of several stacks."""
    posterior = shipped.posterior()
    seen = {(scope, member) for _, scope, member in posterior.names}
    rows = np.stack(
        [
            selection(posterior.names, platform.family, platform.stack)[index]
            for _, platform, index in fitted
        ]
    )
    covariance = rows @ posterior.covariance @ rows.T
    for i, (_, one, index) in enumerate(fitted):
        for j, (_, other, same) in enumerate(fitted):
            if index != same:
                continue
            # Deviations that no run ever showed are common to all who share them.
            if one.family == other.family and ("chip", one.family) not in seen:
                covariance[i, j] += CONSTANTS[index].chip ** 2
            if one.stack == other.stack and ("stack", one.stack) not in seen:
                covariance[i, j] += CONSTANTS[index].stack ** 2
    deviation = np.sqrt(np.diag(covariance))
    level, axes = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    return axes * np.sqrt(np.maximum(level, 0.0))


def rows_of(
    one: Case, follow: dict, known: dict[Identity, Known], normal: dict
) -> Case:
    """Return a case under every draw; what follows a part follows it as drawn."""
    count = len(next(iter(normal.values())))
    rows = program.repeated(one._replace(follow=follow), count)
    return varied(
        rows,
        known,
        {key: drawn_value(held.one, normal[key]) for key, held in known.items()},
    )


def varied(
    rows: Case, known: dict[Identity, Known], values: dict[Identity, NDArray]
) -> Case:
    """Return `rows` with constants set to `values` [row] wherever they are used."""
    scenario = rows.scenario
    for identity, value in values.items():
        for path in known[identity].paths:
            scenario = replace(scenario, path, value)
    return rows._replace(scenario=scenario)


def noise(scenario: Scenario, seed: int, count: int = DRAWS) -> NDArray:
    """Draw what no constant explains of step time, as a factor [draw].

    It is common to machines with the same chip, software, model and precision, which
    err alike, and independent between all others.
    """
    software, model = scenario.software.name, scenario.model.name
    platform = next((p for p in SHIPPED if p.name == software), None)
    kind = "moe" if float(scenario.model.experts) else "dense"
    stack = "" if platform is None else platform.stack
    deviation = intervals.noise_of(shipped.posterior(), stack, kind)
    alike = (scenario.chip.name, software, model, scenario.training.precision)
    random = np.random.default_rng([seed + 1, *" ".join(alike).encode()])
    return np.exp(deviation * random.standard_normal(count))


def slowed(quantities: NDArray, slower: NDArray) -> NDArray:
    """Return quantities [draw, quantity] of steps that take `slower` times as long."""
    powers = np.asarray([TIMED.get(name, 0.0) for name in QUANTITIES])
    return quantities * slower[:, None] ** powers
