"""Bus bandwidth of collectives against the size of the message."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from supernode_opt.plot import style
from supernode_opt.plot.measure import words
from supernode_opt.plot.subject import proper

_ACROSS = 2
# Names of libraries up to this long are abbreviations.
_SHORT = 5


def bus_bandwidth(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw measured points and the model's lines of one library, a panel an operation.

    With several machines every one appears with its largest group, a single machine
    with all its groups.  Rows that a calibration has seen are hollow.
    """
    moving = dataset.sel(row=dataset["payload"] > 0.0)
    operations = sorted(set(moving["operation"].values))
    wide = min(1 if style.narrow(ax) else _ACROSS, max(1, len(operations)))
    rows = max(1, -(-len(operations) // wide))
    ax = style.axes(ax, 1.0 + 1.8 * rows)
    figure, grid = style.panels(ax, rows, wide)
    several = len(set(moving["machine"].values)) > 1
    labels: dict[str, int] = {}
    for place, operation in enumerate(operations):
        panel = figure.add_subplot(grid[place // wide, place % wide])
        _panel(panel, moving.sel(row=moving["operation"] == operation), several, labels)
        style.dress(
            panel,
            "message [MB]" if place + wide >= len(operations) else "",
            "bus bandwidth [GB/s]" if place % wide == 0 else "",
        )
        panel.set_title(words(operation), fontsize=style.TEXT, loc="left")
    libraries = ", ".join(sorted(set(map(_library, moving["library"].values))))
    told = f"Bus bandwidth of {libraries}"
    style.title(ax, told, "lines: predicted; points: measured, hollow ones fitted")
    handles = [_handle(ax, label, order) for label, order in labels.items()]
    style.legend_below(ax, 4, handles=handles)
    return ax


def _library(name: str) -> str:
    return name.upper() if len(name) <= _SHORT else words(name)


@FuncFormatter
def _plain(value: float, _: float) -> str:
    return f"{value:g}"


@FuncFormatter
def _few(value: float, _: float) -> str:
    """Label 2 and 5 of a decade."""
    return f"{value:g}" if f"{value:.0e}"[0] in "25" else ""


def _panel(
    panel: Axes, part: xr.Dataset, several: bool, labels: dict[str, int]
) -> None:
    names, ranks = part["machine"].values, part["ranks"].values
    for name in sorted(set(names)):
        groups = sorted(set(ranks[names == name]))
        for size in groups[-1:] if several else groups:
            mine = part.sel(row=(names == name) & (ranks == size))
            # One data type: the widest, whose messages are the largest.
            widest = mine["variant"].values[np.argmax(mine["payload"].values)]
            mine = mine.sel(row=mine["variant"] == widest)
            label = (
                f"{proper(name)}, {size:.0f} ranks" if several else f"{size:.0f} ranks"
            )
            _series(panel, mine, labels.setdefault(label, len(labels)))
    panel.set_xscale("log")
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    panel.yaxis.set_major_formatter(_plain)
    # An axis that spans less than two decades has too few whole ones to read.
    panel.yaxis.set_minor_formatter(_few if high < 100.0 * low else NullFormatter())


def _series(panel: Axes, mine: xr.Dataset, order: int) -> None:
    marker, colour = style.mark(order)
    mine = mine.sortby("payload")
    size = mine["payload"].values / 1e6
    panel.plot(
        size, mine["predicted_bandwidth"].values / 1e9, color=colour, linewidth=1.0
    )
    seen = mine["fitted"].values.astype(bool)
    for mask, face in ((seen, "none"), (~seen, colour)):
        panel.scatter(
            size[mask],
            mine["measured_bandwidth"].values[mask] / 1e9,
            s=9,
            marker=marker,
            facecolors=face,
            edgecolors=colour,
            linewidths=0.7,
        )


def _handle(ax: Axes, label: str, order: int) -> Artist:
    marker, colour = style.mark(order)
    return ax.plot(
        [], [], color=colour, marker=marker, markersize=3, linewidth=1.0, label=label
    )[0]
