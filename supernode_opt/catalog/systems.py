"""Complete machines: which parts they are made of and how they are built by default."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from supernode_opt.catalog.read import (
    BadEntry,
    Provenance,
    entry,
    load,
    provenance,
    traced,
)
from supernode_opt.system.design import Design
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.precision import settled
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import quantities
from supernode_opt.workload.model import Model, Training

# Which kind of entry stands behind each part of a scenario.
PARTS = {
    "chip": "chip",
    "host": "host",
    "rack": "rack",
    "scale_up_switch": "switch",
    "scale_out_switch": "switch",
    "cooling": "cooling",
    "facility": "facility",
    "reliability": "reliability",
    "software": "software",
}


@dataclasses.dataclass(frozen=True)
class System:
    """A machine by the names of its catalog parts.

    Attributes:
      links: the link technologies a design of this system may choose from.
      design: default of every hardware field of a design, SI numbers and link names.
      follows: design fields that take their part as it is sold, for lack of their own.
      provenance: range and source of the numbers in `design`.
      notes: what is disputed about the system, "" if nothing.
    """

    name: str
    chip: str
    host: str
    rack: str
    links: tuple[str, ...]
    scale_up_switch: str
    scale_out_switch: str
    cooling: str
    facility: str
    reliability: str
    software: str
    design: Mapping[str, float | str]
    follows: tuple[str, ...]
    provenance: Mapping[str, Provenance]
    notes: str = ""


@functools.cache
def system(name: str) -> System:
    """Return the system called `name`.

    Raises:
      UnknownEntry: there is no such system.
      BadEntry: it lacks a part or has a number that cannot be used.
    """
    written = entry("system", name)
    for part in (*PARTS, "links", "design"):
        if part not in written:
            raise BadEntry(f"systems.yaml: `{name}` must have `{part}`")
    units = {field: declared.unit for field, declared in quantities(Design)}
    followed = {
        field: provenance(PARTS[part], written[part])[source]
        for field, (part, source) in FOLLOWS.items()
    }
    numbers = {**followed, **traced("system", name, written["design"], units)}
    chosen = {f: v for f, v in written["design"].items() if f not in units}
    return System(
        name=name,
        links=tuple(written["links"]),
        design={**{field: t.value for field, t in numbers.items()}, **chosen},
        follows=tuple(f for f in FOLLOWS if f not in written["design"]),
        provenance=numbers,
        notes=written.get("notes", ""),
        **{part: written[part] for part in PARTS},
    )


def scenario(
    system_name: str | System,
    model: str | Model,
    training: Training,
    **overrides: Any,
) -> Scenario:
    """Put a scenario together from catalog names.

    Args:
      system_name: the machine, by name or already read.
      model: the transformer to train, by name or as a record.
      training: how it is trained; where the chip lacks the precision, or that is
        "best", in the one that `settle` names.
      **overrides: other parts than the system's, by name or as records; `links` is a
        sequence of either, `memory_headroom` a share [1].

    Raises:
      UnknownEntry: a name is not in the catalog.
    """
    base = system(system_name) if isinstance(system_name, str) else system_name
    parts = {part: getattr(base, part) for part in (*PARTS, "links")} | overrides
    links = tuple(_part("link", link) for link in parts.pop("links"))
    for part, kind in PARTS.items():
        parts[part] = _part(kind, parts[part])
    return settled(
        Scenario(model=_part("model", model), training=training, links=links, **parts)
    )


def _part(kind: str, part: Any) -> Any:
    return load(kind, part) if isinstance(part, str) else part
