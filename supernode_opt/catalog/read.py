"""Catalog files: YAML entries whose every number keeps its range and its source."""

import functools
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from supernode_opt.catalog import naming, own, plausible
from supernode_opt.catalog.figure import Provenance as Provenance
from supernode_opt.catalog.figure import in_unit
from supernode_opt.catalog.naming import UnknownEntry as UnknownEntry
from supernode_opt.catalog.naming import unknown
from supernode_opt.catalog.own import OWN_CATALOG as OWN_CATALOG
from supernode_opt.catalog.own import BadEntry
from supernode_opt.catalog.plausible import Span
from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.collective import Collective
from supernode_opt.hardware.gemm import GemmKernel
from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.plant import Cooling, Facility, Host, Rack, Reliability
from supernode_opt.reading.node import did_you_mean
from supernode_opt.system.software import Software
from supernode_opt.units import quantities
from supernode_opt.workload.model import Model

RECORDS: dict[str, type] = {
    "chip": Chip,
    "link": LinkTechnology,
    "switch": Switch,
    "host": Host,
    "rack": Rack,
    "cooling": Cooling,
    "facility": Facility,
    "reliability": Reliability,
    "software": Software,
    # Software as documentation describes it, before any run calibrates it.
    "declared_software": Software,
    "collective": Collective,
    "model": Model,
    "gemm_kernel": GemmKernel,
}
KINDS = (*RECORDS, "system")
_IRREGULAR = {
    "switch": "switches",
    "facility": "facilities",
    "reliability": "reliabilities",
}
HEADINGS = ("sources", "shared")
_ABOUT = ("notes", "source", "confidence", "published", naming.ALIASES)


@functools.cache
def document(kind: str) -> Mapping[str, Any]:
    """Read the file that holds the entries of `kind`, the user's own included.

    Raises:
      UnknownEntry: there is no such kind.
      BadEntry: one of the user's own files cannot be used.
    """
    written = dict(_shipped(kind))
    for folder in own.folders(FILES):
        path = folder / _file(kind)
        if path.exists():
            _add(written, own.read(path))
    return written


def _file(kind: str) -> str:
    return f"{_IRREGULAR.get(kind, kind + 's')}.yaml"


# What a catalog file may be called.
FILES = tuple(map(_file, KINDS))


@functools.cache
def _shipped(kind: str) -> Mapping[str, Any]:
    if kind not in KINDS:
        raise unknown("kind of entry", kind, KINDS)
    file = resources.files("supernode_opt.catalog").joinpath(_file(kind))
    text = file.read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def shipped_names(kind: str) -> tuple[str, ...]:
    """Return the names of the entries of `kind` that come with the package."""
    return tuple(name for name in _shipped(kind) if name not in HEADINGS)


