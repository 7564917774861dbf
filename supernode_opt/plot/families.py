"""Predicted over measured step time by family of evidence, each row with its range."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from supernode_opt.plot import style
from supernode_opt.plot.subject import proper

# Half-width of a central 90 % range in standard deviations.
_NINETY = 1.645
# Grades of evidence, the best first, and how each is drawn.
GRADES = {
    "measured": ("o", "blue"),
    "near": ("s", "green"),
    "extrapolated": ("D", "orange"),
    "untested": ("^", "vermilion"),
}
_ROW, _MOST_ROWS = 0.062, 24
_TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)


def shown(dataset: xr.Dataset) -> tuple[np.ndarray, str]:
    """Return the rows to judge by [run], and what they are.

    Rows kept for validation where there are any, else rows never fitted, else all.
    """
    fitted = dataset["fitted"].values.astype(bool)
    judged = dataset["judged"].values.astype(bool)
    if judged.any():
        return judged, "rows kept for validation"
    return (fitted, "fitted rows") if fitted.all() else (~fitted, "rows never fitted")


def ratios_by_family(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw predicted over measured step time with 90 % ranges, families down.

    Families are in the order of their median error, rows in that of their ratio; marks
    are filled where the range holds the measurement.
    """
    rows, what = shown(dataset)
    ratio = (dataset["predicted"] / dataset["measured"]).values[rows]
    half = np.exp(_NINETY * dataset["deviation"].values[rows])
    grades, families = (dataset[n].values[rows] for n in ("grade", "family"))
    names = sorted(
        set(families), key=lambda one: np.median(np.abs(np.log(ratio[families == one])))
    )
    lanes = [min(int((families == name).sum()), _MOST_ROWS) for name in names]
    ax = style.axes(ax, 1.2 + _ROW * (sum(lanes) + 1.6 * len(names)))
    top, ticks = 0.0, []
    for order, (name, wide) in enumerate(zip(names, lanes, strict=True)):
        own = np.flatnonzero(families == name)
        own = own[np.argsort(ratio[own])]
        down = top + np.linspace(0.0, max(wide - 1.0, 0.0), len(own))
        if order % 2 == 0:
            ax.axhspan(top - 1.3, top + wide + 0.3, color="0.95", zorder=0)
        for row, at in zip(own, down, strict=True):
            _mark(ax, ratio[row], half[row], at, str(grades[row]))
        ticks.append((top + 0.5 * (wide - 1.0), f"{proper(str(name))} ({len(own)})"))
        top += wide + 1.6
    ax.axvline(1.0, color="0.4", linewidth=0.8, zorder=1)
    ax.set_xscale("log")
    ax.set_ylim(top - 1.3, -1.3)
    ax.set_yticks([at for at, _ in ticks], [words for _, words in ticks])
    low, high = (ratio / half).min() * 0.97, (ratio * half).max() * 1.03
    low, high = min(low, 0.9), max(high, 1.1)
    ax.set_xlim(low, high)
    kept = [tick for tick in _TICKS if low <= tick <= high]
    ax.set_xticks(kept, [f"{tick:g}" for tick in kept])
    ax.minorticks_off()
    style.dress(ax, "predicted / measured")
    ax.tick_params(axis="y", length=0)
    about = f"{len(ratio)} {what}, each with its 90 % range, by stack and machine"
    style.title(ax, "Predicted over measured step time", about)
    style.legend_below(ax, 3, handles=_legend(set(grades)))
    return ax


def _mark(ax: Axes, ratio: float, half: float, at: float, grade: str) -> None:
    marker, key = GRADES[grade]
    colour = style.COLOURS[key]
    held = ratio / half <= 1.0 <= ratio * half
    ax.hlines(at, ratio / half, ratio * half, color=colour, linewidth=1.0, zorder=2)
    face = colour if held else "white"
    ax.plot(
        ratio,
        at,
        marker=marker,
        markersize=3.2,
        markerfacecolor=face,
        markeredgecolor=colour,
        linestyle="",
        zorder=3,
    )


def _legend(grades: set[str]) -> list:
    made = [
        Line2D(
            [], [], marker=marker, color=style.COLOURS[key], markersize=4.5, label=name
        )
        for name, (marker, key) in GRADES.items()
        if name in grades
    ]
    hollow = Line2D([], [], marker="o", color="0.3", markerfacecolor="white")
    hollow.set_label("hollow: outside its range")
    hollow.set_linestyle("")
    return [*made, hollow]
