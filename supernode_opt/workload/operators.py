"""The matrix multiplications, attention and elementwise work of one layer pass.

All GEMMs of the model stand in one table of stacked shapes, so that one roofline call
times them all.  Shapes are per rank and micro-batch, forward pass; backward repeats
each GEMM twice (data and weight gradient).

Attention is FlashAttention's (Dao et al. 2022, arXiv:2205.14135), whose backward pass
computes the scores again: five products for the forward pass's two.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import rows
from supernode_opt.workload.model import Model, Training, attended_length

# Bytes per token, layer and hidden channel that residual, normalisation and rotary
# kernels move in the forward pass; fitted on training runs of dense models to within
# their 4 % noise, with one multiplier per software stack.
RESIDUAL_TRAFFIC = 28.0
# Bytes of one operand; NVFP4 adds a one-byte scale per sixteen values.
OPERAND_BYTES = {"bf16": 2.0, "fp8": 1.0, "mxfp8": 1.03, "nvfp4": 0.56}
BACKWARD_ATTENTION = 2.5  # flash attention: five matrix products against two
BACKWARD_ELEMENTWISE = 1.6
FORWARD_KERNELS = 20.0
BACKWARD_KERNELS = 34.0


class Split(NamedTuple):
    """The sizes of a rank's share of the work; arrays of one batch shape.

    Attributes:
      tensor, context, expert: parallel sizes [1].
      sequence: 1 where sequence parallelism is on, else 0 [1].
      tokens: per rank and micro-batch, before tensor parallelism [1].
      expert_tensor: ranks that share every expert's matrices, `None` for one [1].
    """

    tensor: ArrayLike
    context: ArrayLike
    expert: ArrayLike
    sequence: ArrayLike
    tokens: ArrayLike
    expert_tensor: ArrayLike | None = None

    @property
    def tokens_after_tensor(self) -> Array:
        """Tokens of a rank where the sequence is spread over tensor ranks [1].

        Expert layers always work on spread tokens: expert ranks are folded over the
        tensor ranks.
        """
        return jnp.asarray(self.tokens / self.tensor)


class Gemms(NamedTuple):
    """Stacked GEMM shapes [operator, *batch]; `groups` weight matrices of N x K each.

    `rows` are tokens per group.  `grouped` is 1 for the experts' grouped kernels,
    `kept` for those that stay in BF16 whatever the precision of the others.  `inputs`
    and `outputs` say over how many tensor ranks those were spread before or are
    afterwards (sequence parallelism).
    """

    names: tuple[str, ...]
    rows: Array
    columns: Array
    inner: Array
    groups: Array
    grouped: Array
    kept: Array
    inputs: Array
    outputs: Array


def query_width(model: Model) -> Any:
    """Channels of one head's query and key [1]."""
    return model.head_dim + (model.rope_dim if model.attention == "mla" else 0.0)


def value_width(model: Model) -> Any:
    """Channels of one head's value [1]."""
    return model.value_dim if model.attention == "mla" else model.head_dim


def key_value_channels(model: Model, tensor: ArrayLike) -> Array:
    """Key plus value channels held by one tensor rank [1].

    Grouped-query heads are replicated where there are fewer than tensor ranks.
    """
    if model.attention == "mla":
        return jnp.asarray(
            model.heads * (query_width(model) + value_width(model)) / tensor
        )
    return jnp.maximum(model.kv_heads / tensor, 1.0) * 2.0 * model.head_dim


def _attention_gemms(
    model: Model, split: Split, gathered: Any, scattered: Any
) -> list[tuple[Any, ...]]:
    tokens, tensor, hidden = split.tokens, split.tensor, model.hidden
    width = model.heads * value_width(model) / tensor
    out = ("attention out", tokens, hidden, width, *scattered)
    if model.attention == "gqa":
        columns = model.heads * model.head_dim / tensor
        columns = columns + key_value_channels(model, tensor)
        return [("query key value", tokens, columns, hidden, *gathered), out]
    # The compressions run on the rank's own part of the sequence, unsplit in width.
    spread = tokens / (1.0 + split.sequence * (tensor - 1.0))
    rank = model.key_value_rank
    no_rope = model.heads * (model.head_dim + value_width(model)) / tensor
    query = model.heads * query_width(model) / tensor
    compressed = jnp.asarray(model.query_rank) > 0.0
    query_inner = jnp.where(compressed, model.query_rank, hidden)
    return [
        ("query down", spread, model.query_rank, hidden),
        ("query up", tokens, query, query_inner, *gathered),
        ("key value down", spread, rank + model.rope_dim, hidden),
        ("key value up", tokens, no_rope, rank, *gathered),
        out,
    ]


