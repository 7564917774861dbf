"""All designs of a sweep by two quantities, and those that none beats in both."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from supernode_opt.plot import grid, style
from supernode_opt.plot.contour import wanted
from supernode_opt.plot.measure import label_of, of_variable
from supernode_opt.plot.subject import subject

# More points than this are drawn as pixels in vector files.
_MANY = 2000


def front(
    dataset: xr.Dataset,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw every design by two quantities, with the front of those that are best.

    No design that keeps every limit is better than one of the front in both. What is
    better is known of each quantity; of one of which it is not, more is. Words that
    were swept first have a colour each; points that break a limit are faint crosses.

    Args:
      dataset: a sweep over a grid, or over samples.
      x: quantity across; power or the second if not given.
      y: quantity upwards; the objective if not given.
      ax: axes to draw in, if there are any.

    Raises:
      ValueError: the sweep does not hold a quantity.
    """
    y = wanted(dataset, y)
    x = wanted(dataset, x) if x else _other(dataset, y)
    ax = style.axes(ax, 3.6, narrow=3.5)
    across, up = of_variable(dataset, x), of_variable(dataset, y)
    points = dataset[[x, y]].assign(held=grid.held(dataset))
    if "point" not in dataset.dims:
        points = points.stack(point=list(dataset.dims), create_index=False)
    held = points["held"].values
    right, high = across(points[x].values), up(points[y].values)
    known = np.isfinite(right) & np.isfinite(high)
    handles: list[Artist] = []
    if (known & ~held).any():
        _draw(ax, right, high, known & ~held, "x", "0.75", 8)
        handles.append(_handle("x", "0.6", "a limit is broken"))
    for marker, colour, label, rows in _groups(points, known & held):
        _draw(ax, right, high, rows, marker, colour, 11)
        handles.append(_handle(marker, colour, label))
    ways = grid.more_is_better(x) is not False, grid.more_is_better(y) is not False
    rows = np.flatnonzero(known & held)
    best = rows[on_front(right[rows], high[rows], ways)]
    if len(best):
        looks = {"color": "black", "lw": 1.2, "marker": "o", "ms": 4, "mfc": "none"}
        # Between two designs the worse of both is sure.
        step = "steps-post" if not ways[0] else "steps-pre"
        label = f"front ({len(best)})"
        handles += ax.plot(
            right[best], high[best], drawstyle=step, label=label, **looks
        )
    ax.margins(0.04)
    style.few_ticks(ax.xaxis)
    style.few_ticks(ax.yaxis)
    style.dress(ax, _better(across.label, ways[0]), _better(up.label, ways[1]))
    title = f"{up.words[:1].upper()}{up.words[1:]} against {across.words}"
    title += f": {int((known & held).sum()):,} designs and their front"
    about = [subject(dataset), "arrows point to the better"]
    style.title(ax, title, "; ".join(filter(None, about)))
    style.legend_below(ax, 3, handles=handles)
    return ax


def on_front(across: NDArray, up: NDArray, more: tuple[bool, bool]) -> NDArray:
    """Return which points no other beats in both, from the left to the right.

    Args:
      across, up: quantities of each point.
      more: whether more of each is better.

    >>> on_front(np.array([1.0, 2.0, 3.0]), np.array([5.0, 4.0, 6.0]), (False, True))
    array([0, 2])
    """
    cost = -across if more[0] else across
    gain = up if more[1] else -up
    # The cheapest first; of equal cost the one that gains most.
    order = np.lexsort((-gain, cost))
    before = np.concatenate([[-np.inf], np.maximum.accumulate(gain[order])[:-1]])
    kept = order[gain[order] > before]
    return kept[np.argsort(across[kept], kind="stable")]


def _other(dataset: xr.Dataset, y: str) -> str:
    known = [name for name in grid.quantities(dataset) if name != y]
    if not known:
        raise ValueError("a front needs two quantities")
    return "power" if "power" in known else known[0]


def _groups(points: xr.Dataset, rows: NDArray) -> list[tuple[str, str, str, NDArray]]:
    """Return marker, colour, label and rows of each word of a swept variable."""
    words = [
        str(name)
        for name, one in points.coords.items()
        if one.dtype.kind in "OUS" and one.dims == ("point",)
    ]
    if not words or not rows.any():
        return [("o", style.COLOURS["sky"], "every limit holds", rows)]
    values = points[words[0]].values.astype(str)
    names = list(dict.fromkeys(values))
    made = [
        (*style.mark(order), grid.spelled(words[0], str(name)), rows & (values == name))
        for order, name in enumerate(names)
        if (rows & (values == name)).any()
    ]
    return [(m, c, f"{label_of(words[0])} {t}", r) for m, c, t, r in made]


def _draw(
    ax: Axes,
    across: NDArray,
    up: NDArray,
    rows: NDArray,
    marker: str,
    colour: str,
    size: float,
) -> None:
    looks = {"linewidths": 0.5, "alpha": 0.6, "rasterized": rows.sum() > _MANY}
    ax.scatter(across[rows], up[rows], s=size, marker=marker, color=colour, **looks)


def _handle(marker: str, colour: str, label: str) -> Artist:
    return Line2D([], [], ls="", marker=marker, color=colour, ms=4, label=label)


def _better(label: str, more: bool) -> str:
    """Write an axis with the way that is better."""
    return f"{label} \N{RIGHTWARDS ARROW}" if more else f"\N{LEFTWARDS ARROW} {label}"
