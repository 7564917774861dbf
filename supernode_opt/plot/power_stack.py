"""Where the provisioned power goes, and the budget it has to fit in."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style

ORDER = (
    "vermilion",
    "sky",
    "green",
    "blue",
    "orange",
    "purple",
    "yellow",
    "black",
    "grey",
)
# A segment narrower than this share of the stack has no room for its own number.
ROOM = 0.09


def power_stack(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the parts of the system power of `dataset` [W] as one stack."""
    ax = style.axes(ax, height=2.7)
    parts = dataset["power_parts"]
    total = float(parts.sum())
    factor, prefix = style.scale(total)
    start = 0.0
    for name, watts, key in zip(
        parts["power_part"].values, parts.values / factor, ORDER, strict=False
    ):
        colour = style.COLOURS[key]
        if watts <= 0.0:
            continue
        share = watts * factor / total
        text = f"{style.words(name)} {watts:.3g} {prefix}W ({100.0 * share:.1f} %)"
        ax.barh(
            0.0, watts, left=start, color=colour, edgecolor="white", lw=0.6, label=text
        )
        if share >= ROOM:
            ax.text(
                start + watts / 2.0,
                0.0,
                f"{watts:.3g} {prefix}W",
                color=style.ink(colour),
                fontsize=style.SMALL,
                ha="center",
                va="center",
            )
        start += watts
    limit = _limit(dataset) / factor
    right = start
    if np.isfinite(limit):
        right = max(start, limit)
        # A budget far below the need has no room for its name on the left.
        side = 1 if limit < 0.3 * right else -1
        ax.axvline(limit, color="black", ls="--", lw=1.2)
        ax.annotate(
            f"budget {limit:.4g} {prefix}W",
            (limit, 0.52),
            xytext=(4 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="bottom",
            fontsize=style.SMALL,
        )
    ax.set_xlim(0.0, 1.03 * right)
    ax.set_ylim(-0.5, 0.8)
    ax.set_yticks([])
    style.dress(
        ax,
        f"System power {start:.4g} {prefix}W, every chip at peak activity",
        across=f"provisioned power [{prefix}W]",
    )
    ax.spines["left"].set_visible(False)
    style.legend_below(ax, ncols=3)
    return ax


def _limit(dataset: xr.Dataset) -> float:
    """Return the power budget of the study [W], NaN if it has none."""
    if "power" not in dataset["constraint"].values:
        return float("nan")
    at = dataset.sel(constraint="power")
    return float(at["constraint_limit"]) if at["constraint_at_most"] else float("nan")
