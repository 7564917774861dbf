"""Predicted against measured time and watts of GEMMs."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.subject import precision, proper


def gemm_time(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw predicted over measured time against measured time with a band of 10 %."""
    ax = style.axes(ax, 3.4, narrow=3.6)
    real = dataset["measured_time"].values
    ratio = dataset["predicted_time"].values / real
    ax.axhspan(0.9, 1.1, color="0.92", zorder=0)
    ax.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
    _scatter(ax, dataset, real * 1e6, ratio)
    ax.set_xscale("log")
    ax.set_yscale("log", base=2)
    ax.set_ylim(0.5, 2.0)
    ax.set_yticks([0.5, 0.75, 1.0, 1.33, 2.0], ["0.5", "0.75", "1", "1.33", "2"])
    style.dress(ax, "measured time [µs]", "predicted / measured time")
    title = "GEMM time on shapes that were never fitted"
    style.title(ax, title, _told(dataset, ratio))
    style.legend_below(ax, 4)
    return ax


def gemm_watts(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw predicted against measured watts, over the limit, with a band of 10 %.

    Grey rows were too short for a sensor that averages over a second.
    """
    ax = style.axes(ax, 4.2, narrow=4.2)
    limit = dataset["limit"].values
    real = dataset["measured_power"].values / limit
    told = dataset["predicted_power"].values / limit
    ends = np.array([0.0, 1.05])
    ax.fill_between(ends, 0.9 * ends, 1.1 * ends, color="0.92", zorder=0)
    ax.plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
    _scatter(ax, dataset, real, told, brief=True)
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    style.dress(ax, "measured power / limit", "predicted power / limit")
    title = "GEMM power over its limit on shapes that were never fitted"
    style.title(
        ax, title, _told(dataset, np.where(_brief(dataset), np.nan, told / real))
    )
    style.legend_below(ax, 4)
    return ax


def _scatter(
    ax: Axes,
    dataset: xr.Dataset,
    across: np.ndarray,
    up: np.ndarray,
    brief: bool = False,
) -> None:
    """Draw the held-out rows of every series.

    `brief` draws those apart whose watts no sensor could follow.
    """
    rows = _rows(dataset)
    if brief:
        short = rows & _brief(dataset)
        rows = rows & ~short
        colour = style.COLOURS["grey"]
        _dots(ax, across[short], up[short], "o", colour, "too short for the sensor")
    for order, name in enumerate(np.unique(dataset["series"].values)):
        own = rows & (dataset["series"].values == name)
        _dots(ax, across[own], up[own], *style.mark(order), _named(str(name)))


def _brief(dataset: xr.Dataset) -> np.ndarray:
    """Tell which rows were too short for a sensor that averages over a second."""
    return dataset["regime"].values == "brief"


def _rows(dataset: xr.Dataset) -> np.ndarray:
    """Tell which rows are judged by: those held out, where there are any."""
    rows = dataset["held_out"].values.astype(bool)
    return rows if rows.any() else ~rows


def _told(dataset: xr.Dataset, ratio: np.ndarray) -> str:
    """Write how many rows there are and how far they are off in the median."""
    kept = ratio[_rows(dataset) & np.isfinite(ratio)]
    error = 100.0 * np.median(np.abs(kept - 1.0)) if len(kept) else np.nan
    return f"{len(kept):,} GEMMs, median error {error:.2g} %; band: 10 %"


def _named(series: str) -> str:
    """Write the chip and precision of a series."""
    *chip, numbers = series.split(" ")
    return f"{proper(' '.join(chip))} {precision(numbers)}".strip()


def _dots(
    ax: Axes, across: np.ndarray, up: np.ndarray, marker: str, colour: str, label: str
) -> None:
    """Draw many small see-through marks, and one clear mark in the legend."""
    drawn = {"marker": marker, "color": colour, "linewidths": 0.0}
    ax.scatter(across, up, s=4, alpha=0.35, rasterized=True, **drawn)
    ax.scatter([], [], s=16, label=label, **drawn)
