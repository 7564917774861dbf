"""The section `serving` of a study: requests, precisions, limits; and the stack."""

import dataclasses
import re
from collections.abc import Mapping

from supernode_opt.config.doubts import is_bare
from supernode_opt.config.lengths import read_lengths
from supernode_opt.config.records import named, read_entry, read_record, read_value
from supernode_opt.hardware.chip import Chip
from supernode_opt.reading.node import Node
from supernode_opt.system.serving.rate import ARITHMETIC
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.units import Share
from supernode_opt.workload.model import Model
from supernode_opt.workload.serving import FORMATS, Serving

KIND = "serving_stack"
# The stack of a study that names none.
USUAL = "generic"
_LENGTHS = {"input_length": 1.0, "output_length": 0.0}
_FORMATS = (
    "weight_precision",
    "expert_precision",
    "activation_precision",
    "cache_precision",
)
_LIMITS = ("ttft_limit", "tpot_limit")
# A limit of so many seconds without that word is meant in milliseconds.
_LONGEST = {"ttft_limit": 60.0, "tpot_limit": 1.0}
_SATURATED = "saturation"
# Requests and prompts are counted: they have no unit of their own.
_COUNTED = re.compile(r"\b(requests?|req|prompts?)\s*/")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)|mean")


def read_serving(
    node: Node, chip: Chip, model: Model
) -> tuple[Serving, tuple[str, ...]]:
    """Read what is served.

    Returns:
      It, and what falls back for lack of arithmetic.

    Raises:
      StudyError: a field is unknown, lacks its unit or cannot be used.
    """
    known = [field.name for field in dataclasses.fields(Serving)]
    written = dict(node.mapping(known))
    for name, least in _LENGTHS.items():
        if name in written:
            _put_lengths(written, name, least)
    for name in _LIMITS:
        if name in written:
            _put_limit(written, name)
            _refuse_seconds(written[name], name)
        share = f"{name.partition('_')[0]}_percentile"
        if share in written:
            written[share] = _share(written[share])
    if "arrival_rate" in written:
        written["arrival_rate"] = _rate(written["arrival_rate"])
    for name in _FORMATS:
        if name in written and (name == "cache_precision" or written[name].value != ""):
            word = written[name].one_of(FORMATS, "precision")
            written[name] = dataclasses.replace(written[name], value=word)
    if "expert_precision" in written and not model.experts:
        written["expert_precision"].fail("is of experts, which this model has none of")
    made = read_record(dataclasses.replace(node, value=written), Serving)
    return made, _fallbacks(made, chip)


def _put_lengths(written: dict[str, Node], name: str, least: float) -> None:
    node, spread = written[name], f"{name.partition('_')[0]}_variation"
    found = read_lengths(node, least)
    written[name] = dataclasses.replace(node, value=found.mean)
    if found.variation is None:
        return
    if spread in written:
        written[spread].fail(f"is said twice: `{name}` has a spread of its own")
    written[spread] = dataclasses.replace(node, value=found.variation)


def _put_limit(written: dict[str, Node], name: str) -> None:
    """Take `{p95: 2 s}` apart into a limit and its percentile."""
    node, other = written[name], f"{name.partition('_')[0]}_percentile"
    if not isinstance(node.value, dict):
        return
    if len(node.value) != 1:
        node.fail("must be a time, or one percentile of it such as {p95: 2 s}")
    ((word, child),) = node.value.items()
    found = _PERCENTILE.fullmatch(str(word).lower())
    if found is None:
        raise child.error("is no percentile: write `mean`, `p50`, `p95` and the like")
    if other in written:
        written[other].fail(f"is said twice: `{name}` names its percentile")
    written[name] = dataclasses.replace(child, path=node.path)
    share = float(found.group(1) or 0.0) / 100.0
    written[other] = dataclasses.replace(node, value=share)


def _refuse_seconds(node: Node, name: str) -> None:
    """Refuse a limit that lacks its unit and would be long as seconds."""
    if is_bare(node) and not isinstance(node.value, bool):
        value = float(node.value)
        if value >= _LONGEST[name]:
            node.fail(
                f"would be {value:g} s: write {value:g} ms, or whatever unit is meant"
            )


def _share(node: Node) -> Node:
    """Read a percentile: `95 %` or 0.95; 0 is the mean."""
    value = node.value if isinstance(node.value, float) else read_value(node, Share)
    if not 0.0 <= value < 1.0:
        node.fail(f"must be below 100 %, but is {node.described()}")
    return dataclasses.replace(node, value=value)


def _rate(node: Node) -> Node:
    if node.value == _SATURATED:
        return dataclasses.replace(node, value=0.0)
    if isinstance(node.value, str):
        text = _COUNTED.sub("1/", node.value)
        return dataclasses.replace(node, value=text.replace(" /", " 1/"))
    return node


def _fallbacks(serving: Serving, chip: Chip) -> tuple[str, ...]:
    """Tell which precisions the chip computes in another one, for lack of its own."""
    weight = serving.weight_precision
    told = []
    for word in dict.fromkeys((weight, serving.expert_precision or weight)):
        wanted, *others = ARITHMETIC[word]
        if float(getattr(chip, wanted)) > 0.0:
            continue
        found = next(name for name in others if float(getattr(chip, name)) > 0.0)
        instead = found.removeprefix("peak_").upper()
        told.append(
            f"{word.upper()} weights multiplied as {instead}: {chip.name} has no"
            f" arithmetic for them"
        )
    return tuple(told)


def read_stack(changes: Mapping[str, Node]) -> tuple[ServingStack, str]:
    """Read `scenario.stack` or `scenario.software` of a study that serves.

    Returns:
      The constants, and the catalog entry that they start from.

    Raises:
      StudyError: the stack is unknown, or a field of it.
    """
    written, stack = changes.get("software"), changes.get("stack")
    entry = USUAL if stack is None else named(stack, KIND)
    if written is None:
        return read_entry(
            Node(entry, "scenario.software", ""), KIND, ServingStack
        ), entry
    names_one = not isinstance(written.value, dict) or "base" in written.value
    if stack is not None and names_one:
        written.fail("must change fields alone, because `scenario.stack` names a stack")
    if names_one:
        base = written.value["base"] if isinstance(written.value, dict) else written
        entry = named(base, KIND)
    return read_entry(written, KIND, ServingStack, entry), entry
