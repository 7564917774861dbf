"""How a job was run: the words for it, the numbers behind them, what is usual.

What a row or a study states is taken literally; of the rest its stack's usual practice
is taken, which `stacks.yaml` gives by release and machine.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from jax.typing import ArrayLike

from supernode_opt.calibration.data.graphs import GRAPHS, in_layers
from supernode_opt.calibration.data.stacks import Stack


class Practice(NamedTuple):
    """How something was run, by its stack and its row; numbers or arrays of them [1].

    Attributes:
      tensor_overlap, data_overlap, expert_overlap: traffic hides behind compute.
      unfused: attention stores its scores.
      fused_dispatch: a fused dispatch kernel (DeepEP, HybridEP).
      once_per_rank: a rank is sent one copy of a token for all its experts.
      rank_by_rank, bubble, copies: `Stack.rank_by_rank`, `Stack.bubble_share` and
        `Stack.pipeline_copies`.
      token_drop: experts have a capacity, tokens beyond it are dropped.
      full_graph: the whole iteration is one captured graph.
      partial_graph: parts of a layer are captured graphs, it is not said which; they
        count as none.
      captured, captured_experts: shares of a layer's launches, and of the host's own
        time in a layer of experts, that are captured graphs.
      stage_exposed: nothing hides what stages send to each other.
      prefetch: layers ahead of the one at work whose sharded parameters are gathered;
        the compute behind which that hides grows with it.
      capacity: `Stack.capacity`.
      warmup_hidden: of expert exchanges that hide, the share that does also in warm-up
        and cool-down.
      eager: 1 where kernels are issued one by one, `Stack.eager`, else `None`.
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
    copies: ArrayLike = 1.0
    token_drop: ArrayLike = 0.0
    full_graph: ArrayLike = 0.0
    partial_graph: ArrayLike = 0.0
    real_routing: ArrayLike = 1.0
    sink_attention: ArrayLike = 0.0
    captured: ArrayLike = 0.0
    captured_experts: ArrayLike = 0.0
    prefetch: ArrayLike = 1.0
    stage_exposed: ArrayLike = 0.0
    warmup_hidden: ArrayLike = 1.0
    capacity: ArrayLike = 1.0
    once_per_rank: ArrayLike = 0.0
    eager: ArrayLike | None = None


