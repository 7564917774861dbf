"""Times of the fits over measured times of a machine's microbenchmarks."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.measure import words

_PREDICTED = "_predicted"


def fits(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw what the fits say of every point over its measured time, by section."""
    ax = style.axes(ax, 3.6)
    for order, section in enumerate(sections(dataset)):
        time = dataset[f"{section}_time"].values
        ratio = dataset[f"{section}{_PREDICTED}"].values / time
        marker, colour = style.mark(order)
        ax.plot(
            time,
            ratio,
            linestyle="",
            marker=marker,
            markersize=4,
            markerfacecolor="none",
            color=colour,
            label=words(section),
        )
    ax.axhspan(1.0 / 1.1, 1.1, color="0.9", zorder=0)
    ax.axhline(1.0, color="0.5", linewidth=0.8, zorder=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    style.log_ticks(ax.xaxis)
    style.log_ticks(ax.yaxis)
    style.dress(ax, "measured time of one call [s]", "time of the fit over measured")
    name = str(dataset.attrs["name"])
    style.title(
        ax, "How well the fits describe what was measured", f"{name}; band: 10 %"
    )
    style.legend_below(ax, 4)
    return ax


def sections(dataset: xr.Dataset) -> list[str]:
    """Return the parts of a measurement that a fit predicts."""
    names = (str(name).removesuffix(_PREDICTED) for name in dataset.data_vars)
    known = [
        n for n in names if f"{n}{_PREDICTED}" in dataset and f"{n}_time" in dataset
    ]
    return [n for n in known if np.isfinite(dataset[f"{n}{_PREDICTED}"].values).any()]
