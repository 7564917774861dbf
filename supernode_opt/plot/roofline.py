"""The operators of a step under the roof of the chip (Williams et al., 2009)."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray

from supernode_opt.plot import style

FACTOR, PREFIX = 1e12, "T"
# Area of the marker of an operator that takes all the time [pt^2]; the area goes with
# the root of the share, so that an operator of 0.1 % can still be seen.
AREA = 620.0
# At least this much of either axis lies below the ridge: room to name the memory roof.
BELOW_RIDGE = 5.0
# Axes shorter than this many decades also have numbers at 2 and 5.
SHORT = 2.2


def roofline(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw rate [flop/s] over intensity [flop/B] of the operators of `dataset`.

    Operators without FLOPs or bytes have no place on logarithmic axes; the legend has
    one entry for all of them. Shares are of the time of all operators.
    """
    ax = style.axes(ax, height=4.2)
    peak = float(dataset["chip_peak"]) / FACTOR
    bandwidth = float(dataset["chip_peak_bandwidth"]) / FACTOR
    flops, read = dataset["operator_flops"].values, dataset["operator_bytes"].values
    time = dataset["operator_time"].values
    share = time / time.sum()
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
    ax.plot(line, np.minimum(line * bandwidth, peak), color="black", lw=1.6, zorder=2)
    handles: list[Artist] = []
    for order, row in enumerate(rows):
        marker, colour = style.mark(order)
        ax.scatter(
            intensity[order],
            rate[order],
            s=AREA * np.sqrt(share[row]),
            marker=marker,
            facecolor=(colour, 0.22),
            edgecolor=colour,
            linewidth=1.3,
            zorder=3 + order / len(rows),
        )
        name = style.words(str(dataset["operator"].values[row]))
        handles.append(_handle(f"{name}, {_percent(share[row])}", marker, colour))
    if share[~shown].sum() > 0.0:
        rest = f"(without FLOPs, {_percent(share[~shown].sum())})"
        handles.append(_handle(rest, "", "none"))
    chip = style.words(str(dataset.attrs.get("chip", "the chip")))
    style.dress(
        ax,
        f"Roofline of {chip}",
        across="arithmetic intensity [FLOP/B]",
        up=f"rate per chip [{PREFIX}FLOP/s]",
    )
    _plain_numbers(ax.xaxis)
    _plain_numbers(ax.yaxis)
    ax.grid(which="major", color="0.92", lw=0.6)
    ax.set_axisbelow(True)
    _name_roofs(ax, peak, bandwidth, dataset.attrs.get("precision", ""))
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        title="operator, share of time\n(size grows with share)",
        title_fontsize=style.SMALL,
        fontsize=style.SMALL,
        alignment="left",
        frameon=False,
        handletextpad=0.4,
        borderaxespad=0.0,
    )
    return ax


def _zoom(
    ax: Axes, intensity: NDArray, rate: NDArray, peak: float, bandwidth: float
) -> None:
    """Set limits that hold the points, the ridge and the names of the roofs."""
    ridge = peak / bandwidth
    left = min(intensity.min(initial=ridge) / 1.6, ridge / BELOW_RIDGE)
    right = max(intensity.max(initial=ridge) * 1.6, ridge * BELOW_RIDGE)
    bottom = min(rate.min(initial=peak) / 1.6, peak / BELOW_RIDGE)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, peak * (peak / bottom) ** 0.1)


def _plain_numbers(axis: Axis) -> None:
    """Write 50 and 1000 at the ticks, not powers of ten."""
    low, high = axis.get_view_interval()
    subs = (1.0, 2.0, 5.0) if np.log10(high / low) < SHORT else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g} %"


def _handle(label: str, marker: str, colour: str) -> Line2D:
    """Make a legend entry; its marker has one size, whatever the share."""
    face = (colour, 0.22) if marker else "none"
    return Line2D(
        [], [], ls="none", marker=marker, ms=7, mfc=face, mec=colour, label=label
    )


def _name_roofs(ax: Axes, peak: float, bandwidth: float, precision: str) -> None:
    """Write the names above the roofs, where no operator can be."""
    figure = style.figure(ax)
    right, ridge = ax.get_xlim()[1], peak / bandwidth
    ax.text(
        right,
        peak,
        f"{precision.upper()} peak {peak:.4g} {PREFIX}FLOP/s".strip(),
        transform=offset_copy(ax.transData, figure, -4.0, 4.0, units="points"),
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
