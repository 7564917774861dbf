"""Which constants move a quantity most."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.measure import label_of
from supernode_opt.plot.subject import subject

_MOST = 15


def tornado(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how much each constant moves a quantity, the one that moves it most on top.

    With `low` and `high` a bar has the quantity's relative change at either end of the
    constant's range; with `elasticity` alone its change in per cent when the constant
    is one per cent more.

    Args:
      dataset: along the dimension `constant`: `low` and `high`, relative changes, or
        `elasticity`; the attribute `quantity`, or `objective`, names what moves.
      ax: axes to draw in, if there are any.

    Raises:
      ValueError: the dataset has neither.
    """
    names, sides = _bars(dataset)
    size = np.nan_to_num(np.abs(sides)).max(axis=0)
    order = np.argsort(-size, kind="stable")
    order, left_out = order[:_MOST], max(0, len(order) - _MOST)
    order = order[size[order] > 0.0]
    ax = style.axes(ax, 1.4 + 0.2 * len(order), narrow=1.6 + 0.24 * len(order))
    down = np.arange(len(order))
    for (label, area), values in zip(names.items(), sides, strict=True):
        ax.barh(down, values[order], height=0.7, label=label, **style.area(area))
    ax.axvline(0.0, color="black", lw=0.8)
    room = 0.38 * style.width_of(ax)
    told = [str(name) for name in dataset["constant"].values[order]]
    ax.set_yticks(down, [style.wrapped(label_of(name), room) for name in told])
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    style.few_ticks(ax.xaxis)
    told = dataset.attrs.get("quantity", dataset.attrs.get("objective", "the quantity"))
    quantity = label_of(str(told))
    ranged = len(names) > 1
    unit = "[%]" if ranged else "[% per % of the constant]"
    style.dress(ax, f"change of {quantity} {unit}")
    title = f"What moves {quantity} most"
    about = [subject(dataset)] if subject(dataset) else []
    if left_out:
        about.append(f"{left_out} that move it less are left out")
    style.title(ax, title, "; ".join(about))
    if ranged:
        handles = [Patch(label=la, **style.area(area)) for la, area in names.items()]
        style.legend_below(ax, 2, handles=handles)
    return ax


def _bars(dataset: xr.Dataset) -> tuple[dict[str, int], NDArray]:
    """Return bars by label with the area of each, and their lengths [bar, constant]."""
    if {"low", "high"} <= set(dataset.data_vars):
        names = {"constant at its low end": 0, "constant at its high end": 1}
        ends = [100.0 * dataset[end].values for end in ("low", "high")]
        return names, np.array(ends)
    if "elasticity" in dataset:
        return {"one per cent more": 0}, dataset["elasticity"].values[None]
    raise ValueError("a tornado needs `low` and `high`, or `elasticity`")
