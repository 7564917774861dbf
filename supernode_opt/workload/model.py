"""The transformer to train: its shape, its parameters, its FLOPs per token."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import jax.numpy as jnp
from jax import Array

from supernode_opt.reading.node import did_you_mean
from supernode_opt.record import flag, record, static
from supernode_opt.units import (
    Count,
    Efficiency,
    Flag,
    NonNegative,
    Share,
    check,
    quantities,
    quantity,
)

Precision = Literal["bf16", "fp8", "mxfp8", "nvfp4"]
# `best` is settled before anything is computed.
_WORDS = {
    "precision": (*get_args(Precision), "best"),
    "attention_flops": ("causal", "full"),
    "gradients": ("kept", "made"),
    "gathered": ("again", "kept"),
    "standalone": ("none", "embedding", "loss", "both"),
    "mtp_stage": ("last", "own"),
}


@record
class Model:
    """Shape of a decoder-only transformer, dense or mixture of experts.

    `dense_layers` of the `layers` have a plain FFN of width `ffn`; the others route
    each token to `top_k` of `experts` experts of width `expert_ffn` and to
    `shared_experts` more of the same width.  With `attention="mla"` queries and keys
    have `head_dim + rope_dim` channels and values `value_dim`, through ranks
    `query_rank` (0: no compression) and `key_value_rank`.  With "factored" queries go
    through `query_rank`, `kv_heads` keys have `head_dim` channels and values
    `value_dim` (0: the key is the value), and outputs go through `output_rank` in each
    of `output_groups`.  Else attention is grouped-query with `kv_heads`.

    Attributes:
      node_limit: most scale-up domains one token's experts lie in (0: no limit) [1].
      mtp_layers: multi-token-prediction layers, each a full layer plus head [1].
      window: tokens a sliding-window layer looks back, or that a sparse one picks [1].
      chunk: tokens of the chunks inside which such layers attend instead [1].
      windowed_share: share of the layers whose attention is so limited [1].
      local: tokens at the end of the context that every layer keeps besides what it
        compresses [1].
      picked_entries, other_entries: entries of the cache per token of context, in
        layers whose attention is limited and in the others (DeepSeek-V4) [1].
      index_heads, index_dim: heads of the indexer that picks the tokens of a sparse
        layer, and their channels (0: the window slides) [1].
      linear_share: share of the layers with linear attention (gated delta rule), which
        keep a state and no cache; they are served, not trained [1].
      linear_heads, linear_key_heads, linear_dim: its value heads, its key heads, and
        the channels of either [1].
      linear_kernel: tokens that its convolution sees [1].
      attention_gate: 1 or true where queries bring a gate of the output along.
      gated: 1 or true for SwiGLU (three matrices), 0 for a plain FFN (two).
      tied: 1 or true where the LM head shares the embedding matrix.
      parallel_block: 1 or true where attention and FFN read one norm's output and are
        added together (GPT-J, PaLM).
      dropout: 1 or true where dropout masks are stored (GPT-3 era).
    """

    layers: Count
    hidden: Count
    heads: Count
    kv_heads: Count
    head_dim: Count
    ffn: NonNegative
    vocabulary: Count
    dense_layers: NonNegative
    experts: NonNegative = 0.0
    top_k: NonNegative = 0.0
    shared_experts: NonNegative = 0.0
    expert_ffn: NonNegative = 0.0
    query_rank: NonNegative = 0.0
    key_value_rank: NonNegative = 0.0
    rope_dim: NonNegative = 0.0
    value_dim: NonNegative = 0.0
    mtp_layers: NonNegative = 0.0
    window: NonNegative = 0.0
    chunk: NonNegative = 0.0
    windowed_share: Share = 0.0
    output_rank: NonNegative = 0.0
    output_groups: NonNegative = 0.0
    local: NonNegative = 0.0
    picked_entries: Efficiency = 1.0
    other_entries: Efficiency = 1.0
    index_heads: NonNegative = 0.0
    index_dim: NonNegative = 0.0
    linear_share: Share = 0.0
    linear_heads: NonNegative = 0.0
    linear_key_heads: NonNegative = 0.0
    linear_dim: NonNegative = 0.0
    linear_kernel: NonNegative = 0.0
    attention: Literal["gqa", "mla", "factored"] = static(default="gqa")
    node_limit: float = flag(default=0.0)
    gated: Flag = flag(default=1.0)
    tied: Flag = flag(default=0.0)
    dropout: Flag = flag(default=0.0)
    parallel_block: Flag = flag(default=0.0)
    attention_gate: Flag = flag(default=0.0)
    name: str = static(default="model")


# What counts something: a fraction of it cannot be written in a study.
_SHARES = ("windowed_share", "linear_share", "picked_entries", "other_entries")
MODEL_COUNTS = tuple(name for name, _ in quantities(Model) if name not in _SHARES)
TRAINING_COUNTS = ("sequence_length", "global_batch")


def contradiction(model: Model) -> str | None:
    """Say what the shape of `model` contradicts itself in; `None` if in nothing."""
    numbers = (getattr(model, name) for name in MODEL_COUNTS)
    if not all(isinstance(number, int | float) for number in numbers):
        # Programs may vary them.
        return None
    layers, dense, experts = model.layers, model.dense_layers, model.experts
    if dense > layers:
        return f"has more dense_layers than layers ({layers:g})"
    if model.top_k > experts:
        return f"has top_k above the number of experts ({experts:g})"
    if dense < layers and not experts:
        return (
            "has no experts, so that every layer is dense: dense_layers must be"
            f" {layers:g}, but is {dense:g}"
        )
    if model.windowed_share + model.linear_share > 1.0 + 1e-9:
        return "has more layers with a window or linear attention than layers"
    if model.linear_share and not (model.linear_heads and model.linear_dim):
        return "has linear attention without heads: linear_heads and linear_dim"
    if dense and not model.ffn:
        return "has dense layers without an FFN: ffn must be above 0"
    if dense < layers and not (model.top_k and model.expert_ffn):
        return "has experts that compute nothing: top_k and expert_ffn must be above 0"
    return None


def untrained(model: Model) -> str | None:
    """Say why training of `model` is not computed; `None` if it is."""
    share = model.linear_share
    if isinstance(share, int | float) and share:
        return "has layers with linear attention, which are served but not trained here"
    if model.attention == "factored":
        return "has factored attention, which is served but not trained here"
    return None


@record
class Training:
    """How the model is trained.

    Attributes:
      sequence_length: tokens per sequence [1].
      global_batch: sequences per optimizer step [1].
      weight_bytes: bytes per parameter of the stored weights [B].
      gradient_bytes: bytes per parameter of stored and reduced gradients [B].
      optimizer_bytes: bytes per parameter of master copy and moments; 12 is Adam in
        single precision, 8 with BF16 moments (DeepSeek-V3, arXiv:2412.19437) [B].
      optimizer_offload: share of the optimizer's states kept in host memory [1].
      activation_offload: share of the stored activations kept there [1].
      logit_bytes: held per logit: two bytes, and four for the loss [B].
      loss_chunks: pieces of the micro-batch whose logits are held one at a time [1].
      document_length: mean length, over tokens, of the documents that a sequence is
        packed of; attention stays inside them (0: one document) [1].
      first_stage_layers, last_stage_layers: of the pipeline's ends, where they are
        short (0: as the others) [1].
      lora_rank: of adapters, which alone are trained (0: every parameter is) [1].
      shard_ranks: most ranks that one copy of sharded states is spread over; further
        replicas hold copies (0: no limit) [1].
      expert_tensor_parallel: ranks that share every expert's matrices (Megatron-Core's
        size of that name); expert ranks stand that far apart (`None`: one) [1].
      standalone: ends of the pipeline that have a stage of their own, without layers
        (`E|` and `|L` of Megatron-Core's `pipeline_model_parallel_layout`).
      mtp_stage: whether layers that predict ahead are on the last stage, or on one of
        their own before it, with a copy of the embedding (`|m|L`).
      precision: of the GEMMs; decides which peak MFU is measured against.
      attention_flops: whether model FLOPs count all scores or their causal half.
      gradients: kept in buffers from step to step, or made by each backward pass.
      gathered: whether inputs that tensor ranks gather are gathered again for the
        backward pass, or kept.
    """

    sequence_length: Count
    global_batch: Count
    weight_bytes: quantity("B") = 2.0
    gradient_bytes: quantity("B") = 4.0
    optimizer_bytes: quantity("B", zero=True) = 12.0
    optimizer_offload: Share = 0.0
    activation_offload: Share = 0.0
    logit_bytes: quantity("B", zero=True) = 6.0
    loss_chunks: Count = 1.0
    document_length: float = flag(default=0.0)
    first_stage_layers: float = flag(default=0.0)
    last_stage_layers: float = flag(default=0.0)
    lora_rank: float = flag(default=0.0)
    shard_ranks: float = flag(default=0.0)
    # Without it no program knows of such ranks.
    expert_tensor_parallel: Count | None = flag(default=None)
    precision: Precision = static(default="bf16")
    attention_flops: Literal["causal", "full"] = static(default="causal")
    gradients: Literal["kept", "made"] = static(default="kept")
    gathered: Literal["again", "kept"] = static(default="again")
    standalone: Literal["none", "embedding", "loss", "both"] = static(default="none")
    mtp_stage: Literal["last", "own"] = static(default="last")

    @property
    def alone(self) -> tuple[bool, bool, bool]:
        """Whether embedding, loss and layers that predict ahead have own stages."""
        said, own = self.standalone, self.mtp_stage == "own"
        return said in ("embedding", "both"), said in ("loss", "both"), own

    def __post_init__(self) -> None:
        """Refuse what no study file could say; programs may compute with the rest.

        Raises:
          TypeError: text or a mapping stands where a number belongs.
          ValueError: a length is negative, or a word is unknown.
        """
        # A map over axes makes records of zeros, which `catalog.scenario` refuses.
        check(self, "training", at_zero=True)
        ranks = self.expert_tensor_parallel
        if isinstance(ranks, str | Mapping) or (
            isinstance(ranks, int | float) and ranks and ranks % 1.0 + (ranks < 0.0)
        ):
            name = "`training.expert_tensor_parallel`"
            raise ValueError(f"{name} must be a whole number from 1, but is {ranks!r}")
        for name, known in _WORDS.items():
            word = getattr(self, name)
            if isinstance(word, str) and word not in known:
                near = did_you_mean(word, known)
                raise ValueError(f"`training.{name}` must not be {word!r}{near}")
        for end, alone in zip(("first", "last"), self.alone, strict=False):
            layers = getattr(self, f"{end}_stage_layers")
            if alone and isinstance(layers, int | float) and layers:
                said = f"`training.standalone` is {self.standalone!r}"
                raise ValueError(f"{said}, but {end}_stage_layers is {layers:g}")


@record
class AnyTraining(Training):
    """Training whose precision is a number, so that one program serves all of them.

    Attributes:
      precision_weights: of every `Precision`, in the order in which it lists them [1].
    """

    precision_weights: Any


def attended_length(training: Training) -> Array:
    """Length over which a token attends: its document's, at most the sequence's [1]."""
    length = jnp.asarray(training.sequence_length)
    documents = jnp.asarray(training.document_length)
    return jnp.where(documents > 0.0, jnp.minimum(documents, length), length)


def frozen(training: Training) -> Array:
    """1 where the weights are frozen and adapters are trained, else 0 [1]."""
    return jnp.where(jnp.asarray(training.lora_rank) > 0.0, 1.0, 0.0)


def by_precision(training: Training, values: Mapping[str, Any]) -> Any:
    """Return the one of `values` that belongs to the training's precision."""
    if not isinstance(training, AnyTraining):
        return values[training.precision]
    weights = training.precision_weights
    return sum(weights[i] * values[name] for i, name in enumerate(get_args(Precision)))
