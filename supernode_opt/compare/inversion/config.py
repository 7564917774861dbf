"""What would have to be true: a constant to find and the condition it must bring."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from supernode_opt.compare import entries, jobs
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.places import Constant, constant_of
from supernode_opt.config import override
from supernode_opt.config.goal import read_limit
from supernode_opt.config.model import model_name
from supernode_opt.config.records import read_field
from supernode_opt.config.study import sections_of
from supernode_opt.reading.node import Node, did_you_mean
from supernode_opt.system.report import FACTS, SCALARS, SERVING_SCALARS
from supernode_opt.units import quantity_of

# What every question about a constant and a condition says.
SHARED = (
    "name",
    "question",
    "systems",
    "model",
    "training",
    "serving",
    "precision",
    "plan",
    "condition",
)
SECTIONS = (*SHARED, "constant", "of", "bracket", "replan")
_CONDITION = ("quantity", "of", "equals")
# How far from the catalog's value to look where no bracket is given.
WIDEST = 1e3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inversion(Constant):
    """A constant to find.

    Attributes:
      name: of the folder with the answer.
      question: in words, for people.
      sides: the machine the condition is about and, perhaps, the one it must equal.
      quantity: field of `Report`.
      target: value it must have where there is one side, base SI unit.
      low, high: the bracket.
      replan: find the best split anew at the solution.
      text: the file as YAML.
    """

    name: str
    question: str
    sides: tuple[Cell, ...]
    quantity: str
    target: float | None
    low: float
    high: float
    replan: bool
    text: str


def load(path: Path | str, overrides: Sequence[str] = ()) -> Inversion:
    """Read the inversion at `path`, changed by `PATH=VALUE` overrides.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    return read(override.read(path, overrides), entries.default_name(path))


def read(top: Node, default_name: str) -> Inversion:
    """Make an inversion of a document.

    Raises:
      StudyError: anything in it cannot be used; the text is one line.
    """
    needed = ("systems", "model", "constant", "condition")
    sections = sections_of(top, "the inversion", SECTIONS, needed)
    serves = jobs.job_of(top, sections, "the inversion") == "serving"
    listed = entries.machines(sections["systems"])
    model_name(sections["model"])
    wanted = jobs.usual_precision(sections)
    if "precision" in sections:
        known = jobs.precisions(sections)
        wanted = sections["precision"].one_of(known, "precision")
    quantity = _quantity(sections["condition"], serves)
    sought = quantity if serves and _is_rate(quantity) else ""
    cells = {
        name: entries.cell(name, entry, sections, sections["model"], wanted, sought)
        for name, entry in listed.items()
    }
    names, target = _condition(sections["condition"], quantity, cells)
    sides = tuple(cells[name] for name in names)
    node = sections["constant"]
    found, owner = constant_of(node, sides, changing(sections, names))
    now = next(place.value for place in found.places if place.paths)
    low, high = _bracket(sections.get("bracket"), now, *owner, node)
    return Inversion(
        **vars(found),
        sides=sides,
        quantity=quantity,
        target=target,
        low=low,
        high=high,
        replan=_yes(sections.get("replan")),
        **entries.heading(top, sections, default_name),
    )


def changing(written: Mapping[str, Node], names: Sequence[str]) -> list[str]:
    """Return the machines in which a constant changes: all, unless `of` names some."""
    if "of" not in written:
        return list(names)
    node = written["of"]
    items = node.items() if isinstance(node.value, list) else [node]
    return [item.one_of(names, "machine of the condition") for item in items]


def _yes(node: Node | None) -> bool:
    if node is None:
        return True
    if not isinstance(node.value, bool):
        node.fail(f"must be true or false, but is {node.described()}")
    return node.value


def _quantity(node: Node, serves: bool) -> str:
    """Read the quantity that a condition is about."""
    written = entries.fields(node, _CONDITION, "quantity")
    known = SERVING_SCALARS if serves else SCALARS
    return written["quantity"].one_of(known, "quantity of the report")


def _is_rate(quantity: str) -> bool:
    """Tell whether machines are divided so as to have much of it a second."""
    facts = FACTS[quantity]
    return facts.step_exponent < 0.0 and bool(facts.more_is_better)


def _condition(
    node: Node, quantity: str, cells: Mapping[str, Cell]
) -> tuple[tuple[str, ...], float | None]:
    """Read {quantity, of, equals}; the machines default to the first and the second."""
    written = node.mapping(_CONDITION)
    systems = list(cells)
    first = written["of"].one_of(systems, "machine") if "of" in written else systems[0]
    if "equals" not in written:
        others = [name for name in systems if name != first]
        if len(others) != 1:
            node.fail("lacks `equals`: a value, or another machine")
        return (first, others[0]), None
    equals = written["equals"]
    if equals.value in systems:
        if equals.value == first:
            equals.fail(f"is {first} itself")
        return (first, str(equals.value)), None
    if isinstance(equals.value, str) and not equals.value[:1].isdigit():
        equals.fail(
            f"must be a value or a machine, but is {equals.described()}"
            f"{did_you_mean(equals.value, systems)}"
        )
    machine = cells[first].problem
    chips = float(machine.fixed["chips"])
    target = read_limit(equals, quantity, machine.scenario.chip, chips)
    if not target > 0.0:
        equals.fail(f"must be above zero, but is {equals.described()}")
    return (first,), target


def _bracket(
    node: Node | None, value: float, owner: type, field: str, at: Node
) -> tuple[float, float]:
    """Return where to look; never beyond what the constant can be at all."""
    written = {} if node is None else node.mapping(("low", "high"))
    ends = {
        word: read_field(child, owner, field, asks=False)
        for word, child in written.items()
    }
    if value <= 0.0 and len(ends) < 2:
        at.fail("is zero; give a `bracket` with low and high")
    declared = quantity_of(owner, field)
    low = ends.get("low", value / WIDEST)
    high = ends.get("high", value * WIDEST)
    high = high if declared.high is None else min(high, declared.high)
    if not 0.0 < low < high:
        (node or at).fail(f"must have 0 < low < high, but has {low:.6g} and {high:.6g}")
    return low, high
