"""One look for all figures: nine colours, three text sizes and one figure width."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecBase
from matplotlib.legend import Legend
from matplotlib.transforms import offset_copy

# The palette of Okabe and Ito (2008), made to be told apart by colour-blind readers,
# and a grey.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#8C8C8C",
}
# Those whose outline can be seen on white. Seven shapes and eight colours share no
# factor, so that the first 56 pairs differ.
OUTLINES = ["blue", "vermilion", "green", "orange", "purple", "black", "sky", "grey"]
MARKERS = "osD^vPX"
TITLE, TEXT, SMALL = 11, 9.5, 8.5
WIDTH = 7.2
ACRONYMS = {
    "gemm": "GEMM",
    "mfu": "MFU",
    "mtbf": "MTBF",
    "ffn": "FFN",
    "qkv": "QKV",
    "mla": "MLA",
    "lm": "LM",
    "hbm": "HBM",
}
PREFIXES = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}


def axes(ax: Axes | None, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure `height` inches high."""
    if ax is not None:
        return ax
    _, made = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    return made


def figure(ax: Axes) -> Figure:
    """Return the figure that `ax` is drawn in."""
    found = ax.get_figure(root=True)
    assert found is not None
    return found


def dress(ax: Axes, title: str, across: str = "", up: str = "") -> None:
    """Give `ax` its title and axis labels and take away the lines nobody reads."""
    ax.set_title(title, fontsize=TITLE, loc="left")
    ax.set_xlabel(across, fontsize=TEXT)
    ax.set_ylabel(up, fontsize=TEXT)
    ax.tick_params(labelsize=TEXT)
    ax.spines[["top", "right"]].set_visible(False)


def mark(order: int) -> tuple[str, str]:
    """Return the marker and the colour of the series number `order`.

    >>> mark(0), mark(8)
    (('o', '#0072B2'), ('s', '#0072B2'))
    """
    return MARKERS[order % len(MARKERS)], COLOURS[OUTLINES[order % len(OUTLINES)]]


def legend_below(
    ax: Axes, ncols: int, title: str = "", handles: list[Artist] | None = None
) -> Legend:
    """Put a legend below the label of the horizontal axis of `ax`.

    It has `ncols` columns, or fewer where these are wider than the figure or the
    part of it that the subplot has.
    """
    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    legend = _legend_below(ax, ncols, title, handles)
    # A margin, for the axes may lie off the middle of their part.
    room, spec = 0.94 * figure(ax).bbox.width, ax.get_subplotspec()
    if spec is not None:
        room *= len(spec.colspan) / spec.get_gridspec().ncols
    while ncols > 1 and legend.get_window_extent().width > room:
        ncols -= 1
        legend = _legend_below(ax, ncols, title, handles)
    return legend


def _legend_below(ax: Axes, ncols: int, title: str, handles: list[Artist]) -> Legend:
    # The height of the axis label is a matter of points, not of the axes.
    below = offset_copy(ax.transAxes, figure(ax), y=-36.0, units="points")
    return ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=below,
        ncols=ncols,
        title=title,
        title_fontsize=SMALL,
        fontsize=SMALL,
        handlelength=1.0,
        columnspacing=1.2,
        borderaxespad=0.0,
        borderpad=0.2,
        frameon=False,
    )


def scale(largest: float) -> tuple[float, str]:
    """Return the power of 1000 and its SI prefix that suit a value of this size.

    >>> scale(559e3)
    (1000.0, 'k')
    """
    if not np.isfinite(largest) or largest <= 0.0:
        return 1.0, ""
    step = int(np.clip(np.floor(np.log10(largest) / 3.0), min(PREFIXES), max(PREFIXES)))
    return 1000.0**step, PREFIXES[step]


def ink(colour: str) -> str:
    """Return black or white, whichever can be read on `colour`."""
    red, green, blue = to_rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def words(name: str) -> str:
    """Write the identifier `name` the way people do.

    >>> words("scale_up_links"), words("mfu")
    ('scale-up links', 'MFU')
    """
    spelled = name.replace("scale_up", "scale-up").replace("scale_out", "scale-out")
    parts = spelled.replace("_", " ").split(" ")
    return " ".join(ACRONYMS.get(part, part) for part in parts)


def unit(written: str) -> str:
    """Write a unit of the dataset as in the field's papers: "Tflop/s" as "TFLOP/s"."""
    return "" if written == "1" else written.replace("flop", "FLOP")


def named(name: str, unit: str) -> str:
    """Write what an axis shows, with its unit if it has one."""
    return name if unit in ("", "1") else f"{name} [{unit}]"


def panels(ax: Axes, rows: int, columns: int) -> tuple[Figure, GridSpecBase]:
    """Take `ax` out of sight; return its figure and a grid of panels in its place."""
    whole, spec = figure(ax), ax.get_subplotspec()
    ax.set_axis_off()
    if spec is not None:
        return whole, spec.subgridspec(rows, columns)
    return whole, whole.add_gridspec(rows, columns)
