"""What is swept: axes of numbers or words, crossed or sampled."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from supernode_opt.config.records import field_type, read_count, read_field
from supernode_opt.reading import document
from supernode_opt.reading.node import Doubt, Node, StudyError
from supernode_opt.sweep.paths import full, is_plain, owner_of, spoken_name
from supernode_opt.units import quantity_of

METHODS = ("grid", "latin_hypercube", "sobol")
_RANGE = ("from", "to", "count", "scale")
_SCALES = ("linear", "log")
MOST_VALUES = 10_000_000
# A whole number that a logarithmic range misses by rounding.
_WHOLE = 1e-9


@dataclasses.dataclass(frozen=True)
class Axis:
    """One swept path.

    Attributes:
      name: of its dimension.
      path: as `--set` takes it.
      values: numbers in SI or words, in their order; of a range to sample its ends.
      log: whether a range to sample is even in the logarithm; `None` for a list.
      unit: SI unit of its numbers, "" for words and pure numbers.
      whole: whether it counts.
      each: whether each of its values is a study to read.
    """

    name: str
    path: str
    values: tuple[Any, ...]
    log: bool | None = None
    unit: str = ""
    whole: bool = False
    each: bool = False

    @property
    def plain(self) -> bool:
        """Whether its numbers go into a read study as they are."""
        numbers = all(isinstance(value, float) for value in self.values)
        return numbers and not self.each and is_plain(self.path)

    def spread(self, count: int) -> tuple[Any, ...]:
        """Return some of its values, its ends first and the middle next."""
        share = np.linspace(0.0, 1.0, count)
        share = share[np.argsort(-np.abs(np.abs(share - 0.5) - 0.25), kind="stable")]
        if self.log is not None:
            return tuple(dict.fromkeys(self.at(share).tolist()))
        places = np.round(share * (len(self.values) - 1)).astype(int)
        return tuple(self.values[place] for place in dict.fromkeys(places.tolist()))

    def written(self, value: Any) -> str:
        """Return the assignment that `--set` takes for one of the values."""
        if isinstance(value, float):
            whole = int(value) if value.is_integer() and abs(value) < 1e15 else value
            return f"{self.path}={whole!r}{f' {self.unit}' if self.unit else ''}"
        if isinstance(value, str):
            return f"{self.path}={value}"
        return f"{self.path}={yaml.safe_dump(value, default_flow_style=True).strip()}"

    def at(self, share: NDArray) -> NDArray:
        """Return the values at shares from 0 to 1 of a range, or positions in a list.

        Numbers that count are rounded down within the range, its ends included.
        """
        if self.log is None:
            last = len(self.values) - 1
            return np.minimum((share * len(self.values)).astype(np.int64), last)
        low, high = self.values
        if self.whole:
            high = high + 1.0
        in_logs = low * (high / low) ** share if self.log else None
        made = low + share * (high - low) if in_logs is None else in_logs
        if self.whole:
            return np.minimum(np.floor(made), self.values[1])
        return made


def read_axes(node: Node, sampled: bool) -> tuple[Axis, ...]:
    """Read `{path: [values] or {from, to, count, scale}}`.

    Args:
      node: the mapping.
      sampled: whether ranges are sampled, so that they need no count.

    Raises:
      StudyError: a path leads nowhere, or its values cannot be used.
    """
    written = node.mapping()
    if not written:
        node.fail("must name at least one path to sweep")
    axes = tuple(_axis(word, child, sampled) for word, child in written.items())
    for index, axis in enumerate(axes):
        if axis.path in {other.path for other in axes[:index]}:
            node.fail(f"sweeps {axis.path} twice")
    return axes


def document_of(axes: Mapping[str, Any]) -> Node:
    """Return axes given in Python as the node of a document.

    Raises:
      StudyError: they are nothing that a document can hold.
    """
    plain = {str(path): _plain(values) for path, values in axes.items()}
    made: dict[str, Node] = {}
    for path, values in plain.items():
        at = f"sweep axis {path}"
        if isinstance(values, list):
            items = [Node(item, path, at) for item in values]
            made[path] = Node(items, path, at)
        elif isinstance(values, dict):
            inner = {k: Node(v, f"{path}.{k}", at) for k, v in values.items()}
            made[path] = Node(inner, path, at)
        else:
            made[path] = Node(values, path, at)
    return Node(made, "", "sweep axes")


def parsed(text: str) -> tuple[str, Any]:
    """Return path and values of `PATH=A,B,C` or `PATH=FROM:TO:COUNT[:log]`.

    Raises:
      StudyError: it is neither.
    """
    path, equals, words = text.partition("=")
    if not equals or not path.strip() or not words.strip():
        raise StudyError(f"--axis must be PATH=VALUES, but is {text!r}")
    parts = [part.strip() for part in words.split(":")]
    if len(parts) in (2, 3, 4):
        made: dict[str, Any] = dict(zip(_RANGE, parts, strict=False))
        if "count" in made:
            made["count"] = document.value(made["count"], "--axis", lines=False).value
        return path.strip(), made
    items = words.strip().removeprefix("[").removesuffix("]").split(",")
    found = [document.value(item, "--axis", lines=False).value for item in items]
    return path.strip(), found


def _plain(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {str(k): _plain_item(v) for k, v in values.items()}
    if isinstance(values, str):
        return values
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, Sequence) or hasattr(values, "__iter__"):
        return [_plain_item(item) for item in values]
    return values


def _plain_item(item: Any) -> Any:
    return item.item() if hasattr(item, "item") else item


def _axis(word: str, node: Node, sampled: bool) -> Axis:
    try:
        path = full(word)
    except StudyError as error:
        raise StudyError(f"{node.place}: {error}") from None
    name, owner = spoken_name(word if "." in word else path), owner_of(path)
    if isinstance(node.value, dict):
        values, log = _range(node, path, owner, sampled)
    else:
        values, log = tuple(_value(item, owner) for item in node.items()), None
    if len({repr(value) for value in values}) < len(values):
        node.fail("has a value twice")
    known = None if owner is None else quantity_of(*owner)
    return Axis(
        name=name,
        path=path,
        values=values,
        log=log,
        unit="" if known is None else known.unit,
        whole=known is not None and known.whole,
    )


def _value(node: Node, owner: tuple[type, str] | None) -> Any:
    """Read one value: SI where it is a number of a record, else as it is written."""
    if isinstance(node.value, dict | list) or node.value is None:
        node.fail(f"must be one value, but is {node.described()}")
    if owner is None:
        return node.value
    known = quantity_of(*owner)
    if known.whole:
        return float(read_count(node, field_type(*owner)))
    with warnings.catch_warnings():
        # What is far from the catalog is what sweeps are for.
        warnings.simplefilter("ignore", Doubt)
        return float(read_field(node, *owner))


def _range(
    node: Node, path: str, owner: tuple[type, str] | None, sampled: bool
) -> tuple[tuple[float, ...], bool | None]:
    written = node.mapping(_RANGE)
    for word in ("from", "to") if sampled else ("from", "to", "count"):
        if word not in written:
            node.fail(f"lacks `{word}`")
    low, high = (_end(written[word], owner) for word in ("from", "to"))
    if not low < high:
        node.fail(f"must go from below to above, but goes from {low:g} to {high:g}")
    scale = written["scale"].one_of(_SCALES, "scale") if "scale" in written else ""
    log = scale == "log"
    if log and low <= 0.0:
        written["from"].fail("must be above zero on a log scale")
    if sampled:
        return (low, high), log
    count = written["count"].value
    if isinstance(count, bool) or not isinstance(count, int) or count < 2:
        written["count"].fail(f"must be a whole number from 2, but is {count}")
    if count > MOST_VALUES:
        written["count"].fail(f"must be at most {MOST_VALUES}, but is {count}")
    made = np.geomspace(low, high, count) if log else np.linspace(low, high, count)
    made[0], made[-1] = low, high
    if owner is not None and quantity_of(*owner).whole:
        near = np.round(made)
        wrong = np.abs(made - near) > _WHOLE * near
        if wrong.any():
            node.fail(
                f"must step in whole numbers, but has {made[wrong][0]:.6g}: choose"
                " another count, or write a list"
            )
        made = near
    return tuple(made.tolist()), None


def _end(node: Node, owner: tuple[type, str] | None) -> float:
    value = _value(node, owner)
    if isinstance(value, bool) or not isinstance(value, int | float):
        node.fail(f"must be a number, but is {node.described()}")
    return float(value)
