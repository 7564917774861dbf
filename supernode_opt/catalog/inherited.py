"""Entries of one's own that start from another: `base: h100_sxm` and what differs.

What is not written is taken over.  It was stated of another part, so the range of a
number is widened: each end lies twice as far away in logarithm, and of a number with a
unit (a rating, a price) at least 10 % away.  An exact number without a unit is a count,
a ratio or a setting (dies, lanes, layers) and stays what it is, as does zero (there is
no such thing); temperatures, which have no natural zero here, lie twice as far away in
kelvin.  Chips of one family in the catalog differ by about as much in what was not
announced of them.
"""

from collections.abc import Mapping
from typing import Any

from supernode_opt.catalog import naming
from supernode_opt.catalog.figure import Provenance, completed, traced_number
from supernode_opt.catalog.own import BadEntry
from supernode_opt.reading.node import InputError, Node, did_you_mean, shown
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.units import Quantity, UnitError

BASE = "base"
INHERITED = "inherited"
# An exact rating of another part may be this many times off in one's own.
_AWAY = 1.1
_HEADINGS = ("sources", "shared")
# Entries that one may stand on, one upon the other.
_DEEPEST = 20
# What is true of one entry alone.
_OWN_ONLY = ("aliases", "notes", "published", "source", "confidence", BASE)


def added(
    kind: str, before: Mapping[str, Any], top: Node, known: Mapping[str, Quantity]
) -> dict[str, Any]:
    """Return the entries of `before` with those of one of the user's own files.

    Args:
      kind: of the entries.
      before: what stands already, `sources` included.
      top: the file.
      known: what is declared of the numbers of an entry, or of a system's design.

    Raises:
      BadEntry: the `base` of an entry is not known, or leads back to it.
    """
    more = top.plain()
    sources = {**(before.get("sources") or {}), **(more.get("sources") or {})}
    written = {**before, **more, "sources": sources}
    done: dict[str, Any] = {}

    def resolved(name: str, through: tuple[str, ...]) -> Mapping[str, Any]:
        if name in done or name not in more or not isinstance(more[name], Mapping):
            return done.get(name, written[name])
        fields = completed(more[name], known, top.value[name])
        if BASE in fields:
            node = top.value[name].value[BASE]
            base = _base(kind, node, name, written, before)
            if base != name and base in through:
                raise BadEntry(str(node.error("leads back to the entry itself")))
            if len(through) > _DEEPEST:
                raise BadEntry(str(node.error("stands on too many others")))
            # An entry in the place of another of its name starts from that.
            parent = before[name] if base == name else resolved(base, (*through, base))
            fields = _merged(kind, base, parent, fields, known, sources)
        done[name] = fields
        return fields

    for name in more:
        if name not in _HEADINGS:
            resolved(name, (name,))
    return {**written, **done}


def _base(
    kind: str,
    node: Node,
    name: str,
    written: Mapping[str, Any],
    before: Mapping[str, Any],
) -> str:
    """Return the entry that the `base` of entry `name` stands for."""
    try:
        said = node.text()
    except InputError as error:
        raise BadEntry(str(error)) from None
    others = [o for o in written if o not in _HEADINGS and (o != name or o in before)]
    if said in others:
        return said
    words = [(other, naming.words_of(other, written[other])) for other in others]
    found = naming.index(words).get(naming.plain(said))
    if found is None:
        near = did_you_mean(said, others)
        raise BadEntry(
            f"{node.place}: `{name}.{BASE}` must be a known {kind}, but is"
            f" {shown(said)}{near}"
        )
    return found


def _merged(
    kind: str,
    base: str,
    parent: Mapping[str, Any],
    fields: Mapping[str, Any],
    known: Mapping[str, Quantity],
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """Return `fields` over what they inherit from `parent`, the entry `base`."""
    taken = {f: v for f, v in parent.items() if f not in _OWN_ONLY}
    if kind == "system":
        design = dict(taken.get("design") or {})
        changed = {part for part in fields if fields[part] != parent.get(part)}
        for field, (part, _) in FOLLOWS.items():
            # The ports of the base's chip are not those of one's own.
            if part in changed:
                design.pop(field, None)
        design = _inherited(base, design, parent, known, sources)
        own = fields.get("design") or {}
        return {**taken, **fields, "design": {**design, **own}}
    if kind == "model" and taken.get("dense_layers") == taken.get("layers"):
        # Every layer of a dense model is dense, however many one's own has.
        taken.pop("dense_layers", None)
    return {**_inherited(base, taken, parent, known, sources), **fields}


def _inherited(
    base: str,
    numbers: Mapping[str, Any],
    parent: Mapping[str, Any],
    known: Mapping[str, Quantity],
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """Return the fields of the entry `base` as those of another entry."""
    taken = dict(numbers)
    for field, written in numbers.items():
        if field in known:
            try:
                number = traced_number(written, known[field].unit, parent, sources)
            except (UnitError, BadEntry):
                # What is wrong with the base is said where it stands.
                continue
            low, high = widened(number, known[field])
            taken[field] = {
                "value": number.value,
                "low": low,
                "high": high,
                "unit": number.unit or "1",
                "source": f"as {base}: {number.source}",
                "confidence": INHERITED,
            }
    return taken


def widened(number: Provenance, known: Quantity) -> tuple[float, float]:
    """Return the range of an inherited number, in its unit; see the module.

    >>> widened(Provenance(100.0, 80.0, 100.0, "W", "", ""), Quantity("W", low=0.0))
    (64.0, 110.00000000000001)
    """
    value, low, high = number.value, number.low, number.high
    if number.unit == "K":
        return 2.0 * low - value, 2.0 * high - value
    if value == 0.0 or (low == high == value and not number.unit):
        return low, high
    if value > 0.0 and low > 0.0:
        low, high = low * low / value, high * high / value
    else:
        low, high = 2.0 * low - value, 2.0 * high - value
    if number.unit and value > 0.0:
        low, high = min(low, value / _AWAY), max(high, value * _AWAY)
    least = -float("inf") if known.low is None else known.low
    most = float("inf") if known.high is None else known.high
    # A fitted constant of the base may lie beyond what a statement may say.
    return max(low, min(least, number.low)), min(high, max(most, number.high))
