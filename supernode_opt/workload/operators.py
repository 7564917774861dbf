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

from supernode_opt.smooth import stack
from supernode_opt.workload.model import Model, Training, attended_length
from supernode_opt.workload.products import (
    GROUPED,
    TOKENS,
    Product,
    products,
    query_width,
    value_width,
)

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

    What is the same in the whole batch has axes of one there.

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


def key_value_channels(model: Model, tensor: ArrayLike) -> Array:
    """Key plus value channels held by one tensor rank [1].

    Grouped-query heads are replicated where there are fewer than tensor ranks.
    """
    if model.attention == "mla":
        return jnp.asarray(
            model.heads * (query_width(model) + value_width(model)) / tensor
        )
    return jnp.maximum(model.kv_heads / tensor, 1.0) * 2.0 * model.head_dim


def layer_gemms(model: Model, split: Split) -> tuple[Gemms, dict[str, slice]]:
    """Return all GEMMs of the model and which rows belong to which part.

    The parts are "attention", "dense" (FFN), "expert" (mixture-of-experts layer),
    "head" (LM head and loss) and "ahead": what joins the state of a token and the next
    token's embedding before a layer that predicts one more (DeepSeek-V3,
    arXiv:2412.19437, equation 21), on every rank's own part of the sequence.

    What varies with the split is spread over the operators by zeros and ones: stacked
    operator by operator it would be written and read again, and backwards more so.
    """
    over = 1.0 if split.expert_tensor is None else split.expert_tensor
    parts: dict[str, slice] = {}
    table: list[Product] = []
    for part, members in products(model, over).items():
        parts[part] = slice(len(table), len(table) + len(members))
        table += members
    varying = (split.tokens, split.tensor, split.expert, split.sequence)
    depth = len(jnp.broadcast_shapes(*map(jnp.shape, varying)))

    def column(values: Any) -> Array:
        """Give `values` [operator, *own] the axes of the batch."""
        return values.reshape(
            len(table), *(1,) * (depth + 1 - values.ndim), *values.shape[1:]
        )

    def where(chosen: list[bool]) -> Array:
        return column(jnp.asarray(chosen, float))

    def widths(name: str, place: int) -> Array:
        shared = where([one.split[place] for one in table])
        given = column(stack(*(getattr(one, name) for one in table)))
        return given * (shared / split.tensor + (1.0 - shared))

    spread_over = 1.0 + split.sequence * (split.tensor - 1.0)
    spread = split.tokens_after_tensor
    local = jnp.maximum(model.experts, 1.0) / split.expert
    counts = {
        "all": split.tokens,
        "own": split.tokens / spread_over,
        "spread": spread,
        # Each works on what all that share an expert were sent.
        "sent": spread * model.top_k / local * over,
    }
    kinds = [one.tokens for one in table]
    used = [name for name in TOKENS if name in kinds]
    columns = widths("columns", 0)
    if model.attention == "gqa":
        more = key_value_channels(model, split.tensor)
        columns = columns + where([one is table[0] for one in table]) * more
    gathered = where([one.gathered for one in table])
    scattered = where([one.scattered for one in table])
    grouped = where([one.name in GROUPED for one in table])
    to_experts, from_experts = 0.0, 0.0
    if split.expert_tensor is not None:
        to_experts, from_experts = (
            where([one.name == name for one in table]) for name in GROUPED
        )
    names = tuple(one.name for one in table)
    return Gemms(
        names,
        rows=sum(
            (where([k == name for k in kinds]) * counts[name] for name in used),
            start=jnp.zeros(()),
        ),
        columns=columns,
        inner=widths("inner", 1),
        groups=grouped * local + (1.0 - grouped),
        grouped=grouped,
        kept=where([one.kept for one in table]),
        inputs=gathered * spread_over
        + to_experts * over
        + (1.0 - gathered - to_experts),
        outputs=scattered * spread_over
        + from_experts * over
        + (1.0 - scattered - from_experts),
    ), parts


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
