"""One look for all figures: three text sizes, two widths of a page, titles, legends."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.gridspec import GridSpecBase
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.text import Annotation, Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from supernode_opt.plot.measure import short
from supernode_opt.plot.palette import AREAS as AREAS
from supernode_opt.plot.palette import COLOURS as COLOURS
from supernode_opt.plot.palette import DASHES as DASHES
from supernode_opt.plot.palette import HATCHES as HATCHES
from supernode_opt.plot.palette import MARKERS as MARKERS
from supernode_opt.plot.palette import area as area
from supernode_opt.plot.palette import ink as ink
from supernode_opt.plot.palette import mark as mark

# Points; a journal asks for seven or eight at the width that is printed.
TITLE, TEXT, SMALL = 8.5, 8.0, 7.0
# Inches: a whole page of two columns, and one column.
FULL, COLUMN = 7.2, 3.5
DPI = 200
# Between the two a figure is drawn like the one or the other.
_NARROW = 5.0
_SUBJECT = "subject"
_LOOK: dict[str, Any] = {
    "font.family": "sans-serif",
    "axes.linewidth": 0.7,
    "hatch.linewidth": 0.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "legend.frameon": False,
}
# Text stays text in vector files, which are the same whenever they are written.
WRITING: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "supernode_opt",
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.5,
}
_PAGE: ContextVar[float] = ContextVar("page", default=FULL)


@contextlib.contextmanager
def page(width: float = FULL) -> Iterator[None]:
    """Draw the figures within this block `width` inches wide."""
    before = _PAGE.set(width)
    try:
        yield
    finally:
        _PAGE.reset(before)


def axes(ax: Axes | None, height: float, narrow: float | None = None) -> Axes:
    """Return `ax`, or the axes of a new figure.

    Args:
      ax: axes to draw in, if there are any.
      height: of the figure [in].
      narrow: height of a figure of one column [in], if not the same.
    """
    if ax is not None:
        return ax
    width = _PAGE.get()
    tall = narrow if narrow is not None and width < _NARROW else height
    with plt.rc_context(_LOOK):
        _, made = plt.subplots(figsize=(width, tall), layout="constrained")
    return made


def narrow(ax: Axes | None = None) -> bool:
    """Tell whether `ax`, or the figure that comes next, has one column's width."""
    return (_PAGE.get() if ax is None else width_of(ax)) < _NARROW


def width_of(ax: Axes) -> float:
    """Return the width of the part of the figure that `ax` has [in]."""
    whole, spec = figure(ax).get_figwidth(), ax.get_subplotspec()
    if spec is None:
        return whole * ax.get_position().width
    return whole * len(spec.colspan) / spec.get_gridspec().ncols


def figure(ax: Axes) -> Figure:
    """Return the figure that `ax` is drawn in."""
    found = ax.get_figure(root=True)
    assert found is not None
    return found


def dress(ax: Axes, across: str = "", up: str = "") -> None:
    """Give `ax` its labels and take away the lines nobody reads."""
    # Beside the words of the other axis, where there are any, and its own ticks.
    names = [text.get_text() for text in ax.get_yticklabels()]
    lines = [length(line, SMALL) for name in names for line in name.split("\n")]
    room = 0.85 * (width_of(ax) - max(lines, default=0.0))
    ax.set_xlabel("\n".join(_wrapped(across, room, TEXT)), fontsize=TEXT)
    ax.set_ylabel("\n".join(_wrapped(up, 2.6, TEXT)), fontsize=TEXT)
    ax.tick_params(labelsize=SMALL)
    ax.spines[["top", "right"]].set_visible(False)


def title(ax: Axes, text: str, about: str = "") -> None:
    """Write a title above `ax`, and below it, smaller, what the figure is about.

    Both are wrapped to the width; above a figure of its own they begin at its edge.
    """
    width = 0.95 * width_of(ax)
    lines = _wrapped(text, width, TITLE)
    below = _wrapped(about, width, SMALL)
    # Room for the second text, in lines of the first.
    room = int(np.ceil(len(below) * SMALL / TITLE * 1.03))
    joined = "\n".join(lines + [""] * room)
    written: Text
    if alone(ax):
        edge = 4.0 / 72.0 / width_of(ax)
        written = figure(ax).suptitle(joined, fontsize=TITLE, x=edge, ha="left")
    else:
        written = ax.set_title(joined, fontsize=TITLE, loc="left")
    if below:
        note = Annotation(
            "\n".join(below),
            (0.0, 0.0),
            xycoords=written,
            ha="left",
            va="bottom",
            fontsize=SMALL,
            color="0.35",
            gid=_SUBJECT,
            annotation_clip=False,
        )
        note.set_in_layout(False)
        figure(ax).add_artist(note)


