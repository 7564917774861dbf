"""The operators of a step under the roof of the chip (Williams et al., 2009)."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.measure import words
from supernode_opt.plot.subject import precision, proper, subject

FACTOR, PREFIX = 1e12, "T"
# Operators with a marker of their own: as many as can be told apart.
NAMED = 7
# Area of the marker of an operator that takes all the time [pt^2]; the area goes with
# the root of the share, so that an operator of 1 % can still be seen.
AREA = 180.0
# At least this much of either axis lies below the ridge: room to name the memory roof.
BELOW_RIDGE = 5.0


def roofline(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw rate [flop/s] over intensity [flop/B] of the operators of `dataset`.

    Operators without FLOPs or bytes have no place on logarithmic axes; the legend has
    one entry for all of them, and one for all but the longest. Shares are of the time
    of all operators, in serving of those of the same phase.
    """
    ax = style.axes(ax, height=3.6, narrow=3.9)
    peak = float(dataset["chip_peak"]) / FACTOR
    bandwidth = float(dataset["chip_peak_bandwidth"]) / FACTOR
    flops, read = dataset["operator_flops"].values, dataset["operator_bytes"].values
    time = dataset["operator_time"].values
    share = time / _whole(dataset)
    shown = (flops > 0.0) & (read > 0.0) & (time > 0.0)
    # The longest first, so that it heads the legend and lies below the others.
    longest = np.argsort(-share, kind="stable")
    rows = longest[shown[longest]]
    intensity, rate = flops[rows] / read[rows], flops[rows] / time[rows] / FACTOR
    ax.set_xscale("log")
    ax.set_yscale("log")
    _zoom(ax, intensity, rate, peak, bandwidth)
    low, high = ax.get_xlim()
    line = np.array([low, peak / bandwidth, high])
    ax.plot(line, np.minimum(line * bandwidth, peak), color="black", lw=1.2, zorder=2)
    names = [words(str(name)) for name in dataset["operator"].values[rows]]
    handles = _longest(ax, names, share[rows], intensity, rate)
    rest = share[rows][NAMED:]
    if len(rest):
        label = f"{len(rest)} others, {_percent(rest.sum())}"
        looks = {"color": "0.45", "marker": ".", "ms": 4.0, "ls": "none"}
        handles += ax.plot(intensity[NAMED:], rate[NAMED:], label=label, **looks)
    if share[~shown].sum() > 0.0:
        without = f"without FLOPs, {_percent(share[~shown].sum())}"
        handles.append(Line2D([], [], ls="none", label=without))
    up = f"rate per chip [{PREFIX}FLOP/s]"
    style.log_ticks(ax.xaxis)
    style.log_ticks(ax.yaxis)
    style.dress(ax, "arithmetic intensity [FLOP/B]", up)
    ax.grid(which="major", color="0.92", lw=0.5)
    ax.set_axisbelow(True)
    _name_roofs(ax, peak, bandwidth, str(dataset.attrs.get("precision", "")))
    chip = proper(str(dataset.attrs.get("chip", "the chip")))
    title = f"Roofline of {chip}: operators and their shares of time"
    style.title(ax, title, subject(dataset))
    style.legend_below(ax, 4, handles=handles)
    return ax


def _whole(dataset: xr.Dataset) -> NDArray:
    """Return the time of all operators of the pass that each belongs to [s]."""
    time = dataset["operator_time"].values
    if "operator_phase" not in dataset:
        return np.full(time.shape, time.sum())
    same = dataset["operator_phase"].values
    return (same[:, None] == same).astype(float) @ time


def _longest(
    ax: Axes, names: list[str], share: NDArray, across: NDArray, up: NDArray
) -> list[Artist]:
    """Draw the longest operators, each with a marker and a line of the legend."""
    handles: list[Artist] = []
    for order, name in enumerate(names[:NAMED]):
        marker, colour = style.mark(order)
        ax.scatter(
            across[order],
            up[order],
            s=AREA * np.sqrt(share[order]),
            marker=marker,
            facecolor=(colour, 0.3),
            edgecolor=colour,
            linewidth=1.0,
            zorder=3 + order / len(names),
        )
        looks = {"mfc": (colour, 0.3), "mec": colour, "ms": 5.5, "ls": "none"}
        label = f"{name}, {_percent(share[order])}"
        handles.append(Line2D([], [], marker=marker, label=label, **looks))
    return handles


def _zoom(
    ax: Axes, intensity: NDArray, rate: NDArray, peak: float, bandwidth: float
) -> None:
    """Set limits that hold the points, the ridge and the names of the roofs."""
    ridge = peak / bandwidth
    left = min(intensity.min(initial=ridge) / 1.6, ridge / BELOW_RIDGE)
    right = max(intensity.max(initial=ridge) * 1.6, ridge * BELOW_RIDGE)
    bottom = min(rate.min(initial=peak) / 1.6, peak / BELOW_RIDGE)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, peak * (peak / bottom) ** 0.14)


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g} %"


def _name_roofs(ax: Axes, peak: float, bandwidth: float, numbers: str) -> None:
    """Write the names above the roofs, where no operator can be."""
    figure = style.figure(ax)
    right, ridge = ax.get_xlim()[1], peak / bandwidth
    ax.text(
        right,
        peak,
        f"{precision(numbers)} peak {peak:.4g} {PREFIX}FLOP/s".strip(),
        transform=offset_copy(ax.transData, figure, -4.0, 3.0, units="points"),
        ha="right",
        fontsize=style.SMALL,
    )
    start = max(ax.get_xlim()[0], ax.get_ylim()[0] / bandwidth)
    middle = np.sqrt(start * ridge)
    ax.text(
        middle,
        middle * bandwidth,
        f"memory {bandwidth:.3g} {PREFIX}B/s",
        transform=offset_copy(ax.transData, figure, -4.0, 3.0, units="points"),
        # The direction of the roof in the data, whatever the shape of the axes.
        rotation=np.degrees(np.arctan(bandwidth)),
        rotation_mode="anchor",
        transform_rotates_text=True,
        ha="center",
        va="bottom",
        fontsize=style.SMALL,
    )
