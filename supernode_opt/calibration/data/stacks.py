"""What documentation says of the software that published runs were made with.

Overlap, schedule, dispatcher and graph capture are declared here per stack, or read
from the row; they are never fitted.
"""

import dataclasses
import difflib
import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

import yaml
from jax.typing import ArrayLike

from supernode_opt import catalog
from supernode_opt.calibration.data.runs import Run


@dataclasses.dataclass(frozen=True)
class Stack:
    """A training stack as its documentation describes it.

    Attributes:
      name: identifier.
      base: catalog software whose unfitted constants it takes, "" for the software
        of the row's own machine.
      constants: stack whose fitted constants it shares, "" for its own.
      tensor_overlap, data_overlap, expert_overlap: whether the stack hides them.
      flash: attention keeps no scores.
      fused_dispatch: experts are reached by a fused dispatch kernel.
      sequence_parallel: on where a row does not say.
      sharding: optimizer sharding where a row does not say.
      interleaves: whether the stack can interleave pipeline stages.
      interleave_unreliable: an interleave of 1 in its tables may mean "not stated".
      full_recompute: its recipes recompute whole layers, not only modules.
      expert_tensor: experts are split over tensor ranks where a row does not say.
      unstated: how its recipes run where a table says nothing of it, in the words of
        the column `other_config`.
      rank_by_rank: optimizer states are exchanged by one broadcast per rank.
      bubble_share: pipeline bubble over that of 1F1B [1].
      gradient_bytes: of stored and reduced gradients [B].
      scale_out_bandwidth: network of its cluster per chip, 0 for the machine's [B/s].
    """

    name: str
    base: str
    constants: str = ""
    tensor_overlap: bool = False
    data_overlap: bool = True
    expert_overlap: bool = False
    flash: bool = True
    fused_dispatch: bool = False
    sequence_parallel: bool = True
    sharding: str = "zero1"
    interleaves: bool = True
    interleave_unreliable: bool = False
    full_recompute: bool = True
    expert_tensor: bool = False
    unstated: str = ""
    rank_by_rank: bool = False
    bubble_share: float = 1.0
    gradient_bytes: float = 4.0
    scale_out_bandwidth: float = 0.0


class Practice(NamedTuple):
    """How something was run, by its stack and its row; numbers or arrays of them [1].

    Attributes:
      tensor_overlap, data_overlap, expert_overlap: traffic hides behind compute.
      unfused: attention stores its scores.
      fused_dispatch: a fused dispatch kernel (DeepEP, HybridEP).
      rank_by_rank, bubble: `Stack.rank_by_rank` and `Stack.bubble_share`.
      token_drop: experts have a capacity, tokens beyond it are dropped.
      full_graph: the whole iteration is one captured graph.
      partial_graph: parts of a layer are captured graphs.
      real_routing: tokens were routed by a trained router, not spread evenly.
      sink_attention: attention has learned sinks (GPT-OSS) and no fast kernel for
        them: on Blackwell before release 26.06, and in 26.06.01, whose notes name it.
    """

    tensor_overlap: ArrayLike
    data_overlap: ArrayLike
    expert_overlap: ArrayLike
    unfused: ArrayLike
    fused_dispatch: ArrayLike
    rank_by_rank: ArrayLike
    bubble: ArrayLike
    token_drop: ArrayLike = 0.0
    full_graph: ArrayLike = 0.0
    partial_graph: ArrayLike = 0.0
    real_routing: ArrayLike = 1.0
    sink_attention: ArrayLike = 0.0


@functools.cache
def _document() -> Mapping[str, Mapping]:
    file = resources.files("supernode_opt.calibration.data").joinpath("stacks.yaml")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def stacks() -> dict[str, Stack]:
    """Return every declared stack by name."""
    return {
        name: Stack(name, **{k: v for k, v in written.items() if k != "match"})
        for name, written in _document().items()
    }


def machine(label: str) -> str:
    """Return the catalog system that an `accelerator` cell names, itself or its chip.

    Raises:
      LookupError: there is none; the text says which name is nearest.
    """
    found = catalog.called("system", label)
    if found is None:
        known = [*catalog.names("system"), *catalog.names("chip")]
        near = difflib.get_close_matches(label.split(" (")[0], known, n=1)
        advice = f"; did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"unknown accelerator {label!r}{advice}")
    return found


def unfitted(base: str) -> str:
    """Return the kind of catalog entry that has the unfitted constants of `base`.

    Shipped software is declared before it is fitted; that of a machine of one's own
    has one entry alone.
    """
    declared = base in catalog.names("declared_software")
    return "declared_software" if declared else "software"


def _accelerator(run: Run) -> str:
    """Return what a row says of its accelerator, and the chip of a system it names."""
    label = run.text("accelerator")
    if label not in catalog.names("system"):
        return label
    return f"{label} {catalog.system(label).chip}"


def stack_of(run: Run) -> Stack:
    """Find the stack of a row: the first whose patterns its cells match."""
    cells = {"accelerator": _accelerator(run)}
    for name, written in _document().items():
        if all(
            re.search(pattern, cells.get(column, run.text(column)), re.IGNORECASE)
            for column, pattern in written.get("match", {}).items()
        ):
            return stacks()[name]
    raise LookupError("the last stack must match every row")


def as_documented(stack: Stack) -> Practice:
    """Return how a stack runs where no row says more: dropless, routed for real."""
    return Practice(
        tensor_overlap=float(stack.tensor_overlap),
        data_overlap=float(stack.data_overlap),
        expert_overlap=float(stack.expert_overlap),
        unfused=float(not stack.flash),
        fused_dispatch=float(stack.fused_dispatch),
        rank_by_rank=float(stack.rank_by_rank),
        bubble=stack.bubble_share,
    )


def practice_of(run: Run, stack: Stack) -> Practice:
    """Read what the row says about overlap, graphs and routing."""
    config = run.text("other_config").lower()
    balance = run.text("moe_balance").lower()
    flash = stack.flash
    if "flash" in config or "ascend" in _accelerator(run).lower():
        flash = "flash" in config and "no flash" not in config
    # Gemma 2 caps its attention scores, which fused kernels outside XLA do not.
    if re.match(r"gemma-?2", run.text("model").lower()) and stack.base != "maxtext_tpu":
        flash = False
    if not config and not run.text("config_provenance"):
        config = stack.unstated
    graph = re.search(r"cuda_graph=([^;]*)", config)
    captured = graph[1] if graph else ""
    full = "full_iteration" in captured

    def said(declared: bool, *words: str) -> float:
        return float(declared or any(word in config for word in words))

    return as_documented(stack)._replace(
        tensor_overlap=said(stack.tensor_overlap, "mc2", "async tp"),
        data_overlap=said(stack.data_overlap, "overlap-grad-reduce"),
        expert_overlap=said(stack.expert_overlap, "a2a_overlap", "dualpipe"),
        fused_dispatch=said(stack.fused_dispatch, "hybridep", "deepep"),
        unfused=float(not flash),
        token_drop=float("drop" in balance.replace("dropless", "")),
        full_graph=float(full),
        partial_graph=float("moe" in captured and not full),
        real_routing=float(balance.startswith("real")),
        sink_attention=float(_slow_sinks(run)),
    )


def _slow_sinks(run: Run) -> bool:
    sinks = "gpt-oss" in run.text("model").lower()
    blackwell = re.match(r"G?B[23]00", run.text("accelerator"))
    early = re.search(r"25\.|26\.0[0-5]|26\.06\.01", run.text("release_or_date"))
    return bool(sinks and blackwell and early)
