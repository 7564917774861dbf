"""What a calibration made of the constants of a stack."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from supernode_opt.plot import style
from supernode_opt.plot.measure import label_of
from supernode_opt.plot.subject import proper

# Half-width of a central 90 % range in standard deviations.
_NINETY = 1.645


def fitted_constants(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw each fitted constant over its value before, with its 5-95 % range.

    The constant that moved most is on top; hollow marks hold the value before.
    """
    value, before = dataset["value"].values, dataset["before"].values
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value / before
        half = _NINETY * dataset["standard_error"].values / np.abs(before)
    rows = np.flatnonzero(np.isfinite(ratio))
    rows = rows[np.argsort(-np.abs(ratio[rows] - 1.0), kind="stable")]
    ax = style.axes(ax, 1.2 + 0.16 * len(rows), narrow=1.4 + 0.17 * len(rows))
    blue = style.COLOURS["blue"]
    ax.axvline(1.0, color="0.4", lw=0.8, zorder=1)
    for place, row in enumerate(rows):
        wide = half[row] if np.isfinite(half[row]) else 0.0
        held = abs(ratio[row] - 1.0) <= wide
        ax.hlines(place, ratio[row] - wide, ratio[row] + wide, color=blue, lw=1.0)
        looks = {"marker": "o", "ms": 3.5, "color": blue, "ls": ""}
        ax.plot(ratio[row], place, mfc="white" if held else blue, **looks)
    names = [label_of(str(dataset["calibrated"].values[row])) for row in rows]
    ax.set_yticks(range(len(rows)), names)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    style.few_ticks(ax.xaxis)
    style.dress(ax, "fitted / before")
    platform = proper(str(dataset.attrs.get("platform", "the platform")))
    told = f"{len(rows)} constants with their 5-95 % ranges, what moved most first"
    style.title(ax, f"Calibration of {platform}", told)
    dot = {"marker": "o", "ms": 3.5, "color": blue, "ls": ""}
    handles = [
        Line2D([], [], label="moved", **dot),
        Line2D([], [], label="the range holds the value before", mfc="white", **dot),
    ]
    style.legend_below(ax, 2, handles=handles)
    return ax
