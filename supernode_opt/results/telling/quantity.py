"""A reported quantity in words, and its range."""

import numpy as np
import xarray as xr

from supernode_opt.system.report import is_share
from supernode_opt.words import both, spoken

Ranges = dict[str, tuple[float, float]]


def value(dataset: xr.Dataset, name: str) -> str:
    """Write a reported quantity."""
    unit = dataset[name].attrs["units"]
    return spoken(float(dataset[name]), unit, is_share(name))


def range_of(dataset: xr.Dataset, name: str, known: Ranges) -> str:
    """Write the range of a quantity, "" where it does not vary."""
    low, high = known.get(name, (np.nan, np.nan))
    if not np.isfinite([low, high]).all():
        return ""
    unit, share = dataset[name].attrs["units"], is_share(name)
    # Ends that are written alike are no range.
    alike = spoken(low, unit, share) == spoken(high, unit, share)
    return "" if alike else both(low, high, unit, share)
