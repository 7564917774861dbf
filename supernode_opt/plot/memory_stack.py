"""What fills the memory of a chip, and the room that is left."""

import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.measure import measure, words
from supernode_opt.plot.subject import subject

# Parts below this share of the whole have no place in the legend of their own.
_SMALL = 1e-3


def memory_stack(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the memory of a chip of the fuller pool by parts [B], the largest first."""
    ax = style.axes(ax, height=1.9, narrow=2.5)
    parts = dataset["memory_parts"].to_series().sort_values(ascending=False)
    total, start = float(parts.sum()), 0.0
    held = measure("memory", "B", total)
    for order, (name, size) in enumerate(parts[parts > _SMALL * total].items()):
        wide = float(held(size))
        label = f"{words(str(name))} {held.said(size)} ({100.0 * size / total:.1f} %)"
        ax.barh(0.0, wide, left=start, label=label, **style.area(order))
        start += wide
    ax.set_xlim(0.0, float(held(total)))
    ax.set_ylim(-0.5, 0.5)
    ax.set_yticks([])
    style.few_ticks(ax.xaxis)
    style.dress(ax, across=f"memory of a chip [{held.unit}]")
    ax.spines["left"].set_visible(False)
    told = f"Memory of a chip of the fuller pool {held.said(total)}"
    if "constraint" in dataset and "memory_fraction" in dataset["constraint"].values:
        share = float(dataset["constraint_value"].sel(constraint="memory_fraction"))
        told += f", {100.0 * share:.3g} % of what it has"
    style.title(ax, told, subject(dataset))
    style.legend_below(ax, ncols=3)
    return ax
