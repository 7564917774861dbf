"""Complete machines: which parts they are made of and how they are built by default."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from supernode_opt.catalog import hugging_face, lacking
from supernode_opt.catalog.files import ABOUT
from supernode_opt.catalog.own import BadEntry
from supernode_opt.catalog.plausible import Span
from supernode_opt.catalog.read import (
    RECORDS,
    Provenance,
    called,
    entry,
    find,
    is_own,
    judge,
    load,
    names,
    provenance,
    span,
    spanned,
    traced,
    where,
)
from supernode_opt.reading.node import did_you_mean, shown
from supernode_opt.system.design import CHOICES, Design
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.precision import settled
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import check, field_adapter, quantities, quantity_of
from supernode_opt.workload.model import (
    MODEL_COUNTS,
    TRAINING_COUNTS,
    Model,
    Training,
    contradiction,
    untrained,
)

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


# What every machine says of its design: nothing else tells it.
NEEDED = (
    "chips",
    "scale_up_domain",
    "oversubscription",
    "inlet_temperature",
    "scale_up_link",
    "scale_out_link",
)


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
    if name != (found := find("system", name)):
        return system(found)
    written = entry("system", name)
    _check(name, written)
    units = {field: declared.unit for field, declared in quantities(Design)}
    parts = {part: find(kind, written[part]) for part, kind in PARTS.items()}
    followed = {
        field: provenance(PARTS[part], parts[part])[source]
        for field, (part, source) in FOLLOWS.items()
    }
    own = traced("system", name, written["design"], units, "design.")
    numbers = {**followed, **own}
    _check_numbers(name, numbers)
    if is_own("system", name):
        judge("system", name, "design.", written["design"], own, design_span)
    chosen = {f: v for f, v in written["design"].items() if f not in units}
    return System(
        name=name,
        links=tuple(find("link", link) for link in written["links"]),
        design={**{field: t.value for field, t in numbers.items()}, **chosen},
        follows=tuple(f for f in FOLLOWS if f not in written["design"]),
        provenance=numbers,
        notes=written.get("notes", ""),
        **parts,
    )


@functools.cache
def design_span(field: str) -> Span | None:
    """Return what the shipped systems have in a field of their design, in SI."""
    if field in FOLLOWS:
        part, followed = FOLLOWS[field]
        return span(PARTS[part], followed)
    unit = quantity_of(Design, field).unit
    return spanned("system", unit, lambda fields: fields["design"].get(field))


def field_span(record_type: type, field: str) -> Span | None:
    """Return what the shipped catalog has in a field of a record or of a design."""
    if record_type is Design:
        return design_span(field)
    for kind, known_type in RECORDS.items():
        if known_type is record_type:
            return span(kind, field)
    return None


def _check(name: str, written: Mapping[str, Any]) -> None:
    """Refuse a system without its parts, or with such as the catalog does not hold."""

    def refuse(field: str, why: str) -> NoReturn:
        raise BadEntry(f"{where('system', name, field)} {why}")

    design = written.get("design")
    if not isinstance(design, Mapping):
        design = {}
    for field in written:
        if field not in (known := (*PARTS, "links", "design", *ABOUT)):
            refuse(str(field), f"is no field of a system{did_you_mean(field, known)}")
    fields = Design.__dataclass_fields__
    for field in design:
        if field not in fields:
            near = did_you_mean(str(field), fields)
            refuse(f"design.{field}", f"is no field of a design{near}")
    missing = [part for part in (*PARTS, "links") if part not in written]
    missing += [f"design.{field}" for field in NEEDED if field not in design]
    if missing:
        raise lacking.error(where("system", name), "system", missing)
    links = written["links"]
    if not isinstance(links, list) or not links:
        refuse("links", "must be a list of link technologies")
    words = [(part, kind, written[part]) for part, kind in PARTS.items()]
    for field, kind, word in (*words, *(("links", "link", link) for link in links)):
        if not isinstance(word, str) or called(kind, word) is None:
            known = did_you_mean(str(word), names(kind))
            refuse(field, f"must be a known {kind}, but is {shown(word)}{known}")
    if len(set(links)) < len(links):
        refuse("links", "names a link technology twice")
    for field, known in CHOICES.items():
        if field in design and design[field] not in (known or links):
            refuse(f"design.{field}", f"must be one of {', '.join(known or links)}")


def _check_numbers(name: str, numbers: Mapping[str, Provenance]) -> None:
    for field, number in numbers.items():
        for value in (number.value, number.low, number.high):
            try:
                field_adapter(Design, field).validate_python(value)
            except ValidationError as error:
                said = error.errors(include_url=False)[0]["msg"].lower()
                at = where("system", name, f"design.{field}")
                raise BadEntry(f"{at}: {said}, but is {value:g}") from None


def scenario(
    system_name: str | System, model: str | Model, training: Training, **overrides: Any
) -> Scenario:
    """Put a scenario together from catalog names.

    Args:
      system_name: the machine, by name or already read.
      model: the transformer to train, by name, as the path of a `config.json`, or as a
        record.
      training: how it is trained; where the chip lacks the precision, or that is
        "best", in the one that `settle` names.
      **overrides: other parts than the system's, by name or as records; `links` is a
        sequence of either, `memory_headroom` a share [1].

    Raises:
      UnknownEntry: a name is not in the catalog.
      TypeError: something stands where a record, a name or a number belongs.
      ValueError: a number is out of bounds, or the model contradicts itself.
    """
    base = system(system_name) if isinstance(system_name, str) else system_name
    if not isinstance(base, System):
        raise TypeError(f"`system_name` must be a system, but is {shown(base)}")
    for name in overrides:
        if name not in (known := (*PARTS, "links", "memory_headroom")):
            raise TypeError(f"`{name}` is no part{did_you_mean(name, known)}")
    parts = {part: getattr(base, part) for part in (*PARTS, "links")} | overrides
    links = parts.pop("links")
    if isinstance(links, str | Mapping) or not isinstance(links, Iterable):
        raise TypeError(f"`links` must be several technologies, but is {shown(links)}")
    links = tuple(_part("links", "link", link) for link in links)
    for part, kind in PARTS.items():
        parts[part] = _part(part, kind, parts[part])
    shape = _part("model", "model", model, whole=MODEL_COUNTS)
    wrong = contradiction(shape) or untrained(shape)
    if wrong is not None:
        raise ValueError(f"`model` {wrong}")
    if not isinstance(training, Training):
        raise TypeError(f"`training` must be a Training, but is {shown(training)}")
    check(training, "training", whole=TRAINING_COUNTS)
    made = Scenario(model=shape, training=training, links=links, **parts)
    check(made)
    if made.memory_headroom == 1.0:
        raise ValueError("`memory_headroom` must be below 1, but is 1")
    return settled(made)


def _part(name: str, kind: str, part: Any, whole: tuple[str, ...] = ()) -> Any:
    """Return a record by its catalog name, or as it is if it is one."""
    if isinstance(part, str):
        config = kind == "model" and hugging_face.is_config(part)
        return hugging_face.read(Path(part)) if config else load(kind, part)
    record_type = RECORDS[kind]
    if not isinstance(part, record_type):
        kinds = f"{record_type.__name__} or the name of one"
        raise TypeError(f"`{name}` must be a {kinds}, but is {shown(part)}")
    check(part, name, whole=whole)
    return part
