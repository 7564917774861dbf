"""A study with nothing free: its machine as the catalog builds it, its best split."""

from typing import TYPE_CHECKING, Any

from supernode_opt.api import fields
from supernode_opt.api.values import written
from supernode_opt.api.verbs import verb
from supernode_opt.compare.entries import FREE
from supernode_opt.compare.splits import best_split
from supernode_opt.config.study import understand
from supernode_opt.problem.problem import Choice, Variable
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.record import get
from supernode_opt.workload.split import TooManySplits

if TYPE_CHECKING:
    from supernode_opt.api.study import Study


@verb
def frozen(study: "Study") -> "Study":
    """Return `study` with a value for everything that is free; see `Study.frozen`.

    Raises:
      StudyError: no split is legal, or there are too many.
    """
    if not study.free:
        return study
    given, name = machine(study), study.name
    if not given.free:
        return given
    try:
        best = best_split(given.problem)
    except TooManySplits as error:
        raise StudyError(f"{name}: {error}; freeze some of the split") from None
    if not best.values:
        raise StudyError(f"{name}: {best.reason}")
    node = given.document
    for field in given.free:
        node = _set(node, field, best.values[field])
    return type(study).of(node, name)


@verb
def machine(study: "Study") -> "Study":
    """Return `study` with nothing free but the split.

    Raises:
      StudyError: the machine so built cannot be used.
    """
    problem, node, name = study.problem, study.document, study.name
    free = [
        one for one in (*problem.variables, *problem.choices) if one.name not in FREE
    ]
    for one in free:
        node = fields.put(node, f"design.{one.name}", Node(None, one.name, "frozen"))
    built = understand(node, name).problem
    for one in free:
        value = built.fixed.get(one.name)
        if value is None:
            value = float(get(built.scenario, one.name))
        allowed = _allowed(one, value)
        if allowed != value:
            node = _set(node, one.name, allowed)
    return type(study).of(node, name)


def _set(node: Node, name: str, value: Any) -> Node:
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return fields.put(node, f"design.{name}", written(value, name, "frozen"))


def _allowed(free: Variable | Choice, value: Any) -> Any:
    """Return the alternative, or the value between the bounds, nearest to `value`."""
    if isinstance(free, Choice):
        return value if value in free.options else free.options[0]
    nearest = min(max(float(value), free.low), free.high)
    if free.step:
        nearest = free.low + round((nearest - free.low) / free.step) * free.step
    return min(nearest, free.high)
