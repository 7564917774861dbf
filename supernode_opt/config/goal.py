"""What a study wants: one objective and limits on what the physics reports."""

from supernode_opt.config.doubts import weigh_limit
from supernode_opt.config.records import field_type, read_value
from supernode_opt.hardware.chip import Chip
from supernode_opt.problem.problem import SCALARS, Constraint, Objective
from supernode_opt.reading.node import Node
from supernode_opt.system.report import Report

_SENSES = ("maximize", "minimize")
_LIMITS = ("at_least", "at_most")


def read_objective(node: Node) -> Objective:
    """Read `{maximize: field}` or `{minimize: field}`.

    Raises:
      StudyError: it is neither, or the field is no scalar of the report.
    """
    written = node.mapping(_SENSES)
    if len(written) != 1:
        node.fail("must be one of {maximize: ...} and {minimize: ...}")
    ((sense, wanted),) = written.items()
    name = wanted.one_of(SCALARS, "quantity of the report")
    return Objective(name=name, maximize=sense == "maximize")


def read_constraints(
    node: Node | None, chip: Chip, chips: float
) -> tuple[Constraint, ...]:
    """Read `field: {at_least: low, at_most: high}`; either limit may be left out.

    Args:
      node: the `constraints` section.
      chip: of the study.
      chips: the fewest that its machine has.

    Raises:
      StudyError: a field does not exist, or its limits are wrong or contradict.
    """
    if node is None:
        return ()
    return tuple(
        constraint
        for name, limits in node.mapping(SCALARS).items()
        for constraint in _limits(name, limits, chip, chips)
    )


def _limits(name: str, node: Node, chip: Chip, chips: float) -> list[Constraint]:
    written = node.mapping(_LIMITS)
    if not written:
        node.fail("must have `at_least`, `at_most` or both")
    limits = {
        word: read_limit(limit, name, chip, chips) for word, limit in written.items()
    }
    if len(limits) == 2 and limits["at_least"] > limits["at_most"]:
        low, high = (written[word].described() for word in _LIMITS)
        node.fail(f"cannot be at_least {low} and at_most {high} at once")
    return [
        Constraint(name=name, limit=limit, at_most=word == "at_most")
        for word, limit in limits.items()
    ]


def read_limit(node: Node, name: str, chip: Chip, chips: float) -> float:
    """Read a value of a reported quantity, in SI.

    Raises:
      StudyError: it is not valid, or lacks its unit.
    """
    value = read_value(node, field_type(Report, name))
    weigh_limit(node, value, name, chip, chips)
    return value
