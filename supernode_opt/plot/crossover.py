"""Where one machine overtakes another, over what is built and a constant."""

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import LogLocator, NullLocator

from supernode_opt.plot import style
from supernode_opt.plot.measure import label_of, named, short, written
from supernode_opt.plot.subject import proper, subject

# Where the colours end at most: a third more or less.
_MOST = 1.33
# How far apart two names must lie on the axis.
_LINE = 1.15
_HATCHED: dict[str, Any] = {"edgecolor": "white", "hatch": "////", "linewidth": 0.0}


def crossover(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how much better the first machine is, where both are equal, and limits.

    Every step across is a column of its own: nothing is built between two of them.
    """
    ax = style.axes(ax, 3.9, narrow=3.9)
    factor = dataset.attrs["factor"]
    up, steps = dataset["up"].values / factor, dataset["across"].values
    names = [proper(str(name)) for name in dataset["machine"].values]
    told = label_of(dataset.attrs["quantity"])
    between = np.sqrt(up[1:] * up[:-1])
    edges = np.array([up[0], *between, up[-1]])
    columns = np.arange(len(steps) + 1) - 0.5
    mesh = ax.pcolormesh(
        columns,
        edges,
        dataset["ratio"].values.T,
        cmap="PuOr" if dataset.attrs["sign"] > 0.0 else "PuOr_r",
        norm=LogNorm(1.0 / _MOST, _MOST),
        rasterized=True,
    )
    _bar(ax, mesh, f"{told}: {names[0]} / best {names[1]}")
    ax.set_yscale("log")
    ax.set_ylim(up[0], up[-1])
    handles = _hatch(ax, dataset["kept"].values.T == 0, edges)
    handles += _crossings(ax, dataset, factor)
    handles += _catalog(ax, dataset, factor)
    handles += _reach(ax, dataset, names[1])
    for edge in columns[1:-1]:
        ax.axvline(edge, color="white", linewidth=0.8)
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(lambda value, place: short(value))
    ax.yaxis.set_minor_locator(NullLocator())
    own, size = dataset.attrs["across_own_unit"], dataset.attrs["across_factor"]
    ax.set_xticks(range(len(steps)), [f"{step / size:g}" for step in steps])
    across = label_of(str(dataset["across"].attrs["long_name"]))
    unit = written(dataset.attrs["own_unit"])
    constant = label_of(str(dataset["up"].attrs["long_name"]))
    style.dress(ax, named(across, own), named(constant, unit))
    title = f"{told[:1].upper()}{told[1:]} of {names[0]} over the best of {names[1]}"
    style.title(ax, title, subject(dataset))
    style.legend_below(ax, 4, handles=handles)
    return ax


def _hatch(ax: Axes, lost: np.ndarray, edges: np.ndarray) -> list[Artist]:
    """Hatch what cannot be built; `lost` is [up, across], `edges` those of its rows."""
    for place, column in enumerate(lost.T):
        turns = np.flatnonzero(np.diff([0, *column.astype(int), 0]))
        for start, stop in turns.reshape(-1, 2):
            low, high = edges[start], edges[stop]
            corner = (place - 0.5, low)
            ax.add_patch(Rectangle(corner, 1.0, high - low, **_HATCHED, fill=False))
    if not lost.any():
        return []
    return [Patch(facecolor="0.5", label="cannot be built", **_HATCHED)]


def _bar(ax: Axes, mesh: ScalarMappable, words: str) -> None:
    bar = style.figure(ax).colorbar(mesh, ax=ax, extend="both", pad=0.02, aspect=25)
    ticks = [0.75, 0.9, 1.0, 1.1, 1.25]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=style.SMALL)
    bar.set_label(style.wrapped(words, 2.4, style.TEXT), fontsize=style.TEXT)


def _crossings(ax: Axes, dataset: xr.Dataset, factor: float) -> list[Artist]:
    """Draw where both are equal in each column, with its 5-95 % range.

    A range that goes on beyond the axis ends in an arrow.
    """
    bottom, top = (dataset["up"].values[[0, -1]]) / factor
    drawn = beyond = False
    for place in range(dataset.sizes["across"]):
        value, low, high = (
            float(dataset[f"crossing{end}"][place]) / factor
            for end in ("", "_low", "_high")
        )
        if not np.isfinite(value):
            continue
        drawn = True
        ax.hlines(value, place - 0.4, place + 0.4, color="black", lw=1.6)
        ends = np.clip([low, high], bottom, top)
        ax.vlines(place, *ends, color="black", linewidth=0.9)
        for end, edge, marker in ((low, bottom, "v"), (high, top, "^")):
            if not bottom <= end <= top:
                beyond = True
                looks = {"color": "black", "ms": 4.5, "clip_on": False, "zorder": 5}
                ax.plot(place, edge, ls="", marker=marker, **looks)
    if not drawn:
        return []
    handles: list[Artist] = [
        Line2D([], [], color="black", lw=1.6, label="equal"),
        Line2D([], [], color="black", lw=0.9, label="5-95 % of equal"),
    ]
    if beyond:
        arrow = Line2D([], [], color="black", ls="", marker="^", ms=4.5)
        arrow.set_label("goes on beyond")
        handles.append(arrow)
    return handles


def _catalog(ax: Axes, dataset: xr.Dataset, factor: float) -> list[Artist]:
    """Draw the catalog's value and range, and other technologies beside the axis."""
    value, low, high = dataset["catalog"].values / factor
    green = style.COLOURS["green"]
    line = ax.axhline(value, color=green, linestyle="--", label="catalog")
    handles: list[Artist] = [line]
    if low < high:
        looks = {"color": green, "linestyle": ":", "linewidth": 0.9}
        bottom, top = ax.get_ylim()
        ends = [ax.axhline(e, **looks) for e in (low, high) if bottom < e < top]
        for end in ends[:1]:
            end.set_label("its range")
            handles.append(end)
    bottom, top = dataset["up"].values[[0, -1]] / factor
    marks = json.loads(dataset.attrs["marks"])
    groups: list[tuple[float, list[str]]] = []
    for other, name in sorted((value / factor, name) for name, value in marks.items()):
        # Names closer than a line of text share one.
        if groups and other < _LINE * groups[-1][0]:
            groups[-1][1].append(proper(name))
        elif bottom < other < top:
            groups.append((other, [proper(name)]))
    for other, names in groups:
        ax.annotate(
            f"- {', '.join(names)}",
            (0.0, other),
            xycoords=("axes fraction", "data"),
            xytext=(1, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "lw": 0.0},
        )
    return handles


def _reach(ax: Axes, dataset: xr.Dataset, name: str) -> list[Artist]:
    """Mark the last step in which the rival can be built, where it runs across."""
    if dataset.sizes["rival_across"] < 2:
        return []
    kept = dataset["rival_kept"].values.all(axis=1)
    last = float(dataset["rival_across"].values[kept].max())
    steps = dataset["across"].values
    if last >= steps[-1]:
        return []
    place = float(np.sum(steps <= last)) - 0.5
    label = f"{name} reaches this far"
    black = style.COLOURS["black"]
    return [ax.axvline(place, color=black, lw=1.4, ls="-.", zorder=3, label=label)]
