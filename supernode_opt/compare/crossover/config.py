"""Where one machine overtakes another: a map over what is built and a constant.

Across runs a number that is built in steps, such as the scale-up domain, up runs a
constant of the catalog, such as the energy of an optical link.  Both machines may be
built in every step; the other one is taken at its best.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from supernode_opt.compare import entries
from supernode_opt.compare.columns import buildable
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.inversion import config as condition
from supernode_opt.compare.inversion.config import SHARED, Inversion, changing
from supernode_opt.compare.places import STEPPED, Constant, Place, constant_of
from supernode_opt.config import override
from supernode_opt.config.records import read_field
from supernode_opt.config.study import sections_of
from supernode_opt.problem.box import possible
from supernode_opt.reading.node import Node
from supernode_opt.system.report import compared

SECTIONS = (*SHARED, "across", "up", "seed")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crossover(Constant):
    """What is mapped: its own constant is what runs across.

    Attributes:
      up: the constant that runs up, its bracket, the two machines and what is compared.
      values: of what runs across in each machine, base SI unit.
      seed: of the draws.
      text: the file as YAML.
    """

    up: Inversion
    values: tuple[tuple[float, ...], ...]
    seed: int
    text: str


def load(
    path: Path | str, overrides: Sequence[str] = (), seed: int | None = None
) -> Crossover:
    """Read the map at `path`, changed by `PATH=VALUE` overrides and `seed`.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    return read(override.read(path, overrides), entries.default_name(path), seed)


def read(top: Node, default_name: str, seed: int | None = None) -> Crossover:
    """Make a map of a document.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    sections = sections_of(top, "the map", SECTIONS, ("across", "up"))
    up = _inversion(top, sections, default_name)
    if len(up.sides) < 2:
        sections["condition"].fail("must set one machine against another")
    known_quantities = compared(up.sides[0].problem.scenario)
    if up.quantity not in known_quantities:
        node = sections["condition"].mapping()["quantity"]
        node.one_of(known_quantities, "quantity of a comparison")
    known = ("constant", "values", "low", "high", "of")
    written = entries.fields(sections["across"], known, "constant")
    node = written["constant"]
    if node.text() == up.constant:
        node.fail("is what runs up, too")
    names = changing(written, [side.system for side in up.sides])
    across, owner = constant_of(node, up.sides, names)
    values = tuple(
        _values(written, side, place, owner)
        for side, place in zip(up.sides, across.places, strict=True)
    )
    return Crossover(
        **vars(across),
        up=up,
        values=values,
        seed=entries.seed_of(sections, seed),
        text=entries.heading(top, sections, default_name)["text"],
    )


def _inversion(top: Node, sections: Mapping[str, Node], default_name: str) -> Inversion:
    """Read what runs up as the constant of an inversion."""
    node = sections["up"]
    written = entries.fields(node, ("constant", "low", "high", "of"), "constant")
    if written["constant"].text() == STEPPED:
        written["constant"].fail("is built in steps: it runs across")
    ends = {key: written[key] for key in ("low", "high") if key in written}
    inner = {key: sections[key] for key in SHARED if key in sections}
    inner |= {key: written[key] for key in ("constant", "of") if key in written}
    if ends:
        inner["bracket"] = Node(ends, "up", node.place)
    return condition.read(Node(inner, "", top.place), default_name)


def _values(
    written: Mapping[str, Node], side: Cell, place: Place, of: tuple[type, str]
) -> tuple[float, ...]:
    """Return the values of what runs across in one machine."""
    node = written["constant"]
    if not place.paths:
        return (place.value,)
    stepped = place.paths == (STEPPED,)
    if "values" not in written:
        if not stepped:
            node.fail("needs a list of `values`")
        scenario, fixed = side.problem.scenario, side.problem.fixed
        low, high = possible(STEPPED, scenario, fixed)
        low = read_field(written["low"], *of) if "low" in written else low
        high = read_field(written["high"], *of) if "high" in written else high
        made = buildable(side, low, high)
        if not made:
            node.fail(f"has no size from {low:g} to {high:g} that can be built")
        return tuple(made)
    items = written["values"].items()
    values = [float(read_field(item, *of, asks=False)) for item in items]
    for item, value, before in zip(items, values, [0.0, *values], strict=False):
        if not value > before:
            item.fail(f"must be above {before:g}, but is {item.described()}")
        if stepped and value not in buildable(side, value, value):
            item.fail(
                f"cannot be built of {side.system}: {value:g} is not of whole boards"
                " that tile its chips"
            )
    return tuple(values)
