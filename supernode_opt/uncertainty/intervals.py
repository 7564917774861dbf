"""What is not known well, carried to every quantity of a report.

Constants are drawn from their catalog ranges, the fitted ones with the correlations
that the calibration found, and the whole machine is evaluated for every draw.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import case_of
from supernode_opt.batch.precise import precisely
from supernode_opt.batch.reports import REPORTS
from supernode_opt.catalog.origins import Origins, assumed
from supernode_opt.system.design import Design
from supernode_opt.system.report import Report, scalars
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.constants import Identity, Uncertain, uncertain

_FIVE_TO_NINETY_FIVE = (5.0, 95.0)


class Drawn(NamedTuple):
    """Reports of one design under constants drawn from their ranges.

    Attributes:
      known: the constants that were drawn.
      normal: standard normals behind the draws [draw].
      report: of every draw.
      calibrated: what steps take with a calibrated chip as its catalog entry has it,
        over what they take in `report` [draw] [1].
    """

    known: Mapping[Identity, Uncertain]
    normal: Mapping[Identity, NDArray]
    report: Report
    calibrated: NDArray


def drawn_reports(
    design: Design,
    scenario: Scenario,
    seed: int,
    count: int = draws.DRAWS,
    origins: Origins | None = None,
) -> Drawn:
    """Evaluate `design` under `count` draws of the scenario's constants.

    A design that takes a part as it is sold takes it as it is drawn, too: chips at
    their sustained clock, plates at their reference flow, ports of the data sheet.

    Args:
      design: one design.
      scenario: what is given; its constants are drawn around their values.
      seed: of the draws.
      count: of the draws.
      origins: whose the values are; without them, as `assumed` has it.
    """
    told = assumed(scenario) if origins is None else origins
    return drawn_together([(design, scenario)], seed, told, count)[0]


@precisely
def drawn_together(
    designs: Sequence[tuple[Design, Scenario]],
    seed: int,
    origins: Origins,
    count: int = draws.DRAWS,
) -> list[Drawn]:
    """Evaluate designs of one study under the same draws; see `drawn_reports`."""
    groups, made = [], []
    for design, scenario in designs:
        known = uncertain(scenario, origins)
        normal = draws.normals([known], seed, count)
        one = case_of(design, scenario, origins.following())
        tables = [normal]
        if draws.calibrated(scenario):
            tables.append(draws.as_calibrated(scenario, normal))
        groups += [draws.rows_of(one, known, table, count) for table in tables]
        made.append((known, normal, len(tables)))
    reports = iter(REPORTS.many(groups))
    found = []
    for known, normal, tables in made:
        report = next(reports)
        ratio = np.ones(count)
        if tables > 1:
            held = np.asarray(next(reports).step_time)
            ratio = held / np.asarray(report.step_time)
        found.append(Drawn(known, normal, report, ratio))
    return found


def ready(design: Design, scenario: Scenario, origins: Origins) -> None:
    """Read or compile what `drawn_reports` of this design needs."""
    drawn_reports(design, scenario, 0, 1, origins)


def slower_steps(made: Drawn, design: Design, scenario: Scenario, seed: int) -> NDArray:
    """Return how much longer steps take than drawn reports have them [draw] [1]."""
    slower = draws.noise(scenario, vars(design), seed)
    return slower * draws.installation(scenario, seed) * made.calibrated


def report_intervals(
    design: Design,
    scenario: Scenario,
    seed: int,
    origins: Origins | None = None,
    made: Drawn | None = None,
) -> dict[str, tuple[float, float]]:
    """Return the 5-95 % range of every quantity of the report, base SI units.

    Args:
      design: one design.
      scenario: what is given; its constants are drawn around their values.
      seed: of the draws.
      origins: whose the values are; without them, as `assumed` has it.
      made: what `drawn_reports` gave for these, if it was asked already.
    """
    made = made or drawn_reports(design, scenario, seed, origins=origins)
    slower = slower_steps(made, design, scenario, seed)
    found = {}
    for name in scalars(scenario):
        drawn = np.asarray(getattr(made.report, name)) * slower ** draws.TIMED[name]
        low, high = np.percentile(drawn, _FIVE_TO_NINETY_FIVE)
        found[name] = (float(low), float(high))
    return found
