"""Machines side by side: what they reach, at which cost, and how sure that is."""

import dataclasses

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from supernode_opt.plot import style
from supernode_opt.plot.measure import Measure, measure
from supernode_opt.plot.subject import precision, proper, subject
from supernode_opt.system.report import COMPARED, SERVING_COMPARED, Report
from supernode_opt.units import quantity_of

_ROW = 0.1
DIMENSIONS = ("precision", "model", "system")


@dataclasses.dataclass(frozen=True)
class _Series:
    """One model in one precision: which cells of the dataset, and what they are."""

    model: str
    asked: str
    label: str


def comparison(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw what machines reach and take with their 5-95 % ranges.

    Machines go down; every model in every precision has a colour and a marker. Where a
    machine lacks a precision that was asked for, its best one is shown once.
    """
    systems = _named(dataset)
    series = _series(dataset)
    # Machines that serve are compared by what those that train do not have.
    shown_in = COMPARED if SERVING_COMPARED[0] not in dataset else SERVING_COMPARED
    columns = 2 if style.narrow(ax) else 3
    rows = -(-(len(shown_in) + 1) // columns)
    high = 0.55 + _ROW * len(systems) * (len(series) + 1)
    ax = style.axes(ax, 0.5 + rows * high)
    figure, grid = style.panels(ax, rows, columns)
    for place, name in enumerate(shown_in):
        row, column = divmod(place, columns)
        panel = figure.add_subplot(grid[row, column])
        shown = _shown(dataset, name)
        _panel(dataset, name, shown, series, panel)
        style.dress(panel, shown.label)
        _machines(systems, panel, column == 0)
        # Goodput lies near its end, where differences from zero cannot be seen.
        panel.set_xlim(left=None if name == "goodput" else 0.0)
        panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    # What is left of the last row holds the legend.
    corner = figure.add_subplot(grid[rows - 1, len(shown_in) % columns :])
    corner.set_axis_off()
    handles = panel.get_legend_handles_labels()[0]
    corner.legend(handles=handles, loc="center", fontsize=style.SMALL, frameon=False)
    about = subject(dataset)
    if "design_chips" in dataset:
        about += "; in brackets: chips"
    style.title(ax, "Machines compared; bars are 5-95 % ranges", about)
    return ax


def _named(dataset: xr.Dataset) -> list[str]:
    """List the machines, with their chips where the dataset knows them."""
    names = [proper(str(name)) for name in dataset["system"].values]
    if "design_chips" not in dataset:
        return names
    chips = dataset["design_chips"].max([d for d in DIMENSIONS if d != "system"])
    return [
        f"{name} ({count:,.0f})" if np.isfinite(count) else name
        for name, count in zip(names, chips.values, strict=True)
    ]


def _series(dataset: xr.Dataset) -> list[_Series]:
    """List models and precisions that some machine trains in."""
    models = [str(name) for name in dataset["model"].values]
    made = []
    for model in models:
        for wanted in map(str, dataset["precision"].values):
            cells = dataset["trained_in"].sel(model=model, precision=wanted)
            if (_own(dataset, model, wanted) & (cells != "")).any():
                words = [proper(model)] * (len(models) > 1) + [precision(wanted)]
                made.append(_Series(model, wanted, ", ".join(words)))
    return made


def _own(dataset: xr.Dataset, model: str, wanted: str) -> xr.DataArray:
    """Tell which machines train in the precision asked for, or have no other line."""
    trained = dataset["trained_in"].sel(model=model, precision=wanted)
    elsewhere = trained.isin([str(name) for name in dataset["precision"].values])
    return (trained == wanted) | ~elsewhere


def _shown(dataset: xr.Dataset, name: str) -> Measure:
    """Return how a panel shows a quantity: where the unit says it all, by that alone.

    The panels are small.
    """
    unit = quantity_of(Report, name).unit
    made = measure(name, unit, dataset[name].values)
    if "token" in made.unit:
        return dataclasses.replace(made, words=made.unit, unit="")
    return made


def _panel(
    dataset: xr.Dataset,
    name: str,
    shown: Measure,
    series: list[_Series],
    panel: Axes,
) -> None:
    count = len(series)
    for order, one in enumerate(series):
        marker, colour = style.mark(order)
        cells = dataset.sel(model=one.model, precision=one.asked)
        own = _own(dataset, one.model, one.asked).values
        value, low, high = (
            np.where(own, shown(cells[name + end].values), np.nan)
            for end in ("", "_low", "_high")
        )
        down = np.arange(len(value)) + (order - 0.5 * (count - 1)) * 0.75 / count
        # The value is that of the catalog, which a skewed range may not contain.
        panel.hlines(down, low, high, color=colour, linewidth=1.0)
        panel.plot(
            value,
            down,
            linestyle="",
            marker=marker,
            markersize=3.5,
            color=colour,
            label=one.label,
        )


def _machines(names: list[str], panel: Axes, named: bool) -> None:
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_yticks(range(len(names)), names if named else [""] * len(names))
    panel.tick_params(axis="y", length=0)
    for line in range(1, len(names)):
        panel.axhline(line - 0.5, color="0.85", linewidth=0.6)
