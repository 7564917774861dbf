"""What an end sees of a link technology, and which way each property is good for it."""

from typing import NamedTuple

from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.search.ends import Leaf
from supernode_opt.search.outlook import Outlook

_SHORT = "short_"


class Span(NamedTuple):
    """Least and greatest value that a property of one technology can take."""

    low: float
    high: float


def seen_fields(outlook: Outlook, leaf: Leaf) -> frozenset[str]:
    """Return the properties of link technologies that the end `leaf` depends on.

    Where short links enter by averaging, a `short_` property counts as its counterpart
    and the reach of short links as nothing.
    """
    paths = (name.split(".") for name in outlook.inputs[leaf.name])
    fields = {words[2] for words in paths if words[0] == "links"}
    if not outlook.ways(leaf.name).blended:
        return frozenset(fields)
    return frozenset(f.removeprefix(_SHORT) for f in fields - {f"{_SHORT}reach"})


def span_of(outlook: Outlook, link: LinkTechnology, field: str, leaf: Leaf) -> Span:
    """Return what a property of `link` can be worth to the end `leaf`."""
    value = float(getattr(link, field))
    short = getattr(link, _SHORT + field, None)
    if (
        short is None
        or not outlook.ways(leaf.name).blended
        or not float(link.short_reach)
    ):
        return Span(value, value)
    return Span(min(value, float(short)), max(value, float(short)))


def good_end(outlook: Outlook, leaf: Leaf, field: str) -> str | None:
    """Return the end of a property that is best for the end `leaf`, if known."""
    sign = outlook.ways(leaf.name).sign(f"links.*.{field}")
    if sign is None:
        return None
    return "low" if (sign > 0) == (leaf.side == "low") else "high"
