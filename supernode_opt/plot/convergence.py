"""How the search went: the best objective and the worst constraint over iterations."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from supernode_opt.plot import style

# Violations below this count as none and are drawn at zero.
FLOOR = 1e-6
# More iterations than this have smaller markers.
CROWD = 80


def convergence(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw best objective (left) and worst normalised violation (right).

    The violation has a logarithmic axis that ends in a zero; a marker at every
    iteration says which constraint was the worst, or that none was violated.
    """
    ax = style.axes(ax, height=4.0)
    step = dataset["iteration"].values
    best = dataset["best_objective"]
    blue = style.COLOURS["blue"]
    name = str(dataset.attrs.get("objective", "objective"))
    # A utilisation is spoken of in per cent.
    percent = name == "mfu"
    unit = "%" if percent else style.unit(best.attrs["units"])
    objective = best.values * (100.0 if percent else 1.0)
    ax.plot(
        step, objective, color=blue, lw=1.8, marker=".", ms=4, drawstyle="steps-post"
    )
    up = style.named(f"best {style.words(name)}", unit)
    style.dress(ax, "Convergence", across="iteration", up=up)
    ax.yaxis.label.set_color(blue)
    ax.tick_params(axis="y", labelcolor=blue)
    ax.margins(y=0.12)

    right = ax.twinx()
    violation = dataset["worst_violation"].values
    violation = np.where(violation > FLOOR, violation, 0.0)
    right.plot(step, violation, color="0.6", lw=1.0, zorder=1)
    handles = _marks(right, step, violation, dataset["worst_constraint"].values)
    _zero_below_decades(right, violation)
    right.set_ylabel("worst relative violation", fontsize=style.TEXT)
    right.tick_params(labelsize=style.TEXT)
    right.spines["top"].set_visible(False)
    style.legend_below(ax, ncols=4, title="worst constraint", handles=handles)
    return ax


def _marks(
    ax: Axes, step: NDArray, violation: NDArray, constraint: NDArray
) -> list[Artist]:
    """Mark every iteration by its worst constraint; return one artist of each."""
    size = 5.5 if len(step) <= CROWD else 3.5
    artists: list[Artist] = []

    def draw(here: NDArray, label: str, **looks: Any) -> None:
        looks |= {"ls": "none", "ms": size, "label": label}
        artists.extend(ax.plot(step[here], violation[here], **looks))

    # The first pair is the blue of the objective.
    for order, name in enumerate(dict.fromkeys(constraint[violation > 0.0]), start=1):
        marker, colour = style.mark(order)
        here = (violation > 0.0) & (constraint == name)
        draw(here, style.words(str(name)), marker=marker, color=colour)
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
    ax.set_yticks([0.0, *(10.0**step for step in range(lowest, highest + 1))])
    ax.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    ax.yaxis.set_minor_locator(NullLocator())
    # Transparent, as these axes lie above those of the objective.
    ax.axhspan(-0.25 * threshold, 0.25 * threshold, color="black", alpha=0.06, lw=0.0)


def _power_of_ten(value: float, _: int) -> str:
    return "0" if value == 0.0 else f"$10^{{{round(np.log10(value))}}}$"
