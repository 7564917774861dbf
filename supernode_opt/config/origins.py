"""Which values a study decides itself, and which it takes from the catalog."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from supernode_opt import catalog
from supernode_opt.batch.sold import default_clock
from supernode_opt.calibration.step_time.applied import ranges
from supernode_opt.catalog.origins import Origins, indexed, kind_of, spelled
from supernode_opt.catalog.read import Provenance
from supernode_opt.catalog.systems import PARTS
from supernode_opt.config.model import CONFIG, PARAMETERS
from supernode_opt.config.records import named
from supernode_opt.config.software import Chosen
from supernode_opt.reading.node import Node
from supernode_opt.record import get
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.scenario import Scenario

# What a section says of its entry beside the fields of it.
_NOT_FIELDS = ("base", "name", CONFIG, PARAMETERS)
_SECTION = ("entries", "user", "follows")
_LOOP = ("scale_up_bandwidth", "coolant_flow", "inlet_temperature")


def read_origins(
    top: Mapping[str, Node],
    system: catalog.System,
    scenario: Scenario,
    fixed: Mapping[str, float | str],
    software: Chosen,
) -> Origins:
    """Tell whose each value of a study is.

    A study that was written out has a section `provenance`, for it writes every value.

    Args:
      top: the sections of the study, valid by now.
      system: the machine it starts from.
      scenario, fixed: what was read of it.
      software: how its software was chosen.

    Raises:
      StudyError: the section cannot be used.
    """
    if "provenance" in top:
        return _written(top["provenance"], scenario, fixed, software)
    changes = top["scenario"].mapping() if "scenario" in top else {}
    entries, user = {}, set()
    for part in PARTS:
        default = software.entry if part == "software" else getattr(system, part)
        kind = kind_of(part, PARTS[part], "serving" in top)
        entry, fields = _entry(changes.get(part), default, kind)
        entries[part] = software.entry if part == "software" else entry
        user |= {f"{part}.{field}" for field in fields}
    items = (
        changes["links"].items() if "links" in changes else [None] * len(system.links)
    )
    for item, link in zip(items, scenario.links, strict=True):
        entry, fields = _entry(item, link.name if item is None else "", "link")
        entries[f"links.{link.name}"] = entry
        user |= {f"links.{link.name}.{field}" for field in fields}
    if "memory_headroom" in changes:
        user.add("memory_headroom")
    for section in ("model", "serving" if "serving" in top else "training"):
        _, fields = _entry(top[section], "")
        user |= {f"{section}.{field}" for field in fields}
    design = top["design"].mapping() if "design" in top else {}
    user |= {spelled(indexed(name, scenario), scenario) for name in design}
    follows = {*system.follows, "clock"} - design.keys()
    return Origins(
        {part: entry for part, entry in entries.items() if entry},
        frozenset(user),
        frozenset(follows),
        _ranges(software),
    )


def _ranges(software: Chosen) -> Callable[[str], Mapping[str, Provenance]]:
    """Return what tells the ranges of software that no catalog entry holds."""

    def made(entry: str) -> Mapping[str, Provenance]:
        if software.practice is None or entry != software.entry:
            return {}
        return ranges(software.platform, software.practice)

    return made


def deciding(section: Node, names: Iterable[str]) -> Node:
    """Return the section `provenance` with the values called `names` the user's."""
    written = section.mapping(_SECTION)
    path = f"{section.path}.user"
    user = [
        *_items(written, "user"),
        *(Node(name, path, section.place) for name in names),
    ]
    value = {**written, "user": Node(user, path, section.place)}
    return dataclasses.replace(section, value=value)


def _items(section: Mapping[str, Node], name: str) -> list[Node]:
    """Return the items of a list that may be empty or missing."""
    node = section.get(name)
    return [] if node is None or node.value == [] else node.items()


def _entry(
    node: Node | None, default: str, kind: str | None = None
) -> tuple[str, list[str]]:
    """Return the catalog entry that a part starts from, and the fields it changes."""
    if node is None:
        return default, []
    if not isinstance(node.value, dict):
        written = str(node.value)
        return (catalog.called(kind, written) if kind else None) or written, []
    base = named(node.value["base"], kind) if kind and "base" in node.value else default
    return base, [field for field in node.value if field not in _NOT_FIELDS]


def _written(
    node: Node,
    scenario: Scenario,
    fixed: Mapping[str, float | str],
    software: Chosen,
) -> Origins:
    """Read the section `provenance`; what is not as it says is the user's."""
    written = node.mapping(_SECTION)
    entries = written["entries"].mapping() if "entries" in written else {}
    user = [item.text() for item in _items(written, "user")]
    known = tuple(FOLLOWS)
    follows = [f.one_of(known, "field") for f in _items(written, "follows")]
    strays = [f for f in follows if fixed.get(f) not in _followed(f, scenario, fixed)]
    told = Origins(
        {part: entry.text() for part, entry in entries.items()},
        frozenset(user) | set(strays),
        frozenset(follows),
        _ranges(software),
    )
    return told.checked(scenario)


def _followed(
    field: str, scenario: Scenario, fixed: Mapping[str, float | str]
) -> tuple[float, ...]:
    """Return what a design field can be if it follows its part."""
    part, source = FOLLOWS[field]
    sold = float(get(scenario, f"{part}.{source}"))
    if field == "clock" and all(isinstance(fixed.get(n), float) for n in _LOOP):
        return sold, default_clock(fixed, scenario)
    return (sold,)