def said(ax: Axes) -> str:
    """Return title and subject of the figure or subplot, in one line."""
    top = figure(ax).get_suptitle() if alone(ax) else ax.get_title(loc="left")
    found = figure(ax).findobj(Annotation)
    notes = [one.get_text() for one in found if one.get_gid() == _SUBJECT]
    return " ".join(" ".join([top, *notes]).split())


def alone(ax: Axes) -> bool:
    """Tell whether `ax` has a figure of its own that is laid out by itself."""
    spec, whole = ax.get_subplotspec(), figure(ax)
    if spec is None or not isinstance(
        whole.get_layout_engine(), ConstrainedLayoutEngine
    ):
        return False
    grid = spec.get_gridspec()
    return grid.nrows * grid.ncols == 1 and spec.get_topmost_subplotspec() is spec


def _wrapped(text: str, width: float, size: float) -> list[str]:
    """Break `text` of `size` points into lines of at most `width` inches."""
    lines: list[str] = []
    # What a space without a break joins stays together.
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and length(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def length(text: str, size: float) -> float:
    """Return how long `text` of `size` points is, written in one line [in]."""
    font = FontProperties(family="DejaVu Sans", size=size)
    return text_to_path.get_text_width_height_descent(text, font, False)[0] / 72.0


def wrapped(text: str, width: float, size: float = SMALL) -> str:
    """Break `text` into lines of at most `width` inches, e.g. the name of a row."""
    return "\n".join(_wrapped(text, width, size))


def legend_below(
    ax: Axes, ncols: int, title: str = "", handles: Sequence[Artist] | None = None
) -> Legend | None:
    """Put a legend below `ax`, in `ncols` columns or as many as there is room for."""
    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    if not handles:
        return None
    room = 0.97 * width_of(ax) * figure(ax).dpi
    ncols = min(ncols, len(handles))
    legend = _legend(ax, ncols, title, handles)
    while ncols > 1 and legend.get_window_extent().width > room:
        legend.remove()
        ncols -= 1
        legend = _legend(ax, ncols, title, handles)
    return legend


def _legend(ax: Axes, ncols: int, title: str, handles: Sequence[Artist]) -> Legend:
    looks: dict[str, Any] = {
        "handles": handles,
        "ncols": ncols,
        "title": title or None,
        "title_fontsize": SMALL,
        "fontsize": SMALL,
        "handlelength": 1.8,
        "handletextpad": 0.5,
        "columnspacing": 1.2,
        "borderpad": 0.2,
        "frameon": False,
    }
    if alone(ax):
        return figure(ax).legend(loc="outside lower center", **looks)
    # The height of ticks and label is a matter of points, not of the axes.
    foot = ax.xaxis.get_tightbbox()
    below = 3.0 if foot is None else ax.bbox.y0 - foot.y0 + 3.0
    looks |= {"bbox_to_anchor": (0.5, -below / ax.bbox.height), "borderaxespad": 0.0}
    return ax.legend(loc="upper center", **looks)


def few_ticks(axis: Axis, most: int = 5) -> None:
    """Put at most `most` ticks with plain numbers on a linear axis."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def log_ticks(axis: Axis, short_of: float = 2.2) -> None:
    """Write 50 and 1,000 at the ticks of a logarithmic axis, not powers of ten.

    An axis shorter than `short_of` decades has numbers at 2 and 5, too.
    """
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    if decades < 0.7:
        few_ticks(axis)
        axis.set_minor_locator(NullLocator())
        return
    subs = (1.0, 2.0, 5.0) if decades < short_of else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs))
    plain = decades < 8.0 and low > 1e-4 and high < 1e6
    if plain:
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_locator(NullLocator())


def panels(ax: Axes, rows: int, columns: int) -> tuple[Figure, GridSpecBase]:
    """Take `ax` out of sight; return its figure and a grid of panels in its place."""
    whole, spec = figure(ax), ax.get_subplotspec()
    ax.set_axis_off()
    if spec is not None and not alone(ax):
        return whole, spec.subgridspec(rows, columns)
    return whole, whole.add_gridspec(rows, columns)
