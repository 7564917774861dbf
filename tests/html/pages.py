"""A page of HTML, read strictly: well nested, and asking for nothing outside."""

import re
from html.parser import HTMLParser

_VOID = {"meta", "br", "link", "img", "hr", "input", "path", "use", "rect"}
# Attributes by which a page asks for something.
_ASKS = ("src", "href", "srcset", "action", "data", "poster", "xlink:href")


class Page(HTMLParser):
    """What a page holds.

    Attributes:
      text: all that people read.
      tags: every element that was opened.
      asks: every address that it refers to.
      sections: names of its sections, in their order.
    """

    def __init__(self, source: str) -> None:
        """Read a page; fail where its elements are not nested."""
        super().__init__()
        self.text, self.tags, self.asks = "", [], []
        self.sections, self.open = [], []
        self.feed(source)
        self.close()
        assert not self.open, self.open
        # Style sheets ask by themselves.
        assert not re.search(r"@import|url\((?!#)", source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        known = dict(attrs)
        self.asks += [known[name] for name in _ASKS if name in known]
        assert not any(name.startswith("on") for name in known), (tag, known)
        if tag == "section":
            self.sections.append(known["id"])
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def read(source: str, largest: int = 2_000_000) -> Page:
    """Return a page that opens without a network and is not too large."""
    page = Page(source)
    # Pictures inside a drawing are part of the page.
    inside = ("#", "data:image/png;base64,")
    outside = [one for one in page.asks if not one.startswith(inside)]
    assert not outside, outside
    assert "script" not in page.tags
    assert len(source) < largest
    return page
