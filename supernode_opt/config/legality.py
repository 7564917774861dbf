"""Frozen values that cannot be true together, found before anything is computed."""

from collections.abc import Mapping
from math import prod

from supernode_opt.reading.node import Node
from supernode_opt.system.design import CHOICES
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.pools import OF_PREFILL, Machine, illegal
from supernode_opt.workload.split import SIZES, SWITCHES, legal

_RANKS = ("tensor_parallel", "pipeline_parallel", "context_parallel")


def check(node: Node, fixed: Mapping[str, float | str], scenario: Scenario) -> None:
    """Refuse frozen counts that do not divide what they split.

    Args:
      node: the `design` section.
      fixed: the design fields that do not vary.
      scenario: what is given.

    Raises:
      StudyError: frozen values contradict each other or the model.
    """
    if scenario.serving is not None:
        _check_pools(node, fixed, scenario)
        return
    sizes = {k: v for k, v in fixed.items() if k in SIZES and isinstance(v, float)}
    for name, sentence in _contradictions(sizes, scenario):
        raise (node.mapping().get(name) or node).error(sentence)
    if {*SIZES, *SWITCHES} <= fixed.keys():
        split = dict(sizes)
        for name in SWITCHES:
            split[name] = CHOICES[name].index(str(fixed[name]))
        ranks = scenario.chip.ranks_per_chip
        sentence = legal(split, scenario.model, scenario.training, ranks)
        if sentence is not None:
            name, _, rest = sentence.partition(" ")
            if name in node.mapping():
                node.mapping()[name].fail(rest)
            node.fail(f"is no legal split: {sentence}")


def _check_pools(
    node: Node, fixed: Mapping[str, float | str], scenario: Scenario
) -> None:
    """Refuse frozen sizes that no layout of both pools has."""
    written = node.mapping()
    sizes = {k: v for k, v in fixed.items() if isinstance(v, float)}
    if sizes.get("prefill_chips") == 0.0:
        for name in (*OF_PREFILL,):
            if name in written and sizes.get(name) != 1.0:
                written[name].fail(
                    "has no effect without `prefill_chips`, for all chips do both"
                )
    if "chips" not in sizes:
        return
    board = int(scenario.host.chips_per_board)
    machine = Machine(int(sizes["chips"]), board, scenario.chip.ranks_per_chip)
    sentence = illegal(sizes, scenario.model, machine)
    if sentence:
        name, _, rest = sentence.partition(" ")
        if name in written:
            written[name].fail(rest)
        node.fail(f"is no legal layout: {sentence}")


def _contradictions(
    sizes: Mapping[str, float], scenario: Scenario
) -> list[tuple[str, str]]:
    """Return (field, sentence) of each contradiction among the sizes that are frozen.

    `legal` judges complete splits; here any part of one may be missing.
    """
    model, batch = scenario.model, scenario.training.global_batch
    found = []
    wholes = {
        "tensor_parallel": (model.heads, "attention heads"),
        "expert_parallel": (max(model.experts, 1.0), "experts"),
        "micro_batch": (batch, "sequences of the global batch"),
    }
    for name, (whole, what) in wholes.items():
        part = sizes.get(name, 1.0)
        if whole % part:
            found.append((name, f"must divide the {whole:g} {what}, but is {part:g}"))
    stages, interleave = sizes.get("pipeline_parallel"), sizes.get("interleave", 1.0)
    if stages is not None and stages > model.layers:
        text = f"must be at most the {model.layers:g} layers, but is {stages:g}"
        found.append(("pipeline_parallel", text))
    if stages == 1.0 and interleave > 1.0:
        text = f"must be 1 without a pipeline, but is {interleave:g}"
        found.append(("interleave", text))
    dies = scenario.chip.ranks_per_chip
    chips = sizes.get("chips")
    if chips is not None:
        chips = chips * dies
    known = [name for name in _RANKS if name in sizes]
    ranks = prod(sizes[name] for name in known)
    if chips is None:
        return found
    if chips % ranks:
        text = f"must be a multiple of {' x '.join(known)} = {ranks:g}"
        own = f"{chips:g}" if dies == 1 else f"{chips / dies:g} of {dies} ranks"
        found.append(("chips", f"{text}, but is {own}"))
    elif len(known) == len(_RANKS) and batch % (chips / ranks):
        text = f"leads to {chips / ranks:g} data-parallel replicas, which do not divide"
        found.append(("chips", f"{text} the global batch of {batch:g}"))
    elif len(known) == len(_RANKS) and batch % (
        chips / ranks * sizes.get("micro_batch", 1.0)
    ):
        text = f"x {chips / ranks:g} data-parallel replicas must divide the global"
        found.append(("micro_batch", f"{text} batch of {batch:g}"))
    return found
