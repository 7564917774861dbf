"""Many designs as lines over their variables and quantities side by side."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from supernode_opt.plot import grid, style
from supernode_opt.plot.contour import wanted
from supernode_opt.plot.grid import Side
from supernode_opt.plot.measure import short
from supernode_opt.plot.subject import subject

# Quantities beside the variables where none are named: the objective and the first of
# these that say something else; and how many there are, of lines, too, of each kind.
_TELLING = ("mfu", "power", "cost_per_megatoken", "tokens_per_s", "fit_probability")
_USUAL, _MOST = 3, 1500
_COLOURS = "viridis"


def parallel_coordinates(
    dataset: xr.Dataset,
    quantities: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw every point of a sweep as a line over variables and quantities.

    Lines have the colour of the first quantity, the best one is black; points that
    break a limit are thin and grey. Of many points a part is drawn, evenly chosen.

    Args:
      dataset: a sweep over a grid, or over samples.
      quantities: reported quantities to show, the first coloured; the objective and
        two more if not given.
      ax: axes to draw in, if there are any.

    Raises:
      ValueError: the sweep does not hold a quantity.
    """
    known = grid.quantities(dataset)
    usual = dict.fromkeys([known[0], *(n for n in _TELLING if n in known), *known])
    shown = [wanted(dataset, name) for name in quantities or list(usual)[:_USUAL]]
    names = [*grid.swept(dataset), *shown]
    ax = style.axes(ax, 3.4, narrow=3.6)
    flat = dataset[shown]
    if "point" not in dataset.dims:
        flat = flat.stack(point=list(dataset.dims), create_index=False)
    kept = _flat(grid.held(dataset))
    flat = flat.assign_attrs(dataset.attrs)
    sides = [grid.sampled(flat, name) for name in names]
    heights = np.stack([_height(one) for one in sides], axis=1)
    known_rows = np.isfinite(heights).all(axis=1)
    colour = flat[shown[0]].values
    _lines(ax, heights[_some(known_rows & ~kept)], color="0.75", lw=0.4, alpha=0.5)
    every = np.flatnonzero(known_rows & kept)
    every = every[np.argsort(colour[every], kind="stable")]
    if grid.more_is_better(shown[0]) is False:
        every = every[::-1]
    # Evenly chosen by rank, the best of all among them.
    good = every[_some(np.ones(len(every), bool))]
    measure = sides[len(sides) - len(shown)].shown
    handles = []
    if len(good):
        scale = ScalarMappable(Normalize(*_ends(measure(colour[good]))), _COLOURS)
        colours = scale.to_rgba(measure(colour[good]))
        _lines(ax, heights[good], colors=colours, lw=0.6, alpha=0.7)
        bar = style.figure(ax).colorbar(scale, ax=ax, pad=0.04, aspect=25)
        bar.set_label(measure.label, fontsize=style.TEXT)
        bar.ax.tick_params(labelsize=style.SMALL)
        style.few_ticks(bar.ax.yaxis)
        best = heights[good[-1:]]
        _lines(ax, best, color="black", lw=1.6)
        said = measure.said(float(colour[good[-1]]))
        handles.append(Line2D([], [], color="black", lw=1.6, label=f"best: {said}"))
    if (~kept & known_rows).any():
        label = "a limit is broken"
        handles.append(Line2D([], [], color="0.75", lw=0.8, label=label))
    _dress(ax, sides)
    title = f"{known_rows.sum():,} designs over what was swept and what it brings"
    style.title(ax, title, subject(dataset))
    style.legend_below(ax, 3, handles=handles)
    return ax


def _flat(held: xr.DataArray) -> NDArray:
    return np.ravel(held.values)


def _height(one: Side) -> NDArray:
    """Return places from 0 to 1."""
    if one.words:
        return (one.places + 0.5) / len(one.words)
    at = np.log(one.places) if one.log else one.places
    low, high = _ends(at)
    return (at - low) / (high - low)


def _ends(values: NDArray) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _some(rows: NDArray) -> NDArray:
    """Return at most `_MOST` positions where `rows` holds, evenly chosen."""
    places = np.flatnonzero(rows)
    if len(places) <= _MOST:
        return places
    return places[np.linspace(0, len(places) - 1, _MOST).astype(int)]


def _lines(ax: Axes, heights: NDArray, **looks) -> None:
    across = np.arange(heights.shape[1])
    lines = [np.column_stack([across, row]) for row in heights]
    made = LineCollection(lines, rasterized=len(lines) > 200, clip_on=False, **looks)
    ax.add_collection(made, autolim=False)


def _dress(ax: Axes, sides: list[Side]) -> None:
    """Draw an upright axis for everything, with its ends or its words written on it."""
    count = len(sides)
    ax.set_xlim(-0.25, count - 0.75)
    ax.set_ylim(0.0, 1.0)
    style.dress(ax)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_yticks([])
    room = 0.8 * style.width_of(ax) / (count + 0.7)
    labels = [style.wrapped(one.shown.label, room) for one in sides]
    # Words that are too long for their room stand aslant.
    longest = max(
        style.length(line, style.SMALL) for told in labels for line in told.split("\n")
    )
    if longest > 1.15 * room:
        labels = [style.wrapped(one.shown.label, 1.2) for one in sides]
        turned = {"rotation": 50, "ha": "right", "rotation_mode": "anchor"}
        ax.set_xticks(range(count), labels, **turned)
    else:
        ax.set_xticks(range(count), labels)
    ax.tick_params(axis="x", length=0, pad=14, labelsize=style.SMALL)
    for place, one in enumerate(sides):
        ax.axvline(place, color="black", lw=0.7, zorder=3)
        _ends_written(ax, place, one)


def _ends_written(ax: Axes, place: int, one: Side) -> None:
    looks = {"textcoords": "offset points", "fontsize": style.SMALL, "zorder": 6}
    if one.words:
        back = {
            "boxstyle": "square,pad=0.1",
            "facecolor": "white",
            "lw": 0,
            "alpha": 0.8,
        }
        for order, word in enumerate(one.words):
            at = (place, (order + 0.5) / len(one.words))
            told = style.wrapped(word, 0.7)
            ax.annotate(told, at, (3, 0), va="center", bbox=back, **looks)
        return
    low, high = float(np.nanmin(one.places)), float(np.nanmax(one.places))
    ax.annotate(short(high), (place, 1.0), (0, 2), ha="center", va="bottom", **looks)
    ax.annotate(short(low), (place, 0.0), (0, -2), ha="center", va="top", **looks)
