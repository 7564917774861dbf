"""One entry of the `design` section: frozen, free between limits, or a choice."""

import dataclasses

from supernode_opt.config.doubts import weigh
from supernode_opt.config.records import field_type, read_count, read_value
from supernode_opt.problem.variables import COUNTS, Variable
from supernode_opt.reading.node import Node
from supernode_opt.system.design import Design, Pools

FREE = "free"
# The search tries these on a grid of the study's own.
_STEPPED = ("chips",)
_LIMITS = ("low", "high", "step")

# What the file says of a number: its value, or the limits it may vary within.
Written = float | dict[str, float]


def read_choice(
    node: Node, known: tuple[str, ...], usual: tuple[str, ...]
) -> tuple[str, ...]:
    """Read one alternative, a list of them, or `free`, which means the `usual` ones.

    They are returned in the order of `known`.

    Raises:
      StudyError: an alternative is unknown or written twice.
    """
    if node.value == FREE:
        return usual
    if isinstance(node.value, dict):
        node = node.mapping(["value"]).get("value", node)
    items = node.items() if isinstance(node.value, list) else [node]
    picked = []
    for item in items:
        if isinstance(item.value, bool) and set(known) == {"on", "off"}:
            item = dataclasses.replace(item, value="on" if item.value else "off")
        picked.append(item.one_of(known, "alternative"))
        if picked.count(picked[-1]) > 1:
            item.fail("is written twice")
    return tuple(name for name in known if name in picked)


def read_number(node: Node, record_type: type, name: str, asks: bool) -> Written:
    """Read a frozen value, or the limits of a free one (empty for plain `free`).

    Args:
      node: where it is written.
      record_type, name: the field it is for.
      asks: whether it is weighed against the catalog.

    Raises:
      StudyError: it is neither, or in a wrong unit, or the limits are crossed.
    """

    def read(at: Node, word: str = "value") -> float:
        if record_type in (Design, Pools) and name in COUNTS:
            found = read_count(at, field_type(record_type, name))
        else:
            found = read_value(at, field_type(record_type, name))
        if asks:
            # A wide box claims nothing.
            weigh(at, found, record_type, name, asks=word == "value")
        return found

    if node.value == FREE:
        return {}
    if isinstance(node.value, list):
        node.fail("must be a value, {low, high} or `free`, but is a list")
    if not isinstance(node.value, dict):
        return read(node)
    written = node.mapping(["value", *_LIMITS])
    if "step" in written and name not in _STEPPED:
        written["step"].fail(f"has no effect; only {', '.join(_STEPPED)} has steps")
    found = {word: read(child, word) for word, child in written.items()}
    low, high = found.get("low"), found.get("high")
    if low is not None and high is not None and low > high:
        low_text, high_text = written["low"].described(), written["high"].described()
        node.fail(f"must have low below high, but {low_text} is above {high_text}")
    if "value" not in found:
        return found
    value = found["value"]
    require_inside(written["value"], value, low, high)
    return value


def require_inside(
    node: Node, value: float, low: float | None, high: float | None
) -> None:
    """Refuse a value outside the bounds; `None` is no bound.

    Raises:
      StudyError: it is outside.
    """
    if low is not None and value < low:
        node.fail(f"must be at least {low:.10g}, but is {value:.10g}")
    if high is not None and value > high:
        node.fail(f"must be at most {high:.10g}, but is {value:.10g}")


def bounded(
    node: Node,
    default: Variable,
    limits: dict[str, float],
    allowed: tuple[float | None, float | None],
) -> Variable:
    """Return the variable between `limits`; what was not written is as in `default`.

    Args:
      node: where the limits were written.
      default: the variable in its default box.
      limits: any of low, high and step.
      allowed: the least and greatest value that a limit may have, if any.

    Raises:
      StudyError: the limits lie outside, or leave nothing between them.
    """
    for word in ("low", "high"):
        if word in limits:
            require_inside(node.mapping()[word], limits[word], *allowed)
    low, high = limits.get("low"), limits.get("high")
    # The side that was not written is the default's, if that leaves anything.
    low = min(default.low, high or default.low) if low is None else low
    high = max(default.high, low) if high is None else high
    if low > high:
        node.fail(f"must have low below high, but {low:.10g} is above {high:.10g}")
    return Variable(
        name=default.name,
        low=low,
        high=high,
        scale=default.scale if low > 0.0 else "linear",
        step=limits.get("step", default.step),
    )
