"""Constants that a calibration fitted, over what was known of them before."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.measure import words
from supernode_opt.plot.subject import proper

# Half the width of a 90 % interval of a normal, in deviations.
_NINETY = 1.645


def constants(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw every fitted constant with its 90 % interval, over its value before."""
    known = np.flatnonzero(dataset["before"].values > 0.0)
    ax = style.axes(ax, 0.9 + 0.2 * max(len(known), 3))
    before = dataset["before"].values[known]
    value = dataset["value"].values[known] / before
    half = _NINETY * dataset["standard_error"].values[known] / before
    order = np.arange(len(known))[::-1]
    ax.errorbar(
        value,
        order,
        xerr=half,
        fmt="o",
        markersize=4,
        capsize=2,
        linewidth=0.9,
        color=style.COLOURS["blue"],
    )
    ax.axvline(1.0, color="0.5", linewidth=0.8, zorder=0)
    names = [words(str(name)) for name in dataset["calibrated"].values[known]]
    ax.set_yticks(order, names)
    ax.set_ylim(-0.6, len(known) - 0.4)
    style.few_ticks(ax.xaxis)
    style.dress(ax, "fitted value over the value before")
    platform = proper(str(dataset.attrs["platform"]))
    about = f"{platform}; bars: 90 % intervals of the fit"
    style.title(ax, f"{len(known)} fitted constants", about)
    return ax
