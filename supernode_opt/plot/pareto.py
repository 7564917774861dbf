"""A front: its designs, what they are better than, what is not shown, and the knee."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.front import on_front
from supernode_opt.plot.measure import Measure, of_variable
from supernode_opt.plot.subject import subject
from supernode_opt.words import figures

# The band of what is not shown is drawn where it is at least this share of the axis.
_SEEN = 2e-3
# More designs than this are not marked one by one.
_FEW = 60


def pareto(
    dataset: xr.Dataset,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a front by two of its objectives, with attainable designs and the knee.

    The band beside the front is where a better design is not excluded; of three
    objectives the third gives the colour, and there is no band.

    Args:
      dataset: a front.
      x: objective across; the second if not given.
      y: objective upwards; the first if not given.
      ax: axes to draw in, if there are any.

    Raises:
      ValueError: it is no objective of the front.
    """
    names = [str(name) for name in dataset["objective"].values]
    y = names[0] if y is None else y
    x = next(name for name in names[1:] + names if name != y) if x is None else x
    for name in (x, y):
        if name not in names:
            raise ValueError(f"`{name}` is no objective of this front")
    ax = style.axes(ax, 3.6, narrow=3.7)
    across, up = of_variable(dataset, x), of_variable(dataset, y)
    more = dict(zip(names, dataset["sense"].values == "maximize", strict=True))
    right, high = across(dataset[x].values), up(dataset[y].values)
    handles = _cloud(ax, dataset, names, (x, y), (across, up))
    if len(names) == 2:
        order = on_front(right, high, (bool(more[x]), bool(more[y])))
        handles += _band(ax, dataset, order, right, up, y, bool(more[y]))
        step = "steps-pre" if more[x] else "steps-post"
        looks = {"color": "black", "lw": 1.2, "drawstyle": step}
        label = f"front ({len(right):,} designs)"
        handles += ax.plot(right[order], high[order], label=label, **looks)
        rows = dataset["searched"].values.astype(bool)
        said = "design" if int(dataset.attrs["exact"]) else "searched"
        if rows.sum() <= _FEW:
            looks = {"ls": "", "marker": "o", "ms": 4, "mfc": "white", "mec": "black"}
            handles += ax.plot(right[rows], high[rows], label=said, **looks)
    else:
        handles += _third(ax, dataset, names, (x, y), right, high)
    handles += _knee(ax, dataset, right, high)
    # The cloud is far larger than the front: what is near the front is shown.
    _frame(ax, right, high)
    style.few_ticks(ax.xaxis)
    style.few_ticks(ax.yaxis)
    style.dress(ax, _better(across.label, more[x]), _better(up.label, more[y]))
    title = f"Front: {up.words} against {across.words}"
    share = 100.0 * float(dataset.attrs["unexplored"])
    shown = f"{figures(share, 2)} % unexplored" if np.isfinite(share) else ""
    shown = "exact" if int(dataset.attrs["exact"]) else shown
    about = [subject(dataset), shown, "arrows point to the better"]
    style.title(ax, title, "; ".join(filter(None, about)))
    style.legend_below(ax, 3, handles=handles)
    return ax


def _better(label: str, more: bool) -> str:
    return f"{label} \N{RIGHTWARDS ARROW}" if more else f"\N{LEFTWARDS ARROW} {label}"


def _cloud(
    ax: Axes,
    dataset: xr.Dataset,
    names: list[str],
    pair: tuple[str, str],
    shown: tuple[Measure, Measure],
) -> list[Artist]:
    if not dataset.sizes.get("sample"):
        return []
    values = [
        measure(dataset["cloud"].values[:, names.index(name)])
        for name, measure in zip(pair, shown, strict=True)
    ]
    looks = {"s": 5, "color": "0.75", "linewidths": 0.0, "rasterized": True}
    ax.scatter(*values, zorder=0, **looks)
    handle = Line2D([], [], ls="", marker="o", ms=3, color="0.7", label="attainable")
    return [handle]


def _band(
    ax: Axes,
    dataset: xr.Dataset,
    order: NDArray,
    right: NDArray,
    up: Measure,
    name: str,
    more: bool,
) -> list[Artist]:
    """Shade up to what the first objective could be at most."""
    first = str(dataset["objective"].values[0])
    gap = dataset["gap"].values[order]
    if name != first or not np.isfinite(gap).all():
        return []
    at = dataset[name].values[order]
    best = up(at * (1.0 + gap) if more else at * (1.0 - gap))
    here = up(at)
    if np.max(np.abs(best - here)) < _SEEN * max(np.ptp(here), 1e-300):
        return []
    colour = style.COLOURS["sky"]
    ax.fill_between(right[order], here, best, color=colour, alpha=0.4, lw=0.0)
    return [Patch(color=colour, alpha=0.4, label="not excluded")]


def _third(
    ax: Axes,
    dataset: xr.Dataset,
    names: list[str],
    pair: tuple[str, str],
    right: NDArray,
    high: NDArray,
) -> list[Artist]:
    """Draw designs with the colour of the third objective."""
    third = next(name for name in names if name not in pair)
    measure = of_variable(dataset, third)
    drawn = ax.scatter(
        right, high, c=measure(dataset[third].values), s=9, cmap="viridis", lw=0.0
    )
    bar = style.figure(ax).colorbar(drawn, ax=ax, pad=0.02)
    bar.set_label(measure.label, fontsize=style.TEXT)
    bar.ax.tick_params(labelsize=style.SMALL)
    label = f"front ({len(right):,} designs)"
    return [Line2D([], [], ls="", marker="o", ms=4, color="0.3", label=label)]


def _knee(ax: Axes, dataset: xr.Dataset, right: NDArray, high: NDArray) -> list[Artist]:
    places = np.flatnonzero(dataset["is_knee"].values)
    if not len(places):
        return []
    (star,) = ax.plot(
        right[places],
        high[places],
        label="knee",
        ls="",
        marker="*",
        ms=11,
        color=style.COLOURS["orange"],
        mec="black",
        mew=0.5,
        zorder=5,
    )
    return [star]


def _frame(ax: Axes, right: NDArray, high: NDArray) -> None:
    for values, limit in ((right, ax.set_xlim), (high, ax.set_ylim)):
        low, most = float(np.min(values)), float(np.max(values))
        room = 0.08 * (most - low) or 0.05 * abs(most) or 1.0
        limit(low - room, most + room)
