"""The operators of a step under the roof of the chip (Williams et al., 2009)."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style

MARKERS = "osD^vPXp<>"
FACTOR, PREFIX = 1e12, "T"


def roofline(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw rate [flop/s] over intensity [flop/B] of the operators of `dataset`.

    Operators without FLOPs or bytes have no place on logarithmic axes and are left out
    of the picture; the shares in the legend are of the time of all operators.
    """
    ax = style.axes(ax, height=4.4)
    peak = float(dataset["chip_peak"]) / FACTOR
    bandwidth = float(dataset["chip_peak_bandwidth"]) / FACTOR
    flops, read = dataset["operator_flops"], dataset["operator_bytes"]
    time = dataset["operator_time"]
    share = (100.0 * time / time.sum()).values
    shown = np.flatnonzero((flops > 0.0) & (read > 0.0) & (time > 0.0))
    intensity = flops.values[shown] / read.values[shown]
    rate = flops.values[shown] / time.values[shown] / FACTOR

    ridge = peak / bandwidth
    low = min(intensity.min(initial=ridge), ridge / 10.0) / 3.0
    high = max(intensity.max(initial=ridge), ridge * 10.0) * 3.0
    line = np.array([low, ridge, high])
    ax.loglog(line, np.minimum(line * bandwidth, peak), color="black", lw=1.6)
    names = dataset["operator"].values[shown]
    colours = list(style.COLOURS.values())
    # The longest first, so that it heads the legend.
    for order, index in enumerate(np.argsort(-share[shown], kind="stable")):
        ax.plot(
            intensity[index],
            rate[index],
            ls="none",
            marker=MARKERS[order % len(MARKERS)],
            ms=8.0,
            color=colours[order % len(colours)],
            markeredgecolor="white",
            markeredgewidth=0.7,
            label=f"{style.words(str(names[index]))}, {share[shown][index]:.2g} %",
        )
    ax.set_xlim(low, high)
    ax.set_ylim(min(rate.min(initial=peak), low * bandwidth) / 2.0, peak * 3.0)
    style.dress(
        ax,
        f"Roofline of {dataset.attrs.get('chip', 'the chip')}",
        across="arithmetic intensity [FLOP/B]",
        up=f"rate per chip [{PREFIX}FLOP/s]",
    )
    ax.grid(which="major", color="0.92", lw=0.6)
    ax.set_axisbelow(True)
    _name_roofs(ax, peak, bandwidth, high, dataset.attrs.get("precision", ""))
    # Points cluster under the roof, so the lower right corner is free.
    if len(shown):
        ax.legend(
            loc="lower right",
            title="operator, share of their time",
            title_fontsize=style.SMALL,
            fontsize=style.SMALL,
            alignment="left",
            frameon=False,
            labelspacing=0.35,
        )
    return ax


def _name_roofs(
    ax: Axes, peak: float, bandwidth: float, right: float, precision: str
) -> None:
    """Write the peak rate and the memory rate above their lines."""
    ax.annotate(
        f"{precision.upper()} peak {peak:.4g} {PREFIX}FLOP/s".strip(),
        (right, peak),
        xytext=(-4, 4),
        textcoords="offset points",
        ha="right",
        fontsize=style.SMALL,
    )
    ridge = peak / bandwidth
    ax.annotate(
        f"memory {bandwidth:.3g} {PREFIX}B/s",
        (ridge / 10.0, peak / 10.0),
        xytext=(-6, 6),
        textcoords="offset points",
        ha="right",
        fontsize=style.SMALL,
    )
