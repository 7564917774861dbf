"""Predicted against measured step times, and where the errors are."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.subject import proper

_ACROSS = (
    ("chips", "chips"),
    ("tensor_parallel", "tensor parallel ranks"),
    ("pipeline_parallel", "pipeline stages"),
    ("expert_parallel", "expert parallel ranks"),
)
_CLIP = 60.0
# Accelerators with a colour of their own; the others share grey.
_NAMED = 7
_BANDS = ((1.2, "0.93", "within 20 %"), (1.1, "0.85", "within 10 %"))
# More points than this are more see-through.
_CROWD = 60
_FITTED = "0.55"
# Where the axis of ratios ends, and its numbers.
_RATIO, _TICKS = 2.0, (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 2.0)


def predicted_measured(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw predicted against measured step time, and their ratio, with bands.

    Rows the calibration has seen are small and grey, below the others, which have the
    colour of their accelerator. Ratios beyond the axis are drawn at its edge.
    """
    slim = style.narrow(ax)
    ax = style.axes(ax, 3.9, narrow=6.2)
    figure, grid = style.panels(ax, 2 if slim else 1, 1 if slim else 2)
    whole, part = (figure.add_subplot(grid[i]) for i in range(2))
    told, real = dataset["predicted"].values, dataset["measured"].values
    both = np.concatenate([told, real])
    ends = np.array([both.min() * 0.85, both.max() * 1.18])
    ratio = np.clip(told / real, 1.0 / _RATIO, _RATIO)
    handles: list[Artist] = []
    for wide, grey, label in _BANDS:
        whole.fill_between(ends, ends / wide, ends * wide, color=grey, zorder=0, lw=0.0)
        part.axhspan(1.0 / wide, wide, color=grey, zorder=0, lw=0.0)
        handles.append(Patch(color=grey, label=label))
    whole.plot(ends, ends, color="0.4", linewidth=0.8, zorder=0)
    part.axhline(1.0, color="0.4", linewidth=0.8, zorder=0)
    for label, marker, colour, rows in _sets(dataset):
        seen = 0.35 if colour == _FITTED else 0.9 if rows.sum() < _CROWD else 0.6
        _dots(whole, real[rows], told[rows], marker, colour, seen)
        _dots(part, real[rows], ratio[rows], marker, colour, seen)
        handles.append(_handle(marker, colour, f"{label} ({rows.sum():,})"))
    for panel in (whole, part):
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlim(*ends)
    whole.set_ylim(*ends)
    part.set_ylim(0.97 / _RATIO, 1.03 * _RATIO)
    for axis in (whole.xaxis, whole.yaxis, part.xaxis):
        style.log_ticks(axis)
    part.set_yticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    part.minorticks_off()
    style.dress(whole, "measured step time [s]", "predicted step time [s]")
    style.dress(part, "measured step time [s]", "predicted / measured")
    style.title(ax, "Predicted against measured step time", _told(dataset))
    style.legend_below(ax, 5, handles=handles)
    return ax


def _told(dataset: xr.Dataset) -> str:
    """Write how many rows there are, and how far they are off in the median."""
    fitted = dataset["fitted"].values.astype(bool)
    error = np.abs(np.log((dataset["predicted"] / dataset["measured"]).values))
    said = []
    for rows, what in ((~fitted, "never fitted"), (fitted, "fitted")):
        if rows.any():
            median = 100.0 * np.expm1(np.median(error[rows]))
            said.append(f"{rows.sum():,} runs {what}, median error {median:.2g} %")
    return "; ".join(said)


def _sets(dataset: xr.Dataset) -> list[tuple[str, str, str, NDArray]]:
    """List name, marker, colour and rows: fitted ones, then accelerators by number."""
    chips, fitted = dataset["accelerator"].values, dataset["fitted"].values.astype(bool)
    made = [("fitted", "o", _FITTED, fitted)] if fitted.any() else []
    names, counts = np.unique(chips[~fitted], return_counts=True)
    names = names[np.argsort(-counts)]
    made += [
        (proper(str(name)), *style.mark(order), ~fitted & (chips == name))
        for order, name in enumerate(names[:_NAMED])
    ]
    if len(rest := names[_NAMED:]):
        made.append(("others", "P", "0.3", ~fitted & np.isin(chips, rest)))
    return made


def _dots(
    ax: Axes, across: NDArray, up: NDArray, marker: str, colour: str, alpha: float
) -> None:
    """Draw many small see-through marks."""
    looks = {"marker": marker, "color": colour, "linewidths": 0.0, "alpha": alpha}
    ax.scatter(across, up, s=9, rasterized=len(across) > 1000, **looks)


def _handle(marker: str, colour: str, label: str) -> Artist:
    return Line2D([], [], ls="", marker=marker, color=colour, ms=4, label=label)


def error_by_parallelism(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the signed error of every row against chips and parallel sizes."""
    across = 1 if style.narrow(ax) else 2
    ax = style.axes(ax, 4.4, narrow=6.4)
    figure, grid = style.panels(ax, len(_ACROSS) // across, across)
    signed = 100.0 * (dataset["predicted"] / dataset["measured"] - 1.0).values
    fitted = dataset["fitted"].values.astype(bool)
    sets = (
        (fitted, "grey", "o", "fitted"),
        (~fitted, "vermilion", "D", "never fitted"),
    )
    handles = [
        _handle(marker, style.COLOURS[key], label) for _, key, marker, label in sets
    ]
    first = None
    for place, (name, words) in enumerate(_ACROSS):
        panel = figure.add_subplot(grid[place // across, place % across], sharey=first)
        first = first or panel
        panel.axhspan(-10.0, 10.0, color="0.92", zorder=0)
        panel.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
        sizes, up = dataset[name].values, np.clip(signed, -_CLIP, _CLIP)
        # Sizes are few; beside each other more rows can be seen.
        shaken = sizes * 2.0 ** np.random.default_rng(0).uniform(-0.25, 0.25, len(up))
        for mask, key, marker, _ in sets:
            _dots(panel, shaken[mask], up[mask], marker, style.COLOURS[key], 0.5)
        panel.set_xscale("log", base=2)
        ticks = 2.0 ** np.arange(0, np.log2(max(sizes.max(), 2.0)) + 1)
        ticks = ticks[:: max(1, len(ticks) // 6)]
        panel.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        panel.minorticks_off()
        style.dress(panel, words, "error [%]" if place % across == 0 else "")
    told = f"Error of step time, clipped at {_CLIP:.0f} %; sizes are spread a little"
    style.title(ax, told, f"{_told(dataset)}; band: 10 %")
    style.legend_below(ax, 2, handles=handles)
    return ax
