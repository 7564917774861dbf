"""Both sides of a condition along a constant, and where they meet."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.measure import label_of, measure, named, short, written
from supernode_opt.plot.subject import proper, subject

# Where the catalog's value and range are, over the height of the axes.
_CATALOG = 0.05


def inversion(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the quantity of each machine along the constant, in the catalog's unit."""
    ax = style.axes(ax, 3.2, narrow=3.4)
    name, factor = dataset.attrs["quantity"], dataset.attrs["factor"]
    along = dataset["constant"].values / factor
    shown = measure(name, dataset[name].attrs["units"], dataset[name].values)
    for order, system in enumerate(dataset["system"].values):
        marker, colour = style.mark(order)
        curve = shown(dataset[name].sel(system=system))
        looks: dict[str, Any] = {"ls": style.DASHES[order % len(style.DASHES)]}
        if dataset.attrs["stepped"]:
            # Nothing is built between two sizes.
            looks = {"ls": "", "marker": marker, "ms": 5}
        ax.plot(along, curve, color=colour, label=proper(str(system)), **looks)
    target = float(dataset.attrs["target"])
    if np.isfinite(target):
        ax.axhline(float(shown(target)), color="0.3", ls=":", lw=1.0, label="wanted")
    unit = dataset.attrs["own_unit"]
    if dataset.attrs["found"]:
        at = float(dataset["solution"]) / factor
        told = f"{short(at)} {written(unit)}".strip()
        looks = {"ls": "", "marker": "o", "ms": 9, "mfc": "none", "color": "black"}
        height = shown(dataset["at_solution"][0])
        ax.plot(at, height, label=f"solution: {told}", clip_on=False, **looks)
    _scale(ax, along, bool(dataset.attrs["stepped"]))
    ax.margins(y=0.08)
    bottom, top = ax.get_ylim()
    # The catalog has a strip of its own.
    ax.set_ylim(bottom - 0.13 * (top - bottom), top)
    style.few_ticks(ax.yaxis)
    handles = [*ax.get_legend_handles_labels()[0]]
    handles += _catalog(ax, dataset["catalog"].values / factor)
    constant = label_of(str(dataset["constant"].attrs["long_name"]))
    style.dress(ax, named(constant, written(unit)), shown.label)
    told = f"What {constant} would have to be for the {shown.words} wanted"
    if not np.isfinite(target):
        told = f"{shown.words[:1].upper()}{shown.words[1:]} along {constant}"
    style.title(ax, told, subject(dataset))
    style.legend_below(ax, 4, handles=handles)
    return ax


def _scale(ax: Axes, along: NDArray, stepped: bool) -> None:
    """Scale the axis across as the constant was looked for, to the ends of that."""
    steps = np.diff(along)
    even = len(along) > 2 and np.allclose(steps, steps[0], rtol=1e-3)
    # Shares that reach one are told apart by their differences.
    even = even or (along.max() == 1.0 and not stepped)
    if along.min() > 0.0 and not even:
        ax.set_xscale("log")
    if stepped:
        ax.margins(x=0.05)
        style.log_ticks(ax.xaxis)
        ax.set_xticks(along, _apart(along))
        ax.minorticks_off()
        return
    ax.set_xlim(along.min(), along.max())
    (style.few_ticks if even else style.log_ticks)(ax.xaxis)


def _apart(along: NDArray) -> list[str]:
    """Write the numbers of a logarithmic axis that have room beside each other."""
    told: list[str] = []
    last = 0.0
    room = (along.max() / along.min()) ** 0.07
    for value in along:
        told.append(f"{value:g}" if value >= last * room else "")
        last = value if told[-1] else last
    return told


def _catalog(ax: Axes, known: NDArray) -> list[Artist]:
    """Draw the catalog's value and range, as far as the axis goes, near its foot."""
    value, low, high = known
    ends = np.clip([low, high], *ax.get_xlim())
    place = blended_transform_factory(ax.transData, ax.transAxes)
    green = style.COLOURS["green"]
    handles: list[Artist] = []
    looks: dict[str, Any] = {"color": green, "transform": place, "clip_on": False}
    if ax.get_xlim()[0] <= value <= ax.get_xlim()[1]:
        label = f"catalog: {short(float(value))}"
        point: dict[str, Any] = {"ls": "", "marker": "D", "ms": 4.5, "label": label}
        handles += ax.plot(value, _CATALOG, **point, **looks)
    if ends[0] < ends[1]:
        looks |= {"lw": 1.2, "marker": "|", "ms": 6, "label": "range of the catalog"}
        handles += ax.plot(ends, [_CATALOG] * 2, **looks)
    return handles