def layer_gemms(model: Model, split: Split) -> tuple[Gemms, dict[str, slice]]:
    """Return all GEMMs of the model and which rows belong to which part.

    The parts are "attention", "dense" (FFN), "expert" (mixture-of-experts layer),
    "head" (LM head and loss) and "ahead": what joins the state of a token and the next
    token's embedding before a layer that predicts one more (DeepSeek-V3,
    arXiv:2412.19437, equation 21), on every rank's own part of the sequence.
    """
    spread_over = 1.0 + split.sequence * (split.tensor - 1.0)
    gathered = (1.0, 0.0, 0.0, spread_over, 1.0)
    scattered = (1.0, 0.0, 0.0, 1.0, spread_over)
    attention = _attention_gemms(model, split, gathered, scattered)
    tensor, hidden, tokens = split.tensor, model.hidden, split.tokens
    halves = 1.0 + model.gated
    dense = [
        ("ffn up", tokens, halves * model.ffn / tensor, hidden, *gathered),
        ("ffn down", tokens, hidden, model.ffn / tensor, *scattered),
    ]
    spread = split.tokens_after_tensor
    shared = model.shared_experts * model.expert_ffn
    experts = jnp.maximum(model.experts, 1.0)
    local = experts / split.expert
    per_expert, width = spread * model.top_k / local, model.expert_ffn
    to_experts, from_experts = (), ()
    if split.expert_tensor is not None:
        # Each works on what all of them were sent, over its part of the channels.
        several = split.expert_tensor
        per_expert, width = per_expert * several, width / several
        to_experts, from_experts = (0.0, several, 1.0), (0.0, 1.0, several)
    expert = [
        ("router", spread, experts, hidden, 1.0, 0.0, 1.0),
        ("shared up", spread, halves * shared, hidden),
        ("shared down", spread, hidden, shared),
        ("expert up", per_expert, halves * width, hidden, local, 1.0, *to_experts),
        ("expert down", per_expert, hidden, width, local, 1.0, *from_experts),
    ]
    head = [("lm head", tokens, model.vocabulary / tensor, hidden, 1.0, 0.0, 1.0)]
    ahead = [("join ahead", spread, hidden, 2.0 * hidden)]
    table = (*attention, *dense, *expert, *head, *ahead)
    defaults = (1.0, 0.0, 0.0, 1.0, 1.0)
    whole = [(*row, *defaults[len(row) - 4 :]) for row in table]
    names, *columns = zip(*whole, strict=True)
    everything = jnp.broadcast_arrays(
        *(value for column in columns for value in column)
    )
    shapes = jnp.stack(everything).reshape(8, len(whole), *everything[0].shape)
    parts, start = {}, 0
    for name, part in (
        ("attention", attention),
        ("dense", dense),
        ("expert", expert),
        ("head", head),
        ("ahead", ahead),
    ):
        parts[name] = slice(start, start + len(part))
        start += len(part)
    return Gemms(names, *rows(shapes)), parts


def attention_flops(model: Model, training: Training, split: Split) -> Array:
    """FLOPs of the causal attention core, one layer, forward, per rank [flop].

    Averaged over the layers, of which some may see only a sliding window.
    """
    channels = model.heads * (query_width(model) + value_width(model)) / split.tensor
    length = attended_length(training)
    # A token at position i sees min(i, window) others: w (1 - w / 2 s) on average,
    # beside s / 2 without a window and c / 2 in a chunk.
    seen = jnp.minimum(model.window, length) / length
    chunk = jnp.asarray(model.chunk)
    limited = jnp.where(
        chunk > 0.0, jnp.minimum(chunk / length, 1.0), seen * (2.0 - seen)
    )
    share = 1.0 - model.windowed_share * (1.0 - limited)
    return split.tokens * length * channels * share


def attention_bytes(model: Model, split: Split) -> Array:
    """Bytes the attention core streams, one layer, forward, per rank [B]."""
    query = model.heads * (query_width(model) + value_width(model)) / split.tensor
    return 2.0 * split.tokens * (query + key_value_channels(model, split.tensor))


class Streamed(NamedTuple):
    """Bytes of elementwise kernels of one layer, forward, per rank [*batch] [B].

    Attributes:
      norm: residuals, normalisations and rotary embeddings, in every layer.
      dense, expert: gates of a dense FFN and of the experts.
      routing: permuting the routed tokens.
    """

    norm: Array
    dense: Array
    expert: Array
    routing: Array


def elementwise_bytes(model: Model, split: Split) -> Streamed:
    """Return what elementwise kernels move in the forward pass of one layer."""
    divisor = 1.0 + split.sequence * (split.tensor - 1.0)
    # Of two norms and two sums a parallel block has one.
    residual = RESIDUAL_TRAFFIC * (1.0 - 0.5 * model.parallel_block)
    residual = residual * model.hidden * split.tokens / divisor
    passes = 4.0 + 2.0 * model.gated
    dense = passes * model.ffn * split.tokens / split.tensor
    spread = split.tokens_after_tensor
    width = (model.top_k + model.shared_experts) * model.expert_ffn
    # Permutation writes and reads each routed copy on the way out and back.
    moved = 8.0 * model.top_k * model.hidden
    return Streamed(
        *jnp.broadcast_arrays(residual, dense, spread * passes * width, spread * moved)
    )
