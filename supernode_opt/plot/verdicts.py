"""The odds that memory suffices against what happened, by stack."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.subject import proper

# What happened: value, label, marker, colour, and side of the lane.
_OUTCOMES = (
    (1.0, "ran", "o", "blue", -0.2),
    (0.0, "not enough memory", "X", "vermilion", 0.2),
)
_SPREAD = 0.13
# Above and below, the verdict is sure.
_SURE, _NOT = 90.0, 10.0


def memory_verdicts(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the probability that memory suffices of every job whose outcome is known.

    Stacks go down, jobs that ran above those that did not; verdicts are sure within the
    shaded ends, and wrong where a mark lies in the end of the others.
    """
    ran = dataset["ran"].values
    told = np.isfinite(ran)
    odds, stacks = 100.0 * dataset["fit_probability"].values, dataset["stack"].values
    names, counts = np.unique(stacks[told], return_counts=True)
    names = names[np.argsort(-counts)]
    ax = style.axes(ax, 1.3 + 0.33 * max(len(names), 1))
    ax.axvspan(-3.0, _NOT, color="0.92", zorder=0)
    ax.axvspan(_SURE, 103.0, color="0.92", zorder=0)
    random = np.random.default_rng(0)
    ticks = []
    for lane, name in enumerate(names):
        own = told & (stacks == name)
        wrong = 0
        for value, _, marker, colour, side in _OUTCOMES:
            rows = own & (ran == value)
            wrong += int(
                (odds[rows] < _NOT).sum() if value else (odds[rows] > _SURE).sum()
            )
            shaken = random.uniform(-_SPREAD, _SPREAD, rows.sum())
            ax.scatter(
                odds[rows],
                lane + side + shaken,
                s=12,
                marker=marker,
                facecolors="none" if marker == "o" else style.COLOURS[colour],
                edgecolors=style.COLOURS[colour],
                linewidths=0.6,
                alpha=0.8,
            )
        ticks.append(f"{proper(str(name))} ({own.sum()}, {wrong} wrong)")
    for line in range(1, len(names)):
        ax.axhline(line - 0.5, color="0.85", linewidth=0.6)
    ax.set_xlim(-3.0, 103.0)
    ax.set_ylim(max(len(names), 1) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), ticks)
    style.few_ticks(ax.xaxis)
    style.dress(ax, "probability that memory suffices [%]")
    ax.tick_params(axis="y", length=0)
    about = f"{told.sum()} jobs whose outcome is known; shaded: a sure verdict"
    style.title(ax, "Odds that memory suffices, and what happened", about)
    handles = [
        ax.scatter([], [], s=16, marker=m, color=style.COLOURS[c], label=label)
        for _, label, m, c, _ in _OUTCOMES
    ]
    style.legend_below(ax, 2, handles=list(handles))
    return ax
