"""Where every limit holds, and which limit binds where."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from supernode_opt.plot import grid, style
from supernode_opt.plot.contour import star
from supernode_opt.plot.grid import Side
from supernode_opt.plot.measure import of_variable, words
from supernode_opt.plot.subject import subject

# Of a colour where the limit holds; the rest is white.
_PALE = 0.3


def feasible(
    dataset: xr.Dataset,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw where all limits hold, and which one binds, over two swept variables.

    A colour is a limit: pale where all limits hold and it has the least margin, full
    and hatched where it is the one that is broken most. A black line parts the two.

    Args:
      dataset: a sweep over a grid, or over samples.
      x: swept variable across; the first if not given.
      y: swept variable upwards; the next if not given.
      ax: axes to draw in, if there are any.

    Raises:
      ValueError: a name is not in the sweep, or it has fewer than two variables.
    """
    x, y = grid.chosen(dataset, x, y)
    ax = style.axes(ax, 3.8, narrow=3.8)
    quantity = grid.quantities(dataset)[0]
    sampled = "point" in dataset.dims
    part, about = (
        (dataset, subject(dataset))
        if sampled
        else grid.sliced(dataset, (x, y), quantity)
    )
    side = grid.sampled if sampled else grid.side
    sides = side(part, x), side(part, y)
    if not sampled:
        part = part.transpose(y, x, ...)
    (_points if sampled else _cells)(ax, part, sides)
    for one, axis in zip(sides, (ax.xaxis, ax.yaxis), strict=True):
        one.dress(axis)
    handles = _limits(part) + ([] if sampled else grid.void(part))
    place = grid.best(part, quantity)
    if place is not None:
        at = [sides[0].places, sides[1].places]
        names = ("point", "point") if sampled else (x, y)
        spot = at[0][place[names[0]]], at[1][place[names[1]]]
        shown = of_variable(part, quantity)
        told = f"{shown.words} {shown.said(float(part[quantity][place]))}"
        handles.append(star(ax, spot, told))
    style.dress(ax, sides[0].shown.label, sides[1].shown.label)
    share = 100.0 * float(grid.held(part).mean())
    title = f"Where every limit holds ({share:.0f} % of the points), and which binds"
    style.title(ax, title, about)
    style.legend_below(ax, 3, handles=handles)
    return ax


def names_of(part: xr.Dataset) -> dict[int, str]:
    """Return the limits by their code in `binding`."""
    told = part["binding"].attrs
    codes = np.atleast_1d(told["flag_values"])
    meanings = str(told["flag_meanings"]).split()
    return dict(zip(map(int, codes), meanings, strict=True))


def _cells(ax: Axes, part: xr.Dataset, sides: tuple[Side, Side]) -> None:
    """Draw a cell for every point of a grid."""
    binding, held = part["binding"].values, grid.held(part).values
    present = _present(part)
    colours = [grid.VOID]
    shade = np.zeros(binding.shape, int)
    for order, code in enumerate(present):
        for pale in (True, False):
            shade[(binding == code) & (held == pale)] = len(colours)
            colours.append(_colour(order, pale))
    looks = {"cmap": ListedColormap(colours), "vmin": -0.5, "vmax": len(colours) - 0.5}
    ax.pcolormesh(sides[0].edges, sides[1].edges, shade, rasterized=True, **looks)
    for order, code in enumerate(present):
        look = _broken(order)
        mask = (binding == code) & ~held
        grid.hatch(ax, mask, sides, look["hatch"], look["edgecolor"])
    _border(ax, held, sides)


def _points(ax: Axes, part: xr.Dataset, sides: tuple[Side, Side]) -> None:
    """Draw a mark for every sample, hollow where all limits hold."""
    binding, held = part["binding"].values, grid.held(part).values
    across, up = sides[0].places, sides[1].places
    for order, code in enumerate(_present(part)):
        marker, colour = style.MARKERS[order % 7], _colour(order, False)
        for pale in (False, True):
            rows = (binding == code) & (held == pale)
            face = "white" if pale else colour
            looks = {"s": 14, "marker": marker, "edgecolors": colour}
            ax.scatter(across[rows], up[rows], facecolors=face, linewidths=0.8, **looks)


def _present(part: xr.Dataset) -> list[int]:
    """List the codes of limits that bind somewhere, the most frequent first."""
    codes, counts = np.unique(part["binding"].values, return_counts=True)
    ordered = codes[np.argsort(-counts, kind="stable")]
    return [int(code) for code in ordered if code >= 0]


def _broken(order: int) -> dict[str, Any]:
    """Return the look of an area where a limit is broken, which is always hatched."""
    hatch = style.HATCHES[1 + order % (len(style.HATCHES) - 1)]
    return {**style.area(order), "hatch": hatch}


def _colour(order: int, pale: bool) -> str:
    colour = style.COLOURS[style.AREAS[order % len(style.AREAS)]]
    if not pale:
        return colour
    red, green, blue = (1.0 - _PALE * (1.0 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _limits(part: xr.Dataset) -> list[Artist]:
    """Return a line of the legend for every limit that binds, broken or not."""
    names, held = names_of(part), grid.held(part).values
    binding, sampled = part["binding"].values, "point" in part.dims
    made: list[Artist] = []
    for order, code in enumerate(_present(part)):
        name, look = words(names[code]), _broken(order)
        marker = style.MARKERS[order % 7]
        for pale, label in ((False, f"{name} broken"), (True, f"{name} nearest")):
            if not ((binding == code) & (held == pale)).any():
                continue
            if sampled:
                colour = _colour(order, False)
                face = "white" if pale else colour
                drawn = {"mec": colour, "mfc": face, "ls": "", "ms": 4}
                made.append(Line2D([], [], marker=marker, label=label, **drawn))
            elif pale:
                made.append(Patch(facecolor=_colour(order, True), label=label))
            else:
                made.append(Patch(label=label, **look))
    return made


def _border(ax: Axes, held: NDArray, sides: tuple[Side, Side]) -> None:
    """Draw a line between cells that keep every limit and cells that do not."""
    x, y = sides[0].edges, sides[1].edges
    beside = np.argwhere(held[:, 1:] != held[:, :-1])
    above = np.argwhere(held[1:] != held[:-1])
    lines = [[(x[j + 1], y[i]), (x[j + 1], y[i + 1])] for i, j in beside]
    lines += [[(x[j], y[i + 1]), (x[j + 1], y[i + 1])] for i, j in above]
    looks = {"colors": "black", "linewidths": 1.2, "capstyle": "projecting"}
    ax.add_collection(LineCollection(lines, zorder=3, **looks), autolim=False)