# How what is assumed of it begins.
USUAL = "usual practice"
_SWITCH = ("off", "on")
_NO_GRAPH = dict.fromkeys(
    ("full_graph", "partial_graph", "captured", "captured_experts"), 0.0
)
# Every field that can be stated, its words, and what each says of a `Practice`.
WORDS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    **{
        name: {word: {name: float(i)} for i, word in enumerate(_SWITCH)}
        for name in ("tensor_overlap", "data_overlap")
    },
    # MindSpeed's `moe-fb-overlap` hides all of it in 1F1B, where a forward pass stands
    # beside a backward one, and half in warm-up and cool-down (its documentation).
    "expert_overlap": {
        "off": {"expert_overlap": 0.0, "warmup_hidden": 1.0},
        "on": {"expert_overlap": 1.0, "warmup_hidden": 1.0},
        "half_in_warmup": {"expert_overlap": 1.0, "warmup_hidden": 0.5},
    },
    "flash_attention": {"off": {"unfused": 1.0}, "on": {"unfused": 0.0}},
    "sink_attention": {
        "fused": {"sink_attention": 0.0},
        "fallback": {"sink_attention": 1.0},
    },
    "dispatcher": {
        "all-to-all": {"fused_dispatch": 0.0, "once_per_rank": 0.0},
        # DeepEP sends by rank (`is_token_in_rank`); of the others nothing says so that
        # the fitted rates of their runs do not already hold.
        "deepep": {"fused_dispatch": 1.0, "once_per_rank": 1.0},
        **{
            name: {"fused_dispatch": 1.0, "once_per_rank": 0.0}
            for name in ("hybridep", "flex")
        },
    },
    "cuda_graphs": {
        "none": _NO_GRAPH,
        "partial": {**_NO_GRAPH, "partial_graph": 1.0},
        "full_iteration": {**_NO_GRAPH, "full_graph": 1.0},
        **GRAPHS,
    },
    # FSDP's and ZeRO-3's exchange of parameters: while the layer before is worked on,
    # one layer more than that held gathered; twice as far ahead (AutoModel's
    # `fsdp2_backward_prefetch_depth`); or when its turn has come.
    "parameter_gather": {
        "prefetched": {"prefetch": 1.0},
        "two_ahead": {"prefetch": 2.0},
        "on_demand": {"prefetch": 0.0},
    },
    "routing": {
        "natural": {"real_routing": 1.0, "token_drop": 0.0},
        "forced": {"real_routing": 0.0, "token_drop": 0.0},
        "dropped": {"real_routing": 0.0, "token_drop": 1.0},
    },
    # Bubbles over that of 1F1B: interleaving is a number of the design; ZB-H1 of
    # arXiv:2401.10241 keeps a third; DualPipe, see `dualpipe_h800` of the catalog,
    # holds parameters twice, which cutting it in half (DualPipeV) does away with: every
    # stage is a half of one and its mirror image (github.com/deepseek-ai/DualPipe).
    "schedule": {
        "1f1b": {"bubble": 1.0, "copies": 1.0},
        "interleaved": {"bubble": 1.0, "copies": 1.0},
        "zero_bubble": {"bubble": 1.0 / 3.0, "copies": 1.0},
        "dualpipe": {"bubble": 0.35, "copies": 2.0},
        "dualpipev": {"bubble": 0.35, "copies": 1.0},
    },
    # What stages send each other: as much hides as was fitted, or none of it.
    "stage_exchange": {
        "overlapped": {"stage_exposed": 0.0},
        "exposed": {"stage_exposed": 1.0},
    },
    "optimizer_exchange": {
        "collective": {"rank_by_rank": 0.0},
        "rank_by_rank": {"rank_by_rank": 1.0},
    },
}
# Words of a cell, and what they state; the first of a field counts.
_READ: tuple[tuple[str, str, str], ...] = (
    (r"mc2|ascend.coc|async ?tp|tp.comm.overlap", "tensor_overlap", "on"),
    (r"overlap.grad.reduce", "data_overlap", "on"),
    (r"moe.fb.overlap", "expert_overlap", "half_in_warmup"),
    (r"a2a.overlap|alltoall.overlap|dualpipe", "expert_overlap", "on"),
    (r"no flash|unfused attention", "flash_attention", "off"),
    (r"flash", "flash_attention", "on"),
    (r"hybridep", "dispatcher", "hybridep"),
    (r"deepep", "dispatcher", "deepep"),
    (r"dispatcher=(alltoall|all-to-all|allgather)", "dispatcher", "all-to-all"),
    (r"cuda_graph=[^;]*full_iteration", "cuda_graphs", "full_iteration"),
    (r"cuda_graph=[^;]*moe", "cuda_graphs", "partial"),
    (r"cuda_graph=none", "cuda_graphs", "none"),
    (r"\bzb\b|zero.bubble", "schedule", "zero_bubble"),
    (r"dualpipev", "schedule", "dualpipev"),
    (r"blocking p2p", "stage_exchange", "exposed"),
    (r"fsdp2_prefetch", "parameter_gather", "two_ahead"),
    (r"token.?drop|capacity", "routing", "dropped"),
    (r"^real|natural", "routing", "natural"),
    (r"balance", "routing", "forced"),
)
# Cells that list the flags of a script, or the switches of a recipe, list all of them.
_LISTING = r"\buse-|cuda_graph=|dispatcher=|a2a_overlap"


def stated(text: str) -> dict[str, str]:
    """Return what the words of a cell state, by field of `WORDS`."""
    found: dict[str, str] = {}
    text = text.lower().replace("dropless", "")
    for pattern, field, word in _READ:
        if re.search(pattern, text):
            found.setdefault(field, word)
    return found


