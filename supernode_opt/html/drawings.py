"""Figures of a result as vector graphics inside a page."""

import io
import re
from typing import NamedTuple

import xarray as xr

# Readers of a page need neither the program that drew nor another namespace.
_DROPPED = (
    r"<\?xml.*?\?>",
    r"<!DOCTYPE.*?>",
    r"<!--.*?-->",
    r"<metadata>.*?</metadata>",
    r'\sxmlns(?::\w+)?="[^"]*"',
)
_STYLE = {"svg.fonttype": "path", "svg.hashsalt": "supernode_opt"}


class Drawing(NamedTuple):
    """A figure.

    Attributes:
      name: what programs call it.
      words: what people call it.
      svg: an element of a page.
    """

    name: str
    words: str
    svg: str


def drawings(dataset: xr.Dataset, kind: str) -> list[Drawing]:
    """Draw every figure that a result of this kind has the numbers for.

    Each `svg` is safe to put into a page as it is: text is drawn as paths.
    """
    import markupsafe

    from supernode_opt import plot

    made = []
    for place, (name, draw) in enumerate(plot.figures_of(dataset, kind).items()):
        svg = markupsafe.Markup(_inline(_drawn(draw, dataset), f"f{place}"))
        made.append(Drawing(name, name.replace("_", " "), svg))
    return made


def _drawn(draw, dataset: xr.Dataset) -> str:
    """Return a figure as a file of vector graphics."""
    import matplotlib.pyplot as plt

    from supernode_opt.plot import style

    with plt.rc_context(_STYLE):
        figure = style.figure(draw(dataset))
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
        plt.close(figure)
    return stream.getvalue()


def _inline(svg: str, prefix: str) -> str:
    """Make a file of vector graphics an element whose names are its own.

    >>> _inline('<svg width="9pt"><a id="m"/><use xlink:href="#m"/></svg>', "f0")
    '<svg role="img"><a id="f0-m"/><use href="#f0-m"/></svg>'
    """
    for pattern in _DROPPED:
        svg = re.sub(pattern, "", svg, flags=re.S)
    start, end = svg.index("<svg"), svg.index(">", svg.index("<svg"))
    # Its size is that of the column it stands in.
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", svg[start:end])
    head = head.replace("<svg", '<svg role="img"')
    body = svg[end:].strip().replace("xlink:href", "href")
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'\bhref="#', f'href="#{prefix}-', body)
    return head + re.sub(r"url\(#", f"url(#{prefix}-", body)
