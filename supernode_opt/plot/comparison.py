"""Machines side by side: what they reach, at which cost, and how sure that is."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.system.report import FACTS, Report
from supernode_opt.units import quantity_of

_PANELS = tuple(name for name, facts in FACTS.items() if facts.compared)
_COLUMNS = 3
_SIZES = {1e3: "thousand ", 1e6: "million ", 1e9: "billion "}
_FILLS = ("full", "none", "left", "right", "bottom")


def comparison(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw what machines reach and take with their 5-95 % ranges.

    Machines go down, models have colours and precisions fillings.
    """
    systems = dataset.sizes["system"]
    series = dataset.sizes["model"] * dataset.sizes["precision"]
    rows = -(-len(_PANELS) // _COLUMNS)
    ax = style.axes(ax, 0.5 + rows * (0.5 + 0.09 * systems * (series + 1.5)))
    figure, grid = style.panels(ax, rows, _COLUMNS)
    for place, name in enumerate(_PANELS):
        words, factor = _scaled(name, float(np.nan_to_num(dataset[name].values).max()))
        row, column = divmod(place, _COLUMNS)
        panel = figure.add_subplot(grid[row, column])
        _panel(dataset, name, factor, panel)
        style.dress(panel, "", words)
        _machines(dataset, panel, column == 0)
        # Goodput lies near its end, where differences from zero cannot be seen.
        panel.set_xlim(left=None if name == "goodput" else 0.0)
    # What is left of the last row holds the legend.
    corner = figure.add_subplot(grid[rows - 1, len(_PANELS) % _COLUMNS :])
    corner.set_axis_off()
    corner.legend(
        handles=panel.get_legend_handles_labels()[0],
        loc="center left",
        fontsize=style.SMALL,
        frameon=False,
    )
    title = "Each machine with its best split; bars are 5-95 % ranges"
    figure.suptitle(title, fontsize=style.TITLE, x=0.01, ha="left")
    return ax


def _scaled(name: str, most: float) -> tuple[str, float]:
    """Return label and factor from SI of a quantity whose greatest value is `most`."""
    facts = FACTS[name]
    label = facts.label or style.words(name)
    if facts.share:
        return f"{label} [%]", 100.0
    unit = quantity_of(Report, name).unit
    size, prefix = style.scale(most)
    if unit == "W":
        return f"{label} [{prefix}W]", 1.0 / size
    if unit == "token/s":
        return f"{_SIZES.get(size, '')}tokens/s", 1.0 / size
    unit, factor = facts.shown
    return unit if "/s" not in unit else f"{label} [{unit}]", factor


def _panel(dataset: xr.Dataset, name: str, factor: float, panel: Axes) -> None:
    models, precisions = dataset["model"].values, dataset["precision"].values
    series = len(models) * len(precisions)
    asked = np.array([str(p) for p in precisions], dtype=object)
    missing = (dataset["trained_in"].transpose(..., "precision").values != asked).any()
    for number, model in enumerate(models):
        marker, colour = style.mark(number)
        for order, precision in enumerate(precisions):
            one = dataset.sel(model=model, precision=precision)
            value, low, high = (
                factor * one[name + end].values for end in ("", "_low", "_high")
            )
            words = f"{model}, {str(precision).upper()}"
            if missing and str(precision) != "bf16":
                words += " or BF16"
            lane = number * len(precisions) + order
            down = np.arange(len(value)) + (lane - 0.5 * (series - 1)) * 0.8 / series
            # The value is that of the catalog, which a skewed range may not contain.
            panel.hlines(down, low, high, color=colour, linewidth=1.0)
            panel.plot(
                value,
                down,
                linestyle="",
                marker=marker,
                markersize=4.5,
                fillstyle=_FILLS[order % len(_FILLS)],
                markerfacecoloralt="white",
                color=colour,
                label=words,
            )


def _machines(dataset: xr.Dataset, panel: Axes, named: bool) -> None:
    names = [str(name) for name in dataset["system"].values]
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_yticks(range(len(names)), names if named else [""] * len(names))
    panel.tick_params(axis="y", length=0, labelsize=style.SMALL)
    for line in range(1, len(names)):
        panel.axhline(line - 0.5, color="0.85", linewidth=0.6)
