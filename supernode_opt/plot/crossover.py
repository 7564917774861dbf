"""Where one machine overtakes another, over what is built and a constant."""

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import LogLocator, NullLocator

from supernode_opt.plot import style

# Where the colours end: a third more or less.
_MOST = 1.33
# How far apart two names must lie on the axis.
_LINE = 1.12
_HATCHED: dict[str, Any] = {"edgecolor": "white", "hatch": "////", "linewidth": 0.0}


def crossover(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how much better the first machine is, where both are equal, and limits.

    Every step across is a column of its own: nothing is built between two of them.
    """
    ax = style.axes(ax, 5.0)
    factor = dataset.attrs["factor"]
    up, steps = dataset["up"].values / factor, dataset["across"].values
    names = [str(name) for name in dataset["machine"].values]
    words = style.words(dataset.attrs["quantity"])
    between = np.sqrt(up[1:] * up[:-1])
    edges = np.array([up[0], *between, up[-1]])
    columns = np.arange(len(steps) + 1) - 0.5
    mesh = ax.pcolormesh(
        columns,
        edges,
        dataset["ratio"].values.T,
        cmap="PuOr" if dataset.attrs["sign"] > 0.0 else "PuOr_r",
        norm=LogNorm(1.0 / _MOST, _MOST),
    )
    _bar(ax, mesh, f"{words}, {names[0]} over the best {names[1]}")
    handles = _hatch(ax, dataset["kept"].values.T == 0, edges)
    handles += _crossings(ax, dataset, factor)
    handles += _catalog(ax, dataset, factor)
    _reach(ax, dataset, names[1])
    for edge in columns[1:-1]:
        ax.axvline(edge, color="white", linewidth=0.8)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(lambda value, place: f"{value:g}")
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylim(up[0], up[-1])
    own, size = dataset.attrs["across_own_unit"], dataset.attrs["across_factor"]
    ax.set_xticks(range(len(steps)), [f"{step / size:g}" for step in steps])
    across = style.words(str(dataset["across"].attrs["long_name"]))
    unit = dataset.attrs["own_unit"]
    constant = str(dataset["up"].attrs["long_name"])
    title = f"{names[0]} or {names[1]}: {words}"
    style.dress(ax, title, style.named(across, own), style.named(constant, unit))
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
    bar = style.figure(ax).colorbar(mesh, ax=ax, extend="both", pad=0.02)
    ticks = [0.75, 0.9, 1.0, 1.1, 1.25]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=style.TEXT)
    bar.set_label(words, fontsize=style.TEXT)


def _crossings(ax: Axes, dataset: xr.Dataset, factor: float) -> list[Artist]:
    """Draw where both are equal in each column, with its 5-95 % range."""
    bottom, top = (dataset["up"].values[[0, -1]]) / factor
    handles: list[Artist] = []
    for place in range(dataset.sizes["across"]):
        value, low, high = (
            float(dataset[f"crossing{end}"][place]) / factor
            for end in ("", "_low", "_high")
        )
        if not np.isfinite(value):
            continue
        ends = np.clip([low, high], bottom / 1.5, top * 1.5)
        said, black = "5-95 % of equal", "black"
        handles = [
            ax.hlines(value, place - 0.45, place + 0.45, color=black, label="equal"),
            ax.vlines(place, *ends, color=black, linewidth=0.9, label=said),
        ]
    return handles


def _catalog(ax: Axes, dataset: xr.Dataset, factor: float) -> list[Artist]:
    """Draw the catalog's value and range, and other technologies beside the axis."""
    value, low, high = dataset["catalog"].values / factor
    green = style.COLOURS["green"]
    line = ax.axhline(value, color=green, linestyle="--", label="catalog value")
    handles: list[Artist] = [line]
    if low < high:
        looks = {"color": green, "linestyle": ":", "linewidth": 0.9}
        ends = [ax.axhline(end, label="its range", **looks) for end in (low, high)]
        handles.append(ends[0])
    bottom, top = dataset["up"].values[[0, -1]] / factor
    marks = json.loads(dataset.attrs["marks"])
    groups: list[tuple[float, list[str]]] = []
    for other, name in sorted((value / factor, name) for name, value in marks.items()):
        # Names closer than a line of text share one.
        if groups and other < _LINE * groups[-1][0]:
            groups[-1][1].append(name)
        elif bottom < other < top:
            groups.append((other, [name]))
    for other, names in groups:
        _note(ax, f"- {', '.join(names)}", (0.0, other), ("axes fraction", "data"))
    return handles


def _note(
    ax: Axes, text: str, at: tuple[float, float], coordinates: tuple[str, str]
) -> None:
    """Write on white beside a point, to its right, or below it at the upper edge."""
    edge = coordinates[1] == "axes fraction"
    ax.annotate(
        text,
        at,
        xycoords=coordinates,
        xytext=(-4, -4) if edge else (2, 0),
        textcoords="offset points",
        ha="right" if edge else "left",
        va="top" if edge else "center",
        fontsize=style.SMALL,
        bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "lw": 0.0},
    )


def _reach(ax: Axes, dataset: xr.Dataset, name: str) -> None:
    """Mark the last step in which the rival can be built, where it runs across."""
    if dataset.sizes["rival_across"] < 2:
        return
    kept = dataset["rival_kept"].values.all(axis=1)
    last = float(dataset["rival_across"].values[kept].max())
    steps = dataset["across"].values
    if last >= steps[-1]:
        return
    place = float(np.sum(steps <= last)) - 0.5
    ax.axvline(place, color="black", linewidth=1.4, zorder=3)
    _note(ax, f"{name} reaches this far", (place, 1.0), ("data", "axes fraction"))
