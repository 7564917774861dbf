"""The section `sweep:` of a study."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from supernode_opt.reading.node import Node, StudyError
from supernode_opt.sweep.axes import METHODS, document_of, parsed

FIELDS = ("axes", "method", "samples", "optimize", "quantities")
# Of samples without a method.
_USUAL = "sobol"


class Section(NamedTuple):
    """What a study says of its sweep.

    Attributes:
      axes: path to values.
      method, samples, optimize, quantities: see `solve.sweep`.
    """

    axes: Node
    method: str
    samples: int | None
    optimize: bool
    quantities: tuple[str, ...]


def read_section(top: Node, axes: Sequence[str] = ()) -> Section:
    """Read the section of a study, with axes from the shell added or in their place.

    Args:
      top: the study.
      axes: `PATH=VALUES`, see `axes.parsed`.

    Raises:
      StudyError: it cannot be used, or nothing is swept.
    """
    more = document_of(dict(map(parsed, axes)))
    written = (
        dict(top.mapping()["sweep"].mapping(FIELDS)) if "sweep" in top.value else {}
    )
    if "axes" in written:
        more = dataclasses.replace(
            written["axes"], value={**written["axes"].mapping(), **more.value}
        )
    if not more.value:
        raise StudyError(
            f"{top.place}: has nothing to sweep: add `sweep: {{axes: {{PATH: ...}}}}`"
            " or --axis PATH=VALUES"
        )
    samples = _count(written["samples"]) if "samples" in written else None
    method = _USUAL if samples is not None else METHODS[0]
    if "method" in written:
        method = written["method"].one_of(METHODS, "method")
    optimize = "optimize" in written and _truth(written["optimize"])
    names: tuple[str, ...] = ()
    if "quantities" in written:
        names = tuple(item.text() for item in written["quantities"].items())
    return Section(more, method, samples, optimize, names)


def _count(node: Node) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        node.fail(f"must be a whole number, but is {node.described()}")
    if node.value < 1:
        node.fail(f"must be at least 1, but is {node.value}")
    return node.value


def _truth(node: Node) -> bool:
    if not isinstance(node.value, bool):
        node.fail(f"must be true or false, but is {node.described()}")
    return node.value
