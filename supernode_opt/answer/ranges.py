"""The range of every reported quantity, computed with each answer and saved with it."""

import json

import numpy as np
import xarray as xr

from supernode_opt.catalog.origins import Origins
from supernode_opt.problem.build import build_design
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty.intervals import Drawn, drawn_reports, report_intervals
from supernode_opt.uncertainty.narrowing import narrows


def with_ranges(
    dataset: xr.Dataset,
    design: dict[str, float | str],
    scenario: Scenario,
    seed: int,
    origins: Origins,
    made: Drawn | None = None,
) -> xr.Dataset:
    """Return `dataset` with the 5-95 % range of each quantity of its report.

    `interval_low` and `interval_high` lie along the dimension `quantity`, in the SI
    unit of the variable of that name.  The note `narrows` says what would narrow the
    range of step time most, as shares of the variance of its logarithm [1].

    Args:
      dataset: an evaluated or optimized design.
      design: its values by name.
      scenario: what was given, freed constants at their values.
      seed: of the draws.
      origins: whose the values are.
      made: what `drawn_reports` gave for these, if it was asked already.
    """
    built = build_design(design, scenario)
    made = made or drawn_reports(built, scenario, seed, origins=origins)
    found = report_intervals(built, scenario, seed, origins, made)
    told = narrows(built, scenario, seed, origins, made)
    dataset = dataset.assign_coords(quantity=np.array([*found], dtype=object))
    ends = np.array([*found.values()], dtype=float)
    for place, (name, percentile) in enumerate((("low", 5), ("high", 95))):
        words = {"long_name": f"{percentile}th percentile, in the quantity's own unit"}
        dataset[f"interval_{name}"] = ("quantity", ends[:, place], words)
    return dataset.assign_attrs(narrows=json.dumps(told))
