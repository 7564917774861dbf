"""Predicted against measured peaks of memory, by stack."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.subject import proper

_GIGA = 1e9


def predicted_peaks(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw predicted against measured peaks with a band of 10 %."""
    ax = style.axes(ax, 4.4, narrow=4.2)
    known = np.isfinite(dataset["measured"].values)
    real = dataset["measured"].values[known] / _GIGA
    told = dataset["predicted"].values[known] / _GIGA
    stacks = dataset["stack"].values[known]
    if len(real):
        ends = np.array([real.min() * 0.7, real.max() * 1.4])
        ax.fill_between(ends, ends / 1.1, ends * 1.1, color="0.9", zorder=0)
        ax.plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
    names, counts = np.unique(stacks, return_counts=True)
    for order, name in enumerate(names[np.argsort(-counts)]):
        marker, colour = style.mark(order)
        ax.scatter(
            real[stacks == name],
            told[stacks == name],
            s=16,
            marker=marker,
            facecolors="none",
            edgecolors=colour,
            linewidths=0.8,
            label=proper(str(name)),
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    if len(real):
        both = np.concatenate([real, told])
        ax.set_xlim(both.min() * 0.8, both.max() * 1.25)
        ax.set_ylim(both.min() * 0.8, both.max() * 1.25)
    style.log_ticks(ax.xaxis)
    style.log_ticks(ax.yaxis)
    style.dress(ax, "measured peak [GB]", "predicted peak [GB]")
    told = f"{len(real)} peaks; band: 10 %"
    style.title(ax, "Predicted against measured peaks of memory", told)
    style.legend_below(ax, 4)
    return ax
