"""Catalog files: YAML entries whose every number keeps its range and its source."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from supernode_opt.catalog import lacking, naming, plausible
from supernode_opt.catalog.figure import Provenance as Provenance
from supernode_opt.catalog.figure import traced_number
from supernode_opt.catalog.files import ABOUT, HEADINGS, declared, file_of, places
from supernode_opt.catalog.files import FILES as FILES
from supernode_opt.catalog.files import KINDS as KINDS
from supernode_opt.catalog.files import RECORDS as RECORDS
from supernode_opt.catalog.files import document as document
from supernode_opt.catalog.files import names as names
from supernode_opt.catalog.files import shipped as _shipped
from supernode_opt.catalog.files import shipped_names as shipped_names
from supernode_opt.catalog.inherited import INHERITED
from supernode_opt.catalog.naming import UnknownEntry as UnknownEntry
from supernode_opt.catalog.naming import unknown
from supernode_opt.catalog.own import OWN_CATALOG as OWN_CATALOG
from supernode_opt.catalog.own import BadEntry
from supernode_opt.catalog.plausible import Span
from supernode_opt.reading.node import did_you_mean


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
    if kind == "model":
        name = naming.hub_name(name)
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


def _check_record(kind: str) -> None:
    if kind not in RECORDS:
        raise unknown("kind of record", kind, tuple(RECORDS))


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(RECORDS[kind])


@functools.cache
def _provenance(kind: str, name: str) -> Mapping[str, Provenance]:
    _check_record(kind)
    written = entry(kind, name)
    units = {field: known.unit for field, known in declared(kind).items()}
    found = traced(kind, name, written, units)
    if is_own(kind, name):
        judge(kind, name, "", written, found, functools.partial(span, kind))
    return found


def judge(
    kind: str,
    name: str,
    path: str,
    written: Mapping[str, Any],
    found: Mapping[str, Provenance],
    known: Callable[[str], Span | None],
) -> None:
    """Refuse or question numbers of the user's own; what they inherit is not theirs.

    Args:
      kind, name: the entry.
      path: of the fields below it, such as "design.".
      written: fields as written.
      found: the same, read.
      known: what the catalog has in a field.

    Raises:
      BadEntry: one has no unit and would be far from any in the catalog.
    """
    lines = places(kind, name)
    for field, number in found.items():
        if field in written and number.confidence != INHERITED:
            at = where(kind, name, f"{path}{field}", lines)
            plausible.judge(at, written[field], number.value, known(field))


def where(
    kind: str, name: str, field: str = "", lines: Mapping[str, str] | None = None
) -> str:
    """Say where an entry or a field of one stands, for messages.

    Args:
      kind, name, field: the entry and the field, "" for the entry itself.
      lines: of the entry, where they are known already; see `files.places`.
    """
    lines = places(kind, name) if lines is None else lines
    place = lines.get(field) or lines.get("") or file_of(kind)
    return f"{place}: `{name}.{field}`" if field else f"{place}: `{name}`"


def traced(
    kind: str,
    name: str,
    numbers: Mapping[str, Any],
    units: Mapping[str, str],
    path: str = "",
) -> dict[str, Provenance]:
    """Read those of `numbers` that have one of the `units`, by field.

    Args:
      kind, name: the entry.
      numbers: fields of it as written.
      units: base SI unit by field.
      path: of the fields below it, such as "design.".

    Raises:
      BadEntry: one of them cannot be used.
    """
    about, sources = entry(kind, name), document(kind)["sources"]
    found = {}
    for field, written in numbers.items():
        if field in units:
            try:
                found[field] = traced_number(written, units[field], about, sources)
            except ValueError as error:
                at = where(kind, name, f"{path}{field}")
                raise BadEntry(f"{at} {error}") from None
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
    written = {f: v for f, v in entry(kind, name).items() if f not in ABOUT}
    numbers = {f: number.value for f, number in _provenance(kind, name).items()}
    if kind == "model" and not numbers.get("experts"):
        # Without experts every layer is dense.
        numbers = {"dense_layers": numbers.get("layers"), **numbers}
    try:
        return _adapter(kind).validate_python({**written, **numbers, "name": name})
    except ValidationError as error:
        raise _complaint(kind, name, error) from None


def _complaint(kind: str, name: str, error: ValidationError) -> BadEntry:
    """Name what an entry has wrong: all that it lacks, or the first of the rest."""
    errors = error.errors(include_url=False)
    rest = [one for one in errors if one["type"] != "missing"]
    if not rest:
        fields = [str(one["loc"][0]) for one in errors]
        return lacking.error(where(kind, name), kind, fields)
    at, said = str(rest[0]["loc"][0]), rest[0]["msg"].lower()
    near = ""
    if rest[0]["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        near = did_you_mean(at, declared(kind))
    return BadEntry(f"{where(kind, name, at)}: {said}{near}")


@functools.cache
def span(kind: str, field: str) -> Span | None:
    """Return what the shipped entries of `kind` have in a field of their record."""
    known = declared(kind).get(field)
    # A share is bounded as it is.
    if known is None or known.high == 1.0:
        return None
    return spanned(kind, known.unit, lambda fields: fields.get(field))


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