def as_documented(stack: Stack) -> Practice:
    """Return how a stack runs where nothing says more: dropless, routed for real."""
    return Practice(
        tensor_overlap=float(stack.tensor_overlap),
        data_overlap=float(stack.data_overlap),
        expert_overlap=float(stack.expert_overlap),
        unfused=float(not stack.flash),
        fused_dispatch=float(stack.fused_dispatch),
        rank_by_rank=float(stack.rank_by_rank),
        bubble=stack.bubble_share,
        copies=stack.pipeline_copies,
        capacity=stack.capacity,
        eager=1.0 if stack.eager else None,
    )


def changed(practice: Practice, words: Mapping[str, str]) -> Practice:
    """Return a practice changed by `words` of `WORDS`."""
    for field, word in words.items():
        practice = practice._replace(**WORDS[field][word])
    return practice


def usual(stack: Stack, about: Mapping[str, str]) -> dict[str, str]:
    """Return the usual practice of a stack, by field of `WORDS`.

    Args:
      stack: the stack.
      about: cells that tell release, machine and kind of model, by column; `kind` is
        "moe" or "dense".
    """
    found: dict[str, str] = {}
    for one in stack.usual:
        if _matches(one.get("match", {}), about):
            found = {**stated(one["says"]), **found}
    if _slow_sinks(about):
        found["sink_attention"] = "fallback"
    return found


# Gemma 2 caps its attention scores, BLOOM biases them (ALiBi): outside a compiler
# their kernels are not fused, whatever a script asks for.
_UNFUSED = r"gemma-?2|bloom"


def _matches(patterns: Mapping[str, str], about: Mapping[str, str]) -> bool:
    return all(
        re.search(pattern, about.get(column, ""), re.IGNORECASE)
        for column, pattern in patterns.items()
    )


def _slow_sinks(about: Mapping[str, str]) -> bool:
    sinks = "gpt-oss" in about.get("model", "").lower()
    blackwell = re.search(r"\bG?B[23]00", about.get("accelerator", ""), re.IGNORECASE)
    release = about.get("release_or_date", "")
    return bool(
        sinks and blackwell and re.search(r"25\.|26\.0[0-5]|26\.06\.01", release)
    )


def practice_of(
    stack: Stack,
    about: Mapping[str, str],
    literal: Mapping[str, str],
    assumed: list[str],
) -> Practice:
    """Return how a job was run.

    Args:
      stack: its stack.
      about: see `usual`; its cells `other_config` and `moe_balance` are read as well.
      literal: what is stated in the words of `WORDS`.
      assumed: told what was taken from usual practice.
    """
    config = about.get("other_config", "").lower()
    routing = stated(about.get("moe_balance", ""))
    told = {**stated(config), **routing}
    if re.match(_UNFUSED, about.get("model", "").lower()) and not stack.compiled:
        told["flash_attention"] = "off"
    told |= literal
    taken = usual(stack, about)
    if re.search(_LISTING, config):
        # What such a cell does not list was off; of routing it says nothing.
        kept = ("routing", "sink_attention", "flash_attention")
        taken = {k: v for k, v in taken.items() if k in kept}
        if "use-" in config:
            taken.pop("flash_attention", None)
            told.setdefault("flash_attention", "off")
    open_ = {field: word for field, word in taken.items() if field not in told}
    if about.get("kind") == "dense":
        open_ = {f: w for f, w in open_.items() if f not in EXPERTS}
    if open_:
        assumed.append(f"{USUAL} of {stack.name}: {written(open_)}")
    words = {**taken, **told}
    if "cuda_graphs" in words:
        kind = about.get("kind", "")
        words["cuda_graphs"] = in_layers(words["cuda_graphs"], kind)
    return changed(as_documented(stack), words)


# Fields that say nothing of a dense model.
EXPERTS = ("expert_overlap", "dispatcher", "routing")


def written(words: Mapping[str, str]) -> str:
    """Write stated fields for people."""
    return ", ".join(f"{f.replace('_', ' ')} {w}" for f, w in words.items())


def words_of(practice: Practice, fields: Iterable[str] = WORDS) -> dict[str, str]:
    """Return the words that say what a practice is; the first of equal ones."""
    found = {}
    for field in fields:
        for word, meant in WORDS[field].items():
            if all(abs(getattr(practice, k) - v) < 1e-12 for k, v in meant.items()):
                found.setdefault(field, word)
    return found
