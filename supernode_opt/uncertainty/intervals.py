"""What is not known well, carried to every quantity of a report.

Constants are drawn from their catalog ranges, the fitted ones with the correlations
that the calibration found, and the whole machine is evaluated for every draw.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import case_of
from supernode_opt.batch.precise import precisely
from supernode_opt.batch.reports import REPORTS
from supernode_opt.catalog.origins import Origins, assumed
from supernode_opt.system.design import Design
from supernode_opt.system.report import Report, scalars
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty import draws, served
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
      slower: of a machine that serves, the unit of time of `report`, in which limits
        bind as `draws.noise` has it; `None` of one that trains [draw] [s].
    """

    known: Mapping[Identity, Uncertain]
    normal: Mapping[Identity, NDArray]
    report: Report
    calibrated: NDArray
    slower: NDArray | None = None


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
    apart: bool = False,
) -> list[Drawn]:
    """Evaluate designs of one study under the same draws; see `drawn_reports`.

    Args:
      designs: with what is given.
      seed, origins, count: see `drawn_reports`.
      apart: whether splits of one machine err on their own, too.
    """
    groups, made = [], []
    for design, scenario in designs:
        known = uncertain(scenario, origins)
        normal = draws.normals([known], seed, count)
        one = case_of(design, scenario, origins.following())
        tables = [normal]
        if draws.calibrated(scenario):
            tables.append(draws.as_calibrated(scenario, normal))
        slower = None
        if scenario.serving is not None:
            err = draws.noise_of_split if apart else draws.noise
            slower = err(scenario, split_of(design), seed, count)
        unit = np.ones(count) if slower is None else slower
        groups += [draws.rows_of(one, known, table, unit) for table in tables]
        made.append((scenario, known, normal, len(tables), slower))
    reports = iter(REPORTS.many(groups))
    found = []
    for (design, _), one in zip(designs, made, strict=True):
        scenario, known, normal, tables, slower = one
        report = next(reports)
        ratio = np.ones(count)
        if tables > 1:
            held = next(reports)
            if slower is None:
                times = np.asarray(held.step_time)
                ratio = times / np.asarray(report.step_time)
            else:
                report = _settled(scenario, report, held)
        if slower is not None:
            late = draws.noise_of_first(scenario, split_of(design), seed, count)
            report = _late(scenario, report, late)
        found.append(Drawn(known, normal, report, ratio, slower))
    return found


def split_of(design: Design) -> dict[str, Any]:
    """Return the fields of a design by name, those of its pools among them."""
    return vars(design) | (vars(design.pools) if design.pools is not None else {})


def _late(scenario: Scenario, report: Report, factor: NDArray) -> Report:
    """Return drawn reports with what is unknown of the first token alone."""
    names = scalars(scenario)
    values = np.stack([np.asarray(getattr(report, name)) for name in names], axis=1)
    values = served.late(names, values, factor)
    return dataclasses.replace(report, **dict(zip(names, values.T, strict=True)))


def _settled(scenario: Scenario, report: Report, held: Report) -> Report:
    """Return drawn reports whose times are those of a chip as its entry has it."""
    names = scalars(scenario)
    drawn, as_sold = (
        np.stack([np.asarray(getattr(one, name)) for name in names], axis=1)
        for one in (report, held)
    )
    powers = np.asarray([draws.TIMED[name] for name in names])
    values = served.settled(names, drawn, as_sold, powers)
    return dataclasses.replace(report, **dict(zip(names, values.T, strict=True)))


def ready(design: Design, scenario: Scenario, origins: Origins) -> None:
    """Read or compile what `drawn_reports` of this design needs."""
    drawn_reports(design, scenario, 0, 1, origins)


def slower_steps(made: Drawn, design: Design, scenario: Scenario, seed: int) -> NDArray:
    """Return how much longer steps take than drawn reports have them [draw] [1]."""
    if made.slower is not None:
        return made.slower
    slower = draws.noise(scenario, split_of(design), seed)
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