def _add(written: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Let the entries of `more` stand beside or in the place of those written."""
    sources = {**(written.get("sources") or {}), **(more.get("sources") or {})}
    written.update(more)
    written["sources"] = sources


def names(kind: str) -> tuple[str, ...]:
    """Return the names of all entries of `kind`, in file order."""
    return tuple(name for name in document(kind) if name not in HEADINGS)


@functools.cache
def _called(kind: str) -> Mapping[str, str]:
    """Return entries by what they are called; a system by the name of its chip, too.

    Of several systems with a chip the first of the file is meant.
    """
    written = document(kind)
    words = {name: naming.words_of(name, written[name]) for name in names(kind)}
    called = list(words.items())
    if kind == "system":
        chips = {n: naming.words_of(n, document("chip")[n]) for n in names("chip")}
        for name in words:
            fields = written[name]
            chip = fields.get("chip") if isinstance(fields, Mapping) else None
            called.append((name, chips.get(chip, ()) if isinstance(chip, str) else ()))
    return naming.index(called)


def called(kind: str, name: str) -> str | None:
    """Return the entry of `kind` that people call `name`; `None` if there is none.

    A remark in brackets that is a name, too, is closer: Ascend 910C (Atlas 800T A3).
    """
    if name in names(kind):
        return name
    bare, _, remark = name.partition(" (")
    found = _called(kind).get(naming.plain(bare))
    return found and _called(kind).get(naming.plain(remark), found)


def find(kind: str, name: str) -> str:
    """Return the name of the entry of `kind` that people call `name`.

    Raises:
      UnknownEntry: there is no such kind or no such entry.
    """
    found = called(kind, name)
    if found is None:
        raise unknown(kind, name, names(kind))
    return found


def entry(kind: str, name: str) -> Mapping[str, Any]:
    """Return the entry as written.

    Raises:
      UnknownEntry: there is no such kind or no such entry.
    """
    return document(kind)[find(kind, name)]


def trace(kind: str, written: Any, unit: str, about: Mapping[str, Any]) -> Provenance:
    """Read one number of a file of `kind`.

    Args:
      kind: names the file, whose `sources` expand short keys.
      written: a mapping of value, low, high, unit, source and confidence, or a bare
        number, which is exact and takes source and confidence from `about`.
      unit: the base SI unit to convert to.
      about: the entry the number belongs to.

    Raises:
      ValueError: the number lacks something or has another dimension.
    """
    if not isinstance(written, Mapping):
        written = {"value": written, "low": written, "high": written, **about}
    for part in ("value", "low", "high", "source", "confidence"):
        if part not in written:
            raise BadEntry(f"must have `{part}`")
    value, low, high = (
        in_unit(written[part], written.get("unit", "1"), unit)
        for part in ("value", "low", "high")
    )
    if not low <= value <= high:
        raise BadEntry("must have low <= value <= high")
    source = document(kind)["sources"].get(written["source"], written["source"])
    return Provenance(value, low, high, unit, source, written["confidence"])


def _check_record(kind: str) -> None:
    if kind not in RECORDS:
        raise unknown("kind of record", kind, tuple(RECORDS))


@functools.cache
def _units(kind: str) -> Mapping[str, str]:
    return {name: declared.unit for name, declared in quantities(RECORDS[kind])}


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(RECORDS[kind])


@functools.cache
def _provenance(kind: str, name: str) -> Mapping[str, Provenance]:
    _check_record(kind)
    written = entry(kind, name)
    found = traced(kind, name, written, _units(kind))
    if is_own(kind, name):
        for field, number in found.items():
            at, known = f"{_file(kind)}: `{name}.{field}`", span(kind, field)
            plausible.judge(at, written[field], number.value, known)
    return found


def traced(
    kind: str, name: str, numbers: Mapping[str, Any], units: Mapping[str, str]
) -> dict[str, Provenance]:
    """Read those of `numbers` that have one of the `units`, by field.

    Raises:
      BadEntry: one of them cannot be used.
    """
    about, found = entry(kind, name), {}
    for field, written in numbers.items():
        if field in units:
            try:
                found[field] = trace(kind, written, units[field], about)
            except ValueError as error:
                raise BadEntry(f"{_file(kind)}: `{name}.{field}` {error}") from None
    return found


def provenance(kind: str, name: str) -> dict[str, Provenance]:
    """Return range and source of every number the entry gives, in SI.

    Raises:
      UnknownEntry: there is no such kind or no such entry.
    """
    return dict(_provenance(kind, find(kind, name)))


@functools.cache
def load(kind: str, name: str) -> Any:
    """Return the entry as the record of its kind, in SI.

    Raises:
      UnknownEntry: there is no such kind or no such entry.
      BadEntry: the entry cannot be used.
    """
    _check_record(kind)
    if name != (found := find(kind, name)):
        return load(kind, found)
    written = {f: v for f, v in entry(kind, name).items() if f not in _ABOUT}
    numbers = {f: number.value for f, number in _provenance(kind, name).items()}
    try:
        return _adapter(kind).validate_python({**written, **numbers, "name": name})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at, said = first["loc"][0], first["msg"].lower()
        near = ""
        if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            near = did_you_mean(str(at), _units(kind))
        raise BadEntry(f"{_file(kind)}: `{name}.{at}`: {said}{near}") from None


@functools.cache
def span(kind: str, field: str) -> Span | None:
    """Return what the shipped entries of `kind` have in a field of their record."""
    declared = dict(quantities(RECORDS[kind])).get(field)
    # A share is bounded as it is.
    if declared is None or declared.high == 1.0:
        return None
    return spanned(kind, declared.unit, lambda fields: fields.get(field))


def spanned(
    kind: str, unit: str, pick: Callable[[Mapping[str, Any]], Any]
) -> Span | None:
    """Return the span, in `unit`, of what `pick` finds in shipped entries of `kind`."""
    numbers = []
    for name, fields in _shipped(kind).items():
        written = pick(fields) if name not in HEADINGS else None
        if isinstance(written, Mapping):
            given = str(written.get("unit", "1"))
            numbers += [(written[part], given) for part in ("value", "low", "high")]
        elif isinstance(written, int | float):
            numbers.append((written, unit))
    return plausible.span(unit, numbers)


def is_own(kind: str, name: str) -> bool:
    """Tell whether an entry is the user's own."""
    return _shipped(kind).get(name) is not entry(kind, name)
