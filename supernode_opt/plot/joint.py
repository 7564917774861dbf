"""Figures of one machine for several jobs."""

import json

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.measure import measure
from supernode_opt.plot.stacks import step_stacks
from supernode_opt.plot.subject import precision, proper


def shares(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw what every job reaches on the one machine, over its own optimum [%]."""
    names = _labels(dataset)
    values = 100.0 * dataset["share_of_own"].values
    ax = style.axes(ax, 1.2 + 0.3 * len(names), narrow=1.5 + 0.36 * len(names))
    down = np.arange(len(names))
    ax.barh(down, values, height=0.6, **style.area(0))
    wanted = str(dataset.attrs["objective"])
    shown = measure(wanted, str(dataset[wanted].attrs["units"]), dataset[wanted].values)
    for row, (value, own) in enumerate(
        zip(values, dataset[wanted].values, strict=True)
    ):
        ax.annotate(
            f"{value:.1f} %, {shown.said(float(own))}",
            (value, row - 0.32),
            (0, 1),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=style.SMALL,
        )
    labels = [style.wrapped(name, 0.3 * style.width_of(ax)) for name in names]
    ax.set_yticks(range(len(names)), labels)
    ax.set_ylim(len(names) - 0.55, -0.8)
    ax.set_xlim(0.0, max(100.0, float(values.max())))
    ax.tick_params(axis="y", length=0)
    style.few_ticks(ax.xaxis)
    style.dress(ax, "share of the optimum on a machine of its own [%]")
    title = f"{len(names)} models on one machine: {shown.words}"
    style.title(ax, title, _about(dataset))
    return ax


def joint_steps(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the step time of every job on the one machine as stacks of its parts."""
    told = json.loads(dataset.attrs["models"])
    each = [
        dataset.isel(model=i, drop=True).assign_attrs(precision=one["precision"])
        for i, one in enumerate(told)
    ]
    return step_stacks(each, _labels(dataset), ax)


def course(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how the gap to the best that bounds allow closed with the boxes cut."""
    boxes, gaps = dataset["boxes"].values, 100.0 * dataset["gap"].values
    good = np.isfinite(gaps) & (gaps > 0.0)
    ax = style.axes(ax, 2.4)
    # A line through one point is not seen.
    alone = "o" if good.sum() == 1 else None
    color = style.mark(0)[1]
    ax.plot(boxes[good], gaps[good], marker=alone, color=color, drawstyle="steps-post")
    ax.set_xscale("log")
    ax.set_yscale("log")
    style.log_ticks(ax.xaxis)
    style.log_ticks(ax.yaxis)
    style.dress(ax, "boxes of machines bounded", "could be better by [%]")
    style.title(ax, "How the gap closed", _about(dataset))
    return ax


def _labels(dataset: xr.Dataset) -> list[str]:
    return [proper(str(name)) for name in dataset["model"].values]


def _about(dataset: xr.Dataset) -> str:
    """Return the machine that was found, in words."""
    attrs = dataset.attrs
    told = {precision(one["precision"]) for one in json.loads(attrs["models"])}
    made = proper(str(attrs["system"]))
    if "machine_chips" in dataset:
        chips, domain = (
            float(dataset[f"machine_{name}"]) for name in ("chips", "scale_up_domain")
        )
        made += f" ({chips:,.0f} chips, domain {domain:,.0f})"
    return ", ".join([made, *sorted(told)])
