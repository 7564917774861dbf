"""Both sides of a condition along a constant, and where they meet."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style


def inversion(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the quantity of each machine along the constant, in the catalog's unit."""
    ax = style.axes(ax, 4.2)
    name, factor = dataset.attrs["quantity"], dataset.attrs["factor"]
    along = dataset["constant"].values / factor
    unit = style.unit(dataset[name].attrs["units"])
    # Only with a unit of its own can a quantity take a prefix.
    named = unit != "" and "_per_" not in name
    largest = float(np.nanmax(dataset[name].values))
    size, prefix = style.scale(largest) if named else (1.0, "")
    value, low, high = dataset["catalog"].values / factor
    if low < high:
        ax.axvspan(low, high, color="0.9", zorder=0, label="catalog range")
    ax.axvline(value, color="0.6", linewidth=0.9, zorder=0, label="catalog value")
    for order, system in enumerate(dataset["system"].values):
        marker, colour = style.mark(order)
        curve = dataset[name].sel(system=system).values / size
        ax.plot(along, curve, color=colour, label=str(system))
        if dataset.attrs["stepped"]:
            # Nothing is built between two sizes.
            ax.lines[-1].set(linestyle="", marker=marker)
    target = float(dataset.attrs["target"])
    if np.isfinite(target):
        ax.axhline(target / size, color="0.3", linestyle="--", label="wanted")
    if dataset.attrs["found"]:
        at = float(dataset["solution"]) / factor
        ax.plot(
            at,
            float(dataset["at_solution"][0]) / size,
            marker="o",
            markersize=11,
            fillstyle="none",
            linestyle="",
            color="black",
            label=f"solution, {at:.4g}",
        )
    ax.set_xscale("log")
    if dataset.attrs["stepped"]:
        ax.set_xticks(along, [f"{size:g}" for size in along])
        ax.minorticks_off()
    constant = str(dataset["constant"].attrs["long_name"])
    across = style.named(constant, dataset.attrs["own_unit"])
    words = style.words(name)
    said = f"{words} [{prefix}{unit}]" if named else words
    style.dress(ax, "What would have to be true", across, said)
    style.legend_below(ax, 5)
    return ax
