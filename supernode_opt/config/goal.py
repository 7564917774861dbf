"""What a study wants: one objective and limits on what the physics reports."""

from collections.abc import Mapping

from supernode_opt.config.doubts import weigh_limit
from supernode_opt.config.records import field_type, read_value
from supernode_opt.hardware.chip import Chip
from supernode_opt.problem.problem import RAREST, Constraint, Objective
from supernode_opt.reading.node import Node
from supernode_opt.system.report import SERVING_SCALARS, Report, scalars
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import Share

_SENSES = ("maximize", "minimize")
QUANTILE = "quantile"
_LIMITS = ("at_least", "at_most")
PROBABILITY = "probability"


def read_objective(node: Node) -> Objective:
    """Read `{maximize: field}` or `{minimize: field}`, of draws with a `quantile`.

    Raises:
      StudyError: it is neither, the field is no scalar of the report, or the quantile
        is none that draws tell.
    """
    written = dict(node.mapping((*_SENSES, QUANTILE)))
    quantile = _share(written.pop(QUANTILE, None))
    if len(written) != 1:
        node.fail("must be one of {maximize: ...} and {minimize: ...}")
    ((sense, wanted),) = written.items()
    name = wanted.one_of(SERVING_SCALARS, "quantity of the report")
    return Objective(name, sense == "maximize", quantile)


def read_chance(node: Node | None) -> float | None:
    """Read `probability: 95 %` of `constraints`, which is asked of every limit.

    Raises:
      StudyError: it is none that draws tell.
    """
    if node is None:
        return None
    return _share(node.mapping((*SERVING_SCALARS, PROBABILITY)).get(PROBABILITY))


def _share(node: Node | None) -> float | None:
    if node is None:
        return None
    value = read_value(node, Share)
    if not RAREST <= value <= 1.0 - RAREST:
        node.fail(
            f"must be from {100.0 * RAREST:g} to {100.0 - 100.0 * RAREST:g} %, beyond"
            f" which draws say nothing, but is {node.described()}"
        )
    return value


def refuse_draws(top: Mapping[str, Node], what: str) -> None:
    """Refuse a quantile or a probability where `what` takes constants as they are.

    Raises:
      StudyError: one is asked for.
    """
    asked = [top["objective"].mapping().get(QUANTILE)] if "objective" in top else []
    limits = top["constraints"].mapping() if "constraints" in top else {}
    for name, node in limits.items():
        asked.append(node if name == PROBABILITY else node.mapping().get(PROBABILITY))
    for node in asked:
        if node is not None:
            node.fail(f"has no effect on {what}, for which nothing is drawn")


def read_constraints(
    node: Node | None, chip: Chip, chips: float
) -> tuple[Constraint, ...]:
    """Read `field: {at_least: low, at_most: high}`; either limit may be left out.

    With `probability` a limit must be kept under draws as well; one that stands beside
    the fields is that of every limit without its own.

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
        for name, limits in node.mapping((*SERVING_SCALARS, PROBABILITY)).items()
        if name != PROBABILITY
        for constraint in _limits(name, limits, chip, chips, read_chance(node))
    )


def refuse_foreign(top: Mapping[str, Node], scenario: Scenario) -> None:
    """Refuse a quantity that is not reported of a machine for `scenario`.

    Raises:
      StudyError: one is wanted or limited.
    """
    named = dict(top["constraints"].mapping()) if "constraints" in top else {}
    wanted = top["objective"].mapping()
    for sense in _SENSES:
        if sense in wanted:
            word = wanted[sense].one_of(SERVING_SCALARS, "quantity of the report")
            named[word] = wanted[sense]
    for name, node in named.items():
        if name in SERVING_SCALARS and name not in scalars(scenario):
            node.fail(f"asks for {name!r}, which is of machines that serve")


def _limits(
    name: str, node: Node, chip: Chip, chips: float, chance: float | None
) -> list[Constraint]:
    written = dict(node.mapping((*_LIMITS, PROBABILITY)))
    own = _share(written.pop(PROBABILITY, None))
    if not written:
        node.fail("must have `at_least`, `at_most` or both")
    limits = {
        word: read_limit(limit, name, chip, chips) for word, limit in written.items()
    }
    if len(limits) == 2 and limits["at_least"] > limits["at_most"]:
        low, high = (written[word].described() for word in _LIMITS)
        node.fail(f"cannot be at_least {low} and at_most {high} at once")
    return [
        Constraint(name, limit, word == "at_most", chance if own is None else own)
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
