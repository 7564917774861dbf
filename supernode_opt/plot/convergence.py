"""How the search went: what the relaxed designs reach, and which limits they break."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.measure import measure, words
from supernode_opt.plot.subject import subject

# Violations below this count as none and are drawn at zero.
FLOOR = 1e-6
# The search takes a relaxed design as good as feasible up to this violation.
NEARLY = 3e-3
# More iterations than this have smaller markers.
CROWD = 80


def convergence(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw what relaxed designs reach (above) and how far they break limits (below).

    Choices and counts are mixed and broken in a relaxed design, so that it may reach
    more than anything that can be built; the best that was built is a dashed line.
    """
    ax = style.axes(ax, 3.5, narrow=3.9)
    figure, grid = style.panels(ax, 2, 1)
    top = figure.add_subplot(grid[0, 0])
    below = figure.add_subplot(grid[1, 0], sharex=top)
    step = dataset["iteration"].values
    violation = dataset["worst_violation"].values
    violation = np.where(violation > FLOOR, violation, 0.0)
    handles = _objective(top, dataset, violation <= NEARLY)
    below.plot(step, violation, color="0.6", lw=1.0, zorder=1)
    handles += _marks(below, step, violation, dataset["worst_constraint"].values)
    _zero_below_decades(below, violation)
    style.few_ticks(below.xaxis)
    style.dress(below, "iteration", "worst violation")
    top.tick_params(labelbottom=False)
    figure.align_ylabels([top, below])
    style.title(ax, "Convergence of the relaxed search", subject(dataset))
    style.legend_below(ax, ncols=4, handles=handles)
    return ax


def _objective(ax: Axes, dataset: xr.Dataset, held: NDArray) -> list[Artist]:
    """Draw the objective of relaxed designs, hollow where limits are broken."""
    name = str(dataset.attrs.get("objective", "objective"))
    best = dataset["best_objective"]
    shown = measure(name, best.attrs["units"], best.values)
    step, reached = dataset["iteration"].values, shown(best)
    blue = style.COLOURS["blue"]
    looks: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 3.5, "color": blue}
    ax.plot(step, reached, color="0.7", lw=0.8, zorder=1)
    handles: list[Artist] = []
    for rows, face, label in (
        (held, blue, "relaxed design, limits hold"),
        (~held, "white", "relaxed design, limits broken"),
    ):
        if rows.any():
            handles += ax.plot(
                step[rows], reached[rows], mfc=face, label=label, **looks
            )
    if name in dataset and np.isfinite(dataset[name]):
        built = float(shown(dataset[name]))
        said = f"best design built, {shown.said(float(dataset[name]))}"
        handles += [ax.axhline(built, color="black", ls="--", lw=1.0, label=said)]
    ax.margins(y=0.12)
    style.few_ticks(ax.yaxis)
    style.dress(ax, up=shown.label)
    return handles


def _marks(
    ax: Axes, step: NDArray, violation: NDArray, constraint: NDArray
) -> list[Artist]:
    """Mark every iteration by its worst constraint; return one artist of each."""
    size = 4.5 if len(step) <= CROWD else 2.8
    artists: list[Artist] = []

    def draw(here: NDArray, label: str, **looks: Any) -> None:
        looks |= {"ls": "none", "ms": size, "label": label}
        artists.extend(ax.plot(step[here], violation[here], **looks))

    # The first pair is the blue of the objective.
    for order, name in enumerate(dict.fromkeys(constraint[violation > 0.0]), start=1):
        marker, colour = style.mark(order)
        here = (violation > 0.0) & (constraint == name)
        draw(here, f"worst: {words(str(name))}", marker=marker, color=colour)
    feasible = violation == 0.0
    if feasible.any():
        looks = {"marker": "o", "mfc": "white", "mec": "black", "clip_on": False}
        draw(feasible, "none violated", **looks)
    return artists


def _zero_below_decades(ax: Axes, violation: NDArray) -> None:
    """Give `ax` a logarithmic scale of the violations with a zero below it."""
    drawn = violation[(violation > 0.0) & np.isfinite(violation)]
    lowest = int(np.floor(np.log10(drawn.min(initial=1e-3))))
    highest = max(int(np.ceil(np.log10(drawn.max(initial=FLOOR)))), lowest + 1)
    threshold = 10.0**lowest
    ax.set_yscale("symlog", linthresh=threshold, linscale=0.5)
    ax.set_ylim(-0.25 * threshold, 1.6 * 10.0**highest)
    # A number at every decade does not fit a range of many.
    jump = max(1, (highest - lowest + 3) // 4)
    steps = range(highest, lowest - 1, -jump)
    ax.set_yticks([0.0, *(10.0**step for step in steps)])
    ax.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.axhspan(-0.25 * threshold, 0.25 * threshold, color="0.94", lw=0.0, zorder=0)


def _power_of_ten(value: float, _: int) -> str:
    return "0" if value == 0.0 else f"$10^{{{round(np.log10(value))}}}$"
