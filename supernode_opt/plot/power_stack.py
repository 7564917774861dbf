"""Where the provisioned power goes, and the budget it has to fit in."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.measure import Measure, measure, words
from supernode_opt.plot.subject import subject


def power_stack(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the parts of the system power of `dataset` [W] as one stack.

    The legend says what each part is and takes, the largest first.
    """
    ax = style.axes(ax, height=1.9, narrow=2.5)
    parts = dataset["power_parts"].to_series().sort_values(ascending=False)
    parts = parts[parts > 0.0]
    total, start = float(parts.sum()), 0.0
    power = measure("power", "W", total)
    for order, (name, watts) in enumerate(parts.items()):
        share = f"{power.said(watts)} ({100.0 * watts / total:.1f} %)"
        wide = float(power(watts))
        label = f"{words(str(name))} {share}"
        ax.barh(0.0, wide, left=start, label=label, **_look(order))
        start += wide
    limit = float(power(_limit(dataset)))
    right = start
    if np.isfinite(limit):
        right = max(start, limit)
        _budget(ax, power, limit, right)
    ax.set_xlim(0.0, right)
    ax.set_ylim(-0.5, 0.5 + 0.4 * np.isfinite(limit))
    ax.set_yticks([])
    style.few_ticks(ax.xaxis)
    style.dress(ax, across=f"provisioned power [{power.unit}]")
    ax.spines["left"].set_visible(False)
    told = f"System power {power.said(total, 4)}, every chip at peak activity"
    style.title(ax, told, subject(dataset))
    style.legend_below(ax, ncols=3)
    return ax


def _look(order: int) -> dict:
    """Return an area's look; the ninth part is black."""
    if order < len(style.AREAS):
        return style.area(order)
    return {"facecolor": style.COLOURS["black"], "edgecolor": "white", "linewidth": 0.4}


def _budget(ax: Axes, power: Measure, limit: float, right: float) -> None:
    """Draw the budget, named on the side that has room."""
    side = 1 if limit < 0.4 * right else -1
    # Half of a line at the edge would be cut.
    ax.axvline(limit, color="black", ls="--", lw=1.2, clip_on=False)
    ax.annotate(
        f"budget {limit:.4g} {power.unit}",
        (limit, 0.48),
        xytext=(4 * side, 1),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="bottom",
        fontsize=style.SMALL,
    )


def _limit(dataset: xr.Dataset) -> float:
    """Return the power budget of the study [W], NaN if it has none."""
    if "power" not in dataset["constraint"].values:
        return float("nan")
    at = dataset.sel(constraint="power")
    return float(at["constraint_limit"]) if at["constraint_at_most"] else float("nan")
