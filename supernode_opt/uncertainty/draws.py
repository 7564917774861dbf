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
from supernode_opt.calibration.data.platforms import platform_of
from supernode_opt.calibration.evidence.known import of_scenario
from supernode_opt.calibration.step_time import intervals, shipped
from supernode_opt.calibration.step_time.constants import CONSTANTS, INDEX
from supernode_opt.calibration.step_time.posterior import selection
from supernode_opt.record import replace
from supernode_opt.system.report import Report
from supernode_opt.system.reported import facts_of
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty.constants import Identity, Uncertain, drawn_value

DRAWS = 512
# Normal draws beyond these would leave what a catalog range was meant to say.
TAIL = 2.5
# What the time of a step enters, and with which power.
TIMED = {name: facts.step_exponent for name, facts in facts_of(Report).items()}


def normals(
    known: Sequence[Mapping[Identity, Uncertain]], seed: int, count: int = DRAWS
) -> dict[Identity, NDArray]:
    """Draw a standard normal of every constant of any machine [draw]."""
    random = np.random.default_rng(seed)
    every = list(dict.fromkeys(identity for one in known for identity in one))
    drawn = random.standard_normal((count, len(every)))
    fitted = [
        (column, platform, INDEX[field])
        for column, (kind, name, field) in enumerate(every)
        if kind == "software"
        and field in INDEX
        and (platform := platform_of(name)) is not None
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
            selection(posterior.names, platform.family, platform.fitted)[index]
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
            if one.fitted == other.fitted and ("stack", one.fitted) not in seen:
                covariance[i, j] += CONSTANTS[index].stack ** 2
    deviation = np.sqrt(np.diag(covariance))
    level, axes = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    return axes * np.sqrt(np.maximum(level, 0.0))


def rows_of(
    one: Case,
    known: Mapping[Identity, Uncertain],
    normal: Mapping[Identity, NDArray],
    count: int = DRAWS,
) -> Case:
    """Return a case under every draw; what follows a part follows it as drawn."""
    values = {key: drawn_value(held, normal[key]) for key, held in known.items()}
    return varied(repeated(one, count), known, values)


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


def noise(
    scenario: Scenario, split: Mapping[str, Any], seed: int, count: int = DRAWS
) -> NDArray:
    """Draw what no constant explains of step time, as a factor [draw].

    It is wider the further a scenario with the sizes of `split` lies from fitted runs.

    It is common to machines with the same chip, software, model and precision, which
    err alike, and independent between all others.
    """
    software, model = scenario.software.name, scenario.model.name
    deviation = intervals.widened_noise(
        shipped.posterior(), of_scenario(scenario, split)
    )
    alike = (scenario.chip.name, software, model, scenario.training.precision)
    random = np.random.default_rng([seed + 1, *" ".join(alike).encode()])
    return np.exp(deviation * random.standard_normal(count))


def slowed(drawn: NDArray, slower: NDArray, names: Sequence[str]) -> NDArray:
    """Return quantities `names` [draw, quantity] of steps that take `slower` times."""
    powers = np.asarray([TIMED[name] for name in names])
    return drawn * slower[:, None] ** powers
