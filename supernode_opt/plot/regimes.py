"""What each technology reaches along a domain or a rate, and which is best where."""

import dataclasses
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from supernode_opt.plot import grid, style
from supernode_opt.plot.contour import wanted
from supernode_opt.plot.grid import Side
from supernode_opt.plot.measure import label_of, of_variable
from supernode_opt.plot.subject import subject

# Height of the strip that names the best, over that of the axes.
_STRIP = 0.06
# Where there are no words to tell lines apart, up to this many numbers do.
_MOST_LINES = 6


def regimes(
    dataset: xr.Dataset,
    quantity: str | None = None,
    x: str | None = None,
    series: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity along one swept variable, a line for each value of another.

    A strip at the top has the colour of the line that is best among those that keep
    every limit. Points that break one are hollow; what cannot be built is left out.
    Other variables take the value that is best for each point.

    Args:
      dataset: a sweep over a grid.
      quantity: what is drawn; the objective if not given.
      x: swept variable across; the domain, else the first number, if not given.
      series: swept variable with a line for each value; the first of words, such as
        the link, if not given. Of one variable alone there is one line.
      ax: axes to draw in, if there are any.

    Raises:
      ValueError: a name is not in the sweep, or it is not over a grid.
    """
    if "point" in dataset.dims:
        raise ValueError("regimes need a sweep over a grid, not samples")
    quantity = wanted(dataset, quantity)
    x, series = _chosen(dataset, x, series)
    ax = style.axes(ax, 3.3, narrow=3.4)
    shown, across = of_variable(dataset, quantity), grid.side(dataset, x)
    values, held = _lines(dataset, quantity, x, series)
    names = [""] if series is None else _names(dataset, series)
    handles: list[Artist] = []
    for order, name in enumerate(names):
        marker, colour = style.mark(order)
        dash = style.DASHES[order % len(style.DASHES)]
        up, kept = shown(values[order]), held[order]
        looks: dict[str, Any] = {"color": colour, "lw": 1.2}
        ax.plot(across.places, up, ls=dash, **looks)
        if len(up) <= 40:
            here = {"ls": "", "marker": marker, "ms": 4, "color": colour}
            ax.plot(across.places[kept], up[kept], **here)
            ax.plot(across.places[~kept], up[~kept], mfc="white", **here)
        else:
            ax.plot(across.places[~kept], up[~kept], ls="", marker=".", ms=3, c="0.6")
        looks |= {"marker": marker, "ms": 4, "ls": dash}
        label = name or ("every limit holds" if kept.any() else shown.words)
        handles.append(Line2D([], [], label=label, **looks))
    if (~held & np.isfinite(values)).any():
        bare = {"ls": "", "marker": "o", "ms": 4, "color": "0.4", "mfc": "white"}
        handles.append(Line2D([], [], label="a limit is broken", **bare))
    if len(names) > 1 and grid.more_is_better(quantity) is not None:
        _strip(ax, across, np.where(held, values, np.nan), quantity)
    # Room for marks at the ends.
    dataclasses.replace(across, pad=True).dress(ax.xaxis)
    style.few_ticks(ax.yaxis)
    style.dress(ax, across.shown.label, shown.label)
    title = f"{shown.words[:1].upper()}{shown.words[1:]} along {across.shown.words}"
    title += f", by {label_of(series)}" if series else ""
    about = [subject(dataset)] if subject(dataset) else []
    about += [
        f"best {label_of(n)}" for n in grid.swept(dataset) if n not in (x, series)
    ]
    if len(names) > 1:
        about.append("strip at the top: the best")
    style.title(ax, title, "; ".join(about))
    style.legend_below(ax, 4, label_of(series) if series else "", handles)
    return ax


def _chosen(
    dataset: xr.Dataset, x: str | None, series: str | None
) -> tuple[str, str | None]:
    """Return what is drawn across and what has a line each."""
    names = grid.swept(dataset)
    for name in (x, series):
        if name is not None and name not in names:
            known = ", ".join(names)
            raise ValueError(f"{name!r} is not swept; the sweep is over {known}")
    numbers = [n for n in names if dataset[n].dtype.kind not in "OUS" and n != series]
    numbers.sort(key=lambda name: not name.endswith("domain"))
    x = x or (numbers[0] if numbers else names[0])
    if series is None:
        words = [n for n in names if dataset[n].dtype.kind in "OUS" and n != x]
        few = [n for n in names if n != x and dataset.sizes[n] <= _MOST_LINES]
        series = next(iter(words + few), None)
    return x, series


def _lines(
    dataset: xr.Dataset, quantity: str, x: str, series: str | None
) -> tuple[NDArray, NDArray]:
    """Return the quantity [line, across] and where every limit holds.

    Over other variables it is the best that keeps every limit, else the best of all.
    """
    less = grid.more_is_better(quantity) is False
    over = [n for n in grid.swept(dataset) if n not in (x, series)]
    keep = [x] if series is None else [series, x]
    all_, held = dataset[quantity], grid.held(dataset)
    best = all_.where(held)
    if over:
        reduced = [one.min(over) if less else one.max(over) for one in (all_, best)]
        all_, best = reduced
    values = best.where(np.isfinite(best), all_).transpose(*keep).values
    kept = np.isfinite(best.transpose(*keep).values)
    shape = (-1, dataset.sizes[x])
    return values.reshape(shape), kept.reshape(shape)


def _names(dataset: xr.Dataset, series: str) -> list[str]:
    values = dataset[series].values
    if dataset[series].dtype.kind in "OUS":
        return [grid.spelled(series, str(value)) for value in values]
    shown = of_variable(dataset, series)
    return [shown.said(float(value)) for value in values]


def _strip(ax: Axes, across: Side, values: NDArray, quantity: str) -> None:
    """Colour what is best at each place, in a strip above the lines."""
    filled = np.isfinite(values).any(axis=0)
    worst = -np.inf if grid.more_is_better(quantity) else np.inf
    known = np.where(np.isfinite(values), values, worst)
    best = known.argmax(axis=0) if worst < 0.0 else known.argmin(axis=0)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + 1.5 * _STRIP * (top - bottom))
    place = ax.get_xaxis_transform()
    edges = across.edges
    for at in np.flatnonzero(filled):
        _, colour = style.mark(int(best[at]))
        ends = edges[at], edges[at + 1]
        looks = {"color": colour, "lw": 0.0, "transform": place}
        ax.fill_between(ends, 1.0 - _STRIP, 1.0, **looks)
