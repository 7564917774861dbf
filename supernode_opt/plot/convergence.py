"""How the search went: the best objective and the worst constraint over iterations."""

import itertools

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style

# Violations below this count as none and are drawn on the floor of the axis.
FLOOR = 1e-6
# At most this many changes of the worst constraint are named.
NAMED = 6


def convergence(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw best objective (left) and worst normalised violation (right, log scale)."""
    ax = style.axes(ax, height=3.6)
    step = dataset["iteration"].values
    best = dataset["best_objective"]
    blue, red = style.COLOURS["blue"], style.COLOURS["vermilion"]
    ax.plot(step, best.values, color=blue, lw=1.8, drawstyle="steps-post")
    name = style.words(dataset.attrs.get("objective", "objective"))
    unit = style.unit(best.attrs["units"])
    up = f"best {name}" + (f" [{unit}]" if unit else "")
    style.dress(ax, "Convergence", across="iteration", up=up)
    ax.yaxis.label.set_color(blue)
    ax.margins(y=0.12)

    right = ax.twinx()
    violation = np.maximum(dataset["worst_violation"].values, FLOOR)
    right.semilogy(step, violation, color=red, lw=1.2)
    right.set_ylim(FLOOR / 2.0, 8.0 * max(violation.max(initial=FLOOR), 1e-3))
    right.set_ylabel(
        "worst relative violation (bottom: none)", color=red, fontsize=style.TEXT
    )
    right.tick_params(labelsize=style.TEXT)
    right.spines["top"].set_visible(False)
    for first, last, constraint in _runs(dataset):
        middle = (first + last) // 2
        right.annotate(
            style.words(constraint),
            (step[middle], violation[middle]),
            xytext=(0, 14),
            textcoords="offset points",
            ha="center",
            fontsize=style.SMALL,
            color=red,
            arrowprops={"arrowstyle": "-", "color": red, "lw": 0.6},
        )
    return ax


def _runs(dataset: xr.Dataset) -> list[tuple[int, int, str]]:
    """Return (first, last, name) of the longest spells of one violated constraint."""
    names = dataset["worst_constraint"].values
    violated = dataset["worst_violation"].values > FLOOR
    runs = []
    position = 0
    for (name, broken), members in itertools.groupby(zip(names, violated, strict=True)):
        length = sum(1 for _ in members)
        if broken:
            runs.append((position, position + length - 1, str(name)))
        position += length
    return sorted(runs, key=lambda run: run[0] - run[1])[:NAMED]
