"""From nodes of the file to records and numbers, through the records' own schema."""

import dataclasses
import functools
import re
import typing
from typing import Any

from pydantic import TypeAdapter, ValidationError

from supernode_opt import catalog
from supernode_opt.catalog import lacking
from supernode_opt.catalog.files import RECORDS
from supernode_opt.config.doubts import is_bare, weigh
from supernode_opt.reading.node import Node, StudyError, alike, did_you_mean

# Larger counts than this are typing errors, and floats stop telling integers apart.
LARGEST_COUNT = 1e12
# Any exponent but a single digit, such as in W^9^9^9.
_TOWER = re.compile(r"\^(?!\s*-?[1-9](?!\s*[\d.^(]))|\*\*")


@functools.cache
def adapter(annotation: Any) -> TypeAdapter[Any]:
    """Return the validator of a type, which is costly to make."""
    return TypeAdapter(annotation)


def field_type(record_type: type, name: str) -> Any:
    """Return the annotated type of a field, its quantity included."""
    return typing.get_type_hints(record_type, include_extras=True)[name]


def read_value(node: Node, annotation: Any) -> Any:
    """Validate the plain value of `node` as `annotation`; SI where it is a quantity.

    Raises:
      StudyError: it is not valid; the message names the field at fault.
    """
    _refuse_towers(node)
    try:
        return adapter(annotation).validate_python(node.plain())
    except ValidationError as error:
        raise _complaint(node, error) from None


def read_field(node: Node, record_type: type, name: str, *, asks: bool = True) -> float:
    """Read a number for a field of a record, in SI; `asks` as in `doubts.weigh`.

    Raises:
      StudyError: it is not valid, or lacks its unit.
    """
    value = read_value(node, field_type(record_type, name))
    weigh(node, value, record_type, name, asks=asks)
    return value


def read_count(node: Node, annotation: Any) -> float:
    """Read a whole number.

    Raises:
      StudyError: it is not valid, or has a fraction.
    """
    value = read_value(node, annotation)
    if value != int(value):
        node.fail(f"must be a whole number, but is {node.described()}")
    if value > LARGEST_COUNT:
        node.fail(f"must be at most {LARGEST_COUNT:g}, but is {node.described()}")
    return value


def read_record(node: Node, record_type: type, base: Any | None = None) -> Any:
    """Read a record from a mapping; fields that are not there come from `base`.

    Raises:
      StudyError: a field is unknown, wrong, or neither written nor in `base`.
    """
    names = [field.name for field in dataclasses.fields(record_type)]
    written = node.mapping(names)
    for child in written.values():
        _refuse_towers(child)
    plain = {} if base is None else {name: getattr(base, name) for name in names}
    plain |= {name: _word(child, record_type, name) for name, child in written.items()}
    try:
        made = adapter(record_type).validate_python(plain)
    except ValidationError as error:
        raise _lacking(node, record_type, error) or _complaint(node, error) from None
    for name, child in written.items():
        value = getattr(made, name)
        if isinstance(value, float):
            weigh(child, value, record_type, name)
    return made


def _word(node: Node, record_type: type, name: str) -> Any:
    """Return the plain value of a field; words are found whatever their case."""
    known = typing.get_args(field_type(record_type, name))
    words = [word for word in known if isinstance(word, str)]
    if not isinstance(node.value, str) or not words:
        return node.plain()
    return alike(node.value, words) or node.value


def named(node: Node, kind: str) -> str:
    """Return the catalog entry of `kind` that a node calls by any of its names.

    Raises:
      StudyError: there is none.
    """
    found = catalog.called(kind, node.text())
    if found is None and kind == "model" and "/" in node.text():
        near = did_you_mean(node.text().rpartition("/")[2], catalog.names(kind))
        near = "" if near.startswith(" (known") else near
        node.fail(
            f"is no shipped model{near}: download its config.json and write its path"
        )
    return found or node.one_of(catalog.names(kind), kind.replace("_", " "))


def read_entry(
    node: Node, kind: str, record_type: type, default: str | None = None
) -> Any:
    """Read a catalog entry: its name, `{base: name, field: value}`, or all its fields.

    Args:
      node: where it is written.
      kind: of catalog entry, such as "chip".
      record_type: what the entry is made into.
      default: the entry that fields without `base` change, if there is one.

    Raises:
      StudyError: the entry is unknown or a field is wrong.
    """
    if not isinstance(node.value, dict):
        return catalog.load(kind, named(node, kind))
    written = dict(node.value)
    name = default
    if "base" in written:
        name = named(written.pop("base"), kind)
    base = None if name is None else catalog.load(kind, name)
    return read_record(dataclasses.replace(node, value=written), record_type, base)


def _refuse_towers(node: Node) -> None:
    """Refuse powers of powers in a unit, which would take for ever to compute."""
    if isinstance(node.value, str) and _TOWER.search(node.value):
        node.fail(f"has an unknown unit: {node.described()}")


class Lacking(StudyError):
    """A mapping without fields that it must have; the message names all of them."""

    longest = lacking.Lacking.longest


def _lacking(node: Node, record_type: type, error: ValidationError) -> Lacking | None:
    """Name all fields that a record lacks, if it has nothing else wrong."""
    errors = error.errors(include_url=False)
    if any(one["type"] != "missing" or len(one["loc"]) != 1 for one in errors):
        return None
    fields = [str(one["loc"][0]) for one in errors]
    kind = next((k for k, known in RECORDS.items() if known is record_type), "")
    told = lacking.lacks(kind, fields) if kind else f"lacks {_named(fields)}"
    return Lacking(f"{node.place}: `{node.path}` {told}")


def _named(fields: list[str]) -> str:
    """Write names of fields as a list of words."""
    told = ", ".join(f"`{field}`" for field in fields)
    return f"the fields {told}" if len(fields) > 1 else f"the field {told}"


def _complaint(node: Node, error: ValidationError) -> StudyError:
    """Turn pydantic's first complaint into a sentence at the line of the field."""
    first = error.errors(include_url=False)[0]
    at = node
    if first["type"] == "missing" and isinstance(first["loc"][-1], str):
        return node.error(f"lacks the field `{first['loc'][-1]}`")
    for step in first["loc"]:
        if isinstance(at.value, dict) and step in at.value:
            at = at.value[step]
    if first["type"] == "value_error":
        message = str(first["ctx"]["error"])
    else:
        message = first["msg"].replace("Input should be", "must be")
        message = message.partition(", unable to")[0].partition(" after valid")[0]
        message = f"{message}, but is {at.described()}"
        share = first["type"] == "less_than_equal" and first["ctx"]["le"] == 1.0
        if share and is_bare(at) and 1.0 < float(at.value) <= 100.0:
            message += f": write {at.value} % if that is meant"
    return at.error(message)
