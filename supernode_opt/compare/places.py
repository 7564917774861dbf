"""Where machines hold a constant, and what the catalog knows of it."""

import dataclasses
from collections.abc import Mapping, Sequence

from supernode_opt import catalog
from supernode_opt.batch.case import used_links
from supernode_opt.batch.sold import default_clock
from supernode_opt.catalog.origins import FOLLOWING, spelled
from supernode_opt.catalog.read import entry as catalog_entry
from supernode_opt.catalog.systems import PARTS
from supernode_opt.compare.entries import Cell
from supernode_opt.config.variables import constants_of
from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import HARDWARE
from supernode_opt.reading.node import Node, did_you_mean
from supernode_opt.record import get, leaves, replace
from supernode_opt.system.design import Design
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.units import parse, quantity_of

# Numbers of a design that come in sizes that can be built, not in between.
STEPPED = "scale_up_domain"
NUMBERS = (*HARDWARE, STEPPED)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one machine holds the constant.

    Attributes:
      paths: in its scenario with the links of its design alone, or a design field;
        none if it does not have it, or it is not to change there.
      value: in it now, base SI unit.
    """

    paths: tuple[str, ...]
    value: float


def place_of(node: Node, side: Cell, change: bool) -> Place:
    """Find the constant in one machine.

    Raises:
      StudyError: no scenario has such a constant.
    """
    name, scenario = node.text(), side.problem.scenario
    constants = [spelled(path, scenario) for path in constants_of(scenario)]
    if name in NUMBERS:
        value = float(side.problem.fixed[name])
        return Place((name,) if change else (), value)
    used = used_links(scenario, side.problem.fixed)
    paths = tuple(p for p, _ in leaves(used) if spelled(p, used) == name)
    words = name.split(".")
    # A link that this machine does not have may be that of the other one.
    elsewhere = words[0] == "links" and words[1] in catalog.names("link")
    elsewhere = elsewhere and words[-1] in LinkTechnology.__dataclass_fields__
    if name not in constants and not elsewhere:
        near = did_you_mean(name, [*NUMBERS, *constants])
        node.fail(f"must be a constant of {side.system}, but is {name!r}{near}")
    if not paths:
        return Place((), float("nan"))
    return Place(paths if change else (), float(get(used, paths[0])))


@dataclasses.dataclass(frozen=True)
class Constant:
    """What differs in machines.

    Attributes:
      constant: as the file writes it.
      places: of it in each machine; no paths where it is not to change.
      unit: base SI unit.
      own_unit, factor: the unit the catalog writes it in, and its size in `unit`.
      known: its catalog value, low and high; all the same where there is no range.
    """

    constant: str
    places: tuple[Place, ...]
    unit: str
    own_unit: str
    factor: float
    known: tuple[float, float, float]


def constant_of(
    node: Node, sides: Sequence[Cell], changing: Sequence[str]
) -> tuple[Constant, tuple[type, str]]:
    """Find a constant in machines, of which some are `changing` it.

    Returns:
      The constant, and the record that declares it with the field there.

    Raises:
      StudyError: it is none, or none of these machines uses it.
    """
    places = tuple(place_of(node, side, side.system in changing) for side in sides)
    index = next((i for i, place in enumerate(places) if place.paths), None)
    if index is None:
        node.fail(f"is nothing that a design of {' or '.join(changing)} uses")
    name, problem = node.text(), sides[index].problem
    owner, field = Design, name
    if name not in NUMBERS:
        used = used_links(problem.scenario, problem.fixed)
        path, _, field = places[index].paths[0].rpartition(".")
        owner = type(get(used, path))
    unit = quantity_of(owner, field).unit
    known, own = range_of(name, problem, places[index].value, unit)
    return Constant(name, places, unit, *own, known), (owner, field)


def range_of(
    name: str, problem: Problem, value: float, unit: str
) -> tuple[tuple[float, float, float], tuple[str, float]]:
    """Return catalog value and range of the constant, and the unit it is written in.

    Without a catalog entry the range is the value alone and the unit is SI.
    """
    # A design number that follows a part is known as the part's.
    follows = problem.origins.of(name) == FOLLOWING
    owner, _, field = (".".join(FOLLOWS[name]) if follows else name).rpartition(".")
    entry = problem.origins.entries.get(owner, "")
    kind = "link" if owner.startswith("links.") else PARTS.get(owner, "")
    if not kind or entry not in catalog.names(kind):
        return (value, value, value), (unit, 1.0)
    traced = catalog.provenance(kind, entry).get(field)
    if traced is None:
        return (value, value, value), (unit, 1.0)
    written = catalog_entry(kind, entry)[field]
    own = written.get("unit", "1") if isinstance(written, Mapping) else "1"
    known = traced.value, traced.low, traced.high
    # Temperatures keep their kelvin: their own unit has another zero.
    if own == "1" or parse(f"0 {own}", unit) != 0.0:
        return known, (unit, 1.0)
    return known, (own, parse(f"1 {own}", unit))


def changed(side: Cell, place: Place, value: float) -> Problem:
    """Return the problem of a machine in which the constant at `place` is `value`."""
    problem, fixed = side.problem, dict(side.problem.fixed)
    origins = problem.origins
    scenario = problem.scenario
    used = used_links(scenario, fixed)
    for path in place.paths:
        if path in fixed:
            fixed[path] = value
            continue
        words = path.split(".")
        if words[0] == "links":
            names = [link.name for link in scenario.links]
            words[1] = str(names.index(used.links[int(words[1])].name))
        scenario = replace(scenario, ".".join(words), value)
    for field, (part, source) in FOLLOWS.items():
        if f"{part}.{source}" in place.paths and origins.of(field) == FOLLOWING:
            fixed[field] = value
    if origins.of("clock") == FOLLOWING and "clock" not in place.paths:
        # A clock that nobody chose is the one that the changed machine sustains.
        fixed["clock"] = default_clock(fixed, scenario)
    return dataclasses.replace(problem, scenario=scenario, fixed=fixed)
