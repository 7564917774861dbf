"""Predicted against measured step times, and where the errors are."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style

_ACROSS = (
    ("chips", "chips"),
    ("tensor_parallel", "tensor parallel"),
    ("pipeline_parallel", "pipeline parallel"),
    ("expert_parallel", "expert parallel"),
)
_CLIP = 60.0


def _sets(dataset: xr.Dataset) -> list[tuple[str, str, str, np.ndarray]]:
    """List accelerators with marker, colour and rows, the most frequent first."""
    chips = dataset["accelerator"].values
    names, counts = np.unique(chips, return_counts=True)
    ordered = enumerate(names[np.argsort(-counts)])
    return [(name, *style.mark(order), chips == name) for order, name in ordered]


def predicted_measured(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw predicted against measured step time with a band of 10 %.

    Rows the calibration has seen are hollow, the others filled.
    """
    ax = style.axes(ax, 5.4)
    told, real = dataset["predicted"].values, dataset["measured"].values
    fitted = dataset["fitted"].values.astype(bool)
    ends = np.array([real.min() * 0.7, real.max() * 1.4])
    ax.fill_between(ends, ends / 1.1, ends * 1.1, color="0.9", zorder=0)
    ax.plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
    for name, marker, colour, rows in _sets(dataset):
        filled = bool((rows & ~fitted).any())
        for mask, face in ((rows & fitted, "none"), (rows & ~fitted, colour)):
            # One line in the legend: the filled mark, where there is one.
            named = filled == (face != "none")
            ax.scatter(
                real[mask],
                told[mask],
                s=16,
                marker=marker,
                facecolors=face,
                edgecolors=colour,
                linewidths=0.8,
                label=name if named else None,
            )
    ax.set_xscale("log")
    ax.set_yscale("log")
    title = "Predicted against measured step time: filled rows were never fitted"
    style.dress(ax, title, "measured step time [s]", "predicted step time [s]")
    style.legend_below(ax, 6)
    return ax


def error_by_parallelism(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the signed error of every row against chips and parallel sizes."""
    ax = style.axes(ax, 5.8)
    figure, grid = style.panels(ax, 2, 2)
    signed = 100.0 * (dataset["predicted"] / dataset["measured"] - 1.0).values
    fitted = dataset["fitted"].values.astype(bool)
    first = None
    for place, (name, words) in enumerate(_ACROSS):
        panel = figure.add_subplot(grid[place // 2, place % 2], sharey=first)
        first = first or panel
        panel.axhspan(-10.0, 10.0, color="0.92", zorder=0)
        panel.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
        across, up = dataset[name].values, np.clip(signed, -_CLIP, _CLIP)
        for mask, key, label in (
            (fitted, "grey", "fitted"),
            (~fitted, "vermilion", "never fitted"),
        ):
            colour = style.COLOURS[key]
            panel.scatter(across[mask], up[mask], s=9, color=colour, label=label)
        panel.set_xscale("log", base=2)
        style.dress(panel, "", words, "error [%]" if place % 2 == 0 else "")
        if place == 0:
            title = f"Error of step time (clipped at {_CLIP:.0f} %)"
            panel.set_title(title, fontsize=style.TITLE, loc="left")
        if place == len(_ACROSS) - 1:
            # Inside, it would hide rows that are clipped.
            style.legend_below(panel, 2)
    return ax
