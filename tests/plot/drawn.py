"""What is written on a figure, and whether all of it can be read."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from supernode_opt.plot import style

# Overlaps smaller than this cannot be seen [points].
_TOUCH = 1.0


def title(ax) -> str:
    """Return title and subject in one line."""
    return style.said(ax)


def legend(ax) -> list[str]:
    """Return the lines of the one legend of the figure."""
    figure = style.figure(ax)
    known = [*figure.legends, *(one.get_legend() for one in figure.axes)]
    (found,) = (one for one in known if one is not None)
    return [text.get_text() for text in found.get_texts()]


def panels(ax) -> list[Axes]:
    """Return the axes of the figure that can be seen."""
    return [one for one in style.figure(ax).axes if one.axison]


def check(ax) -> None:
    """Fail if a text leaves the page, or lies on another."""
    figure = style.figure(ax)
    figure.draw_without_rendering()
    page = figure.bbox.padded(1.0)
    boxes = [(text, _box(text)) for text in _texts(figure)]
    for text, box in boxes:
        inside = page.x0 <= box.x0 and box.x1 <= page.x1
        inside &= page.y0 <= box.y0 and box.y1 <= page.y1
        assert inside, f"{text.get_text()!r} leaves the page"
    least = _TOUCH * figure.dpi / 72.0
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        if _straight(one) and _straight(other):
            both = Bbox.intersection(first, second)
            seen = both is not None and min(both.width, both.height) > least
            assert not seen, f"{one.get_text()!r} lies on {other.get_text()!r}"


def _texts(figure) -> list[Text]:
    found = figure.findobj(Text)
    ticks = {id(text) for ax in figure.axes for text in _hidden(ax)}
    return [
        text
        for text in found
        if text.get_text().strip() and text.get_visible() and id(text) not in ticks
    ]


def _hidden(ax) -> list[Text]:
    """Return what an axis keeps but does not draw: ticks beyond its ends, or all."""
    hidden = []
    for axis in (ax.xaxis, ax.yaxis):
        drawn = {id(tick) for tick in axis._update_ticks()}
        for tick in [*axis.majorTicks, *axis.minorTicks]:
            if id(tick) not in drawn or not ax.axison:
                hidden += [tick.label1, tick.label2]
            hidden += [
                label
                for label, on in ((tick.label1, "label1On"), (tick.label2, "label2On"))
                if not getattr(tick, on, label.get_visible())
            ]
        if not ax.axison:
            hidden += [axis.label, axis.offsetText]
    return hidden


def _box(text: Text) -> Bbox:
    box = text.get_window_extent()
    # Lines that are kept free for the subject are no text.
    lines = text.get_text().split("\n")
    empty = len(lines) - len("\n".join(lines).rstrip("\n").split("\n"))
    share = empty / len(lines)
    return Bbox([[box.x0, box.y0 + share * box.height], [box.x1, box.y1]])


def _straight(text: Text) -> bool:
    """Tell whether the box of a text is full of it: slanted ones leave corners."""
    return bool(np.isclose(text.get_rotation() % 90.0, 0.0))
