"""Any quantity of a sweep over any two of its variables."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from supernode_opt.plot import grid, style
from supernode_opt.plot.grid import Side
from supernode_opt.plot.measure import Measure, of_variable
from supernode_opt.plot.subject import subject

_COLOURS, _LEVELS = "viridis", 10
_BROKEN = "////"


def contour(
    dataset: xr.Dataset,
    quantity: str | None = None,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity over two swept variables, and where it is best.

    Where a limit is broken is hatched; what cannot be built is grey. Variables that
    are counted or named have a cell for each value. All others are fixed at the best
    point, which the caption says.

    Args:
      dataset: a sweep over a grid, or over samples.
      quantity: what is drawn; the objective if not given.
      x: swept variable across; the first if not given.
      y: swept variable upwards; the next if not given.
      ax: axes to draw in, if there are any.

    Raises:
      ValueError: a name is not in the sweep, or it has fewer than two variables.
    """
    quantity = wanted(dataset, quantity)
    x, y = grid.chosen(dataset, x, y)
    ax = style.axes(ax, 3.7, narrow=3.5)
    shown = of_variable(dataset, quantity)
    if "point" in dataset.dims:
        handles, about = _samples(ax, dataset, quantity, (x, y)), subject(dataset)
    else:
        part, about = grid.sliced(dataset, (x, y), quantity)
        handles = _map(ax, part, quantity, (x, y))
    ends = [of_variable(dataset, name) for name in (x, y)]
    style.dress(ax, ends[0].label, ends[1].label)
    title = f"{shown.words[:1].upper()}{shown.words[1:]} over {ends[0].words}"
    style.title(ax, f"{title} and {ends[1].words}", about)
    style.legend_below(ax, 3, handles=handles)
    return ax


def wanted(dataset: xr.Dataset, quantity: str | None) -> str:
    """Return the quantity to draw: the one named, else the objective.

    Raises:
      ValueError: the sweep does not hold it.
    """
    known = grid.quantities(dataset)
    if quantity is None:
        return known[0]
    if quantity not in known:
        raise ValueError(
            f"the sweep does not hold {quantity!r}, but {', '.join(known)}"
        )
    return quantity


def _map(
    ax: Axes, part: xr.Dataset, quantity: str, names: tuple[str, str]
) -> list[Artist]:
    """Draw a grid, as contours between numbers and as cells between steps."""
    across, up = sides = grid.side(part, names[0]), grid.side(part, names[1])
    part = part.transpose(names[1], names[0], ...)
    shown = of_variable(part, quantity)
    values = shown(part[quantity].values)
    broken = ~grid.held(part).values & np.isfinite(values)
    ax.set_facecolor(grid.VOID)
    smooth = not across.words and not up.words
    if smooth:
        levels = _levels(values)
        drawn = ax.contourf(
            across.places, up.places, values, levels, cmap=_COLOURS, extend="neither"
        )
        ax.contour(
            across.places, up.places, values, levels, colors="white", linewidths=0.4
        )
        # Cells would end in steps; the limit lies between the points.
        if broken.any():
            edge = {"levels": [0.5, 1.5], "colors": "none", "hatches": [_BROKEN]}
            area = ax.contourf(across.places, up.places, broken.astype(float), **edge)
            area.set_edgecolor("black")
            area.set_linewidth(0.0)
        if broken.any() and not broken.all():
            line = {"levels": [0.5], "colors": "black", "linewidths": 1.2}
            ax.contour(across.places, up.places, broken.astype(float), **line)
    else:
        drawn = ax.pcolormesh(
            across.edges,
            up.edges,
            values,
            cmap=_COLOURS,
            vmin=np.nanmin(values),
            vmax=np.nanmax(values),
        )
        grid.hatch(ax, broken, sides, _BROKEN, "black")
        _separate(ax, across, up)
    across.dress(ax.xaxis)
    up.dress(ax.yaxis)
    _bar(ax, drawn, shown)
    handles = grid.void(part)
    if broken.any():
        handles.append(_patch())
    place = grid.best(part, quantity)
    if place is not None:
        spot = across.places[place[names[0]]], up.places[place[names[1]]]
        handles.append(star(ax, spot, shown.said(float(part[quantity][place]))))
    return handles


def _levels(values: NDArray) -> NDArray:
    """Return round levels from the least to the most of finite values."""
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    if high - low <= 1e-9 * abs(high):
        low, high = low - 0.5 * abs(low) - 1e-12, high + 0.5 * abs(high) + 1e-12
    locator = MaxNLocator(_LEVELS, steps=[1, 2, 2.5, 5, 10])
    return np.asarray(locator.tick_values(low, high))


def _separate(ax: Axes, across: Side, up: Side) -> None:
    """Draw white lines between steps, of which nothing lies between two."""
    if across.words:
        for edge in across.edges[1:-1]:
            ax.axvline(edge, color="white", linewidth=0.6)
    if up.words:
        for edge in up.edges[1:-1]:
            ax.axhline(edge, color="white", linewidth=0.6)


def _samples(
    ax: Axes, dataset: xr.Dataset, quantity: str, names: tuple[str, str]
) -> list[Artist]:
    """Draw samples: a filled point that keeps every limit, a cross that does not."""
    shown = of_variable(dataset, quantity)
    sides = [grid.sampled(dataset, name) for name in names]
    places = [one.places for one in sides]
    values = shown(dataset[quantity].values)
    kept = grid.held(dataset).values
    broken = ~kept & np.isfinite(values)
    looks = {"cmap": _COLOURS, "vmin": np.nanmin(values), "vmax": np.nanmax(values)}
    looks["s"] = 12
    handles: list[Artist] = []
    across, up = places
    if broken.any():
        bare = {**looks, "marker": "x", "linewidths": 0.7, "alpha": 0.6}
        ax.scatter(across[broken], up[broken], c=values[broken], **bare)
        label = "a limit is broken"
        handles.append(Line2D([], [], ls="", marker="x", color="0.3", label=label))
    drawn = ax.scatter(across[kept], up[kept], c=values[kept], **looks)
    for one, axis in zip(sides, (ax.xaxis, ax.yaxis), strict=True):
        one.dress(axis)
    _bar(ax, drawn, shown)
    place = grid.best(dataset, quantity)
    if place is not None:
        spot = across[place["point"]], up[place["point"]]
        handles.append(star(ax, spot, shown.said(float(dataset[quantity][place]))))
    return handles


def _bar(ax: Axes, drawn: ScalarMappable, shown: Measure) -> None:
    bar = style.figure(ax).colorbar(drawn, ax=ax, pad=0.02, aspect=25)
    bar.set_label(shown.label, fontsize=style.TEXT)
    bar.ax.tick_params(labelsize=style.SMALL)
    style.few_ticks(bar.ax.yaxis, 6)


def _patch() -> Patch:
    looks = {"facecolor": "white", "edgecolor": "black", "linewidth": 0.5}
    return Patch(hatch=_BROKEN, label="a limit is broken", **looks)


def star(ax: Axes, spot: tuple[float, float], said: str) -> Artist:
    """Mark the best point; return its line of the legend."""
    looks = {"ls": "", "marker": "*", "ms": 11, "mfc": "white", "mec": "black"}
    (drawn,) = ax.plot(*spot, label=f"best: {said}", clip_on=False, zorder=5, **looks)
    return drawn
