"""The products of one layer on a rank that serves, and how long they take.

The shapes are those of training (`workload.products`); what differs is that weights are
read anew in every pass, of which only the experts that some token picked, that tensor
ranks keep whole activations, and that weights may be narrower than what multiplies
them.

A product over `T` tokens that reads `G` matrices takes the norm of its arithmetic,
`T computing + G filling`, and of its memory, `T moving + G reading` (a roofline;
Williams, Waterman and Patterson 2009).  The four do not depend on the batch.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import combined, maximum, root, stack
from supernode_opt.system.kernels import KERNEL_OVERLAP
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.pool import Pool
from supernode_opt.system.serving.rate import rate_of
from supernode_opt.workload.mixers import mixer_shares, mixers
from supernode_opt.workload.model import Model
from supernode_opt.workload.products import GROUPED, Product, products
from supernode_opt.workload.serving import FORMATS, Formats

# Tokens below which a tile takes no longer to fill.
_LEAST_ROWS = 1e-3
# Weights of four bits with their scales take less [B].
_FOUR_BITS = 0.9
# Of every format the stack's constant that says which share of its peak it reaches.
_EFFICIENCIES = {
    "fp8": "fp8_efficiency",
    "mxfp8": "fp8_efficiency",
    "int8": "int8_efficiency",
    "mxfp4": "fp4_efficiency",
    "nvfp4": "fp4_efficiency",
}
# What the time of products is told by.
PARTS = ("attention", "index", "linear", "dense", "expert", "grouped", "head", "ahead")
# Parts of models that are served alone.
_SERVED = ("index", "linear")


class Shapes(NamedTuple):
    """Products of a layer, the head and the joint of drafts [operator, *batch].

    Those over all tokens of a group come first, then the head, then the experts'.

    Attributes:
      names, parts: of the operators, and which of `PARTS` each belongs to.
      kept: whether each stays in BF16.
      columns, inner: of a matrix on one rank [1].
    """

    names: tuple[str, ...]
    parts: tuple[str, ...]
    kept: tuple[bool, ...]
    columns: Array
    inner: Array


class Costs(NamedTuple):
    """What products take, by token and by matrix, each [operator, *batch].

    Attributes:
      parts: to which of `PARTS` each belongs.
      computing, moving: per token, in arithmetic and in memory [s].
      filling, reading: per matrix [s].
      flops: per token [flop].
      busy: per token, of arithmetic at its peak rate [s].
      weights: of a matrix [B].
    """

    parts: tuple[str, ...]
    computing: Array
    moving: Array
    filling: Array
    reading: Array
    flops: Array
    busy: Array
    weights: Array


def touched_share(model: Model, tokens: ArrayLike) -> Array:
    """Share of the experts that some of `tokens` picks [1].

    `1 - (1 - k / E)^T` for picks at random without repetition (the expected number of
    occupied cells; Feller, An Introduction to Probability Theory I, section IX.3).
    """
    share = jnp.minimum(model.top_k / jnp.maximum(model.experts, 1.0), 1.0 - 1e-9)
    return -jnp.expm1(tokens * jnp.log1p(-share))


def read_experts(held: ArrayLike, touched: Array, greatest: ArrayLike) -> Array:
    """Experts that the rank reads which reads most [1].

    Of `held` experts each is picked or not; `greatest` is the expected greatest of as
    many standard normals as there are ranks, and all wait for it.
    """
    spread = root(held * touched * (1.0 - touched))
    return jnp.maximum(jnp.minimum(held * touched + greatest * spread, held), 1e-9)


def shapes(model: Model, pool: Pool) -> Shapes:
    """Return the products of a rank of the pool."""
    table = products(model, 1.0)
    whole = mixers(model, pool.tensor)
    whole |= {name: table[name] for name in ("dense", "expert", "ahead", "head")}
    first = [(p, one) for p, some in whole.items() for one in some]
    members = [(p, one) for p, one in first if one.name not in GROUPED]
    members += [("grouped", one) for _, one in first if one.name in GROUPED]
    own = 1.0 - pool.alone(model)
    widths = [_widths(one, pool, own) for _, one in members]
    columns, inner = (stack(*column) for column in zip(*widths, strict=True))
    return Shapes(
        tuple(one.name for _, one in members),
        tuple(part for part, _ in members),
        tuple(one.kept for _, one in members),
        *jnp.broadcast_arrays(columns, inner),
    )


def _widths(one: Product, pool: Pool, own: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    """Columns and inner channels of a product on one rank [1]."""
    wide, deep, tensor, sharing = one.columns, one.inner, pool.tensor, pool.sharing
    if one.name == "expert up":
        # Every expert's middle is divided among those that share it.
        return wide / sharing, deep
    if one.name == "expert down":
        return wide, deep / sharing
    if one.name == "shared up":
        return own * wide / tensor, deep
    if one.name == "shared down":
        return wide, own * deep / tensor
    split = one.split
    return wide / tensor if split[0] else wide, deep / tensor if split[1] else deep


def layers_with(model: Model) -> dict[str, ArrayLike]:
    """Return how many layers have each of `PARTS`; head and joint are counted once."""
    sparse = model.layers - model.dense_layers
    mixing = {name: model.layers * s for name, s in mixer_shares(model).items()}
    others = {"dense": model.dense_layers, "expert": sparse, "grouped": sparse}
    return {**mixing, **others, "head": 1.0, "ahead": 0.0}


class Rates(NamedTuple):
    """What products run at on one rank.

    Attributes:
      bf16, plain, experts: products that stay in BF16, others, and experts' [flop/s].
      memory: reading of weights [B/s].
      narrow: the same where single products read weights of four bits [B/s].
    """

    bf16: ArrayLike
    plain: ArrayLike
    experts: ArrayLike
    memory: ArrayLike
    narrow: ArrayLike


def rates(
    scenario: Scenario, formats: Formats, clock: ArrayLike, sent: ArrayLike
) -> Rates:
    """Return the rates of products at a clock, before tiles are filled.

    `sent` is 1 where tokens are dispatched to experts on other ranks, else 0.
    """
    chip, software = scenario.chip, scenario.software
    best = chip.array_efficiency * software.gemm_efficiency * clock
    shares = [
        getattr(software, _EFFICIENCIES[name]) if name in _EFFICIENCIES else 1.0
        for name in FORMATS
    ]

    def of(arithmetic: Array) -> Array:
        share = sum(w * s for w, s in zip(arithmetic, shares, strict=True))
        return rate_of(chip, arithmetic) * share * best

    streaming = chip.hbm_bandwidth * chip.hbm_efficiency * software.memory_efficiency
    four = jnp.where(
        jnp.asarray(formats.weight_bytes) < _FOUR_BITS,
        software.fp4_memory_efficiency,
        1.0,
    )
    grouped = software.dispatched_efficiency * sent
    grouped = grouped + software.expert_efficiency * (1.0 - sent)
    return Rates(
        chip.peak_bf16 * best,
        of(formats.arithmetic),
        of(formats.expert_arithmetic) * grouped,
        streaming,
        streaming * four,
    )


def product_costs(
    table: Shapes,
    scenario: Scenario,
    formats: Formats,
    clock: ArrayLike,
    again: ArrayLike = 1.0,
    sent: ArrayLike = 0.0,
) -> Costs:
    """Return what the products of a table take; training's forward kernels do.

    Args:
      table: their shapes.
      scenario: chip and stack.
      formats: precisions.
      clock: of the chip [1].
      again: tokens, over those of the pass, that the compressed keys and values are
        brought to their width of: those that were cached as well [1].
      sent: 1 where tokens are dispatched to experts on other ranks, else 0.
    """
    software, rate = scenario.software, rates(scenario, formats, clock, sent)
    grouped = [name in GROUPED for name in table.names]
    kinds = list(zip(grouped, table.kept, strict=True))
    depth = table.columns.ndim - 1

    def of(kept: ArrayLike, plain: ArrayLike, experts: ArrayLike) -> Array:
        """One of three for every product."""
        made = stack(*(kept if k else experts if g else plain for g, k in kinds))
        return made.reshape(-1, *(1,) * depth) if made.ndim == 1 else made

    width = of(2.0, formats.weight_bytes, formats.expert_bytes)
    operand = of(2.0, formats.activation_bytes, formats.activation_bytes)
    each = 1.0 / of(rate.bf16, rate.plain, rate.experts)
    reading = 1.0 / of(rate.memory, rate.narrow, rate.memory)
    filled = of(software.gemm_tokens, software.gemm_tokens, software.expert_tokens)
    columns, inner = table.columns, table.inner
    weights = columns * inner
    thin = inner * jnp.minimum(columns, 1.0) + columns * jnp.minimum(inner, 1.0)
    filling = 2.0 / rate.bf16
    # Those that training has, too, read and write for nothing where they are empty.
    mixing = stack(*(float(part in _SERVED) for part in table.parts))
    mixing = mixing.reshape(-1, *(1,) * depth)
    some = 1.0 - mixing * (1.0 - jnp.minimum(columns, 1.0) * jnp.minimum(inner, 1.0))
    known = stack(*(again if n == "key value up" else 1.0 for n in table.names))
    known = known.reshape(-1, *(1,) * depth) if known.ndim == 1 else known
    flops = 2.0 * weights * known
    return Costs(
        parts=table.parts,
        computing=flops * each + filling * software.gemm_width * thin * known,
        moving=some * (operand * inner + 2.0 * columns) * reading * known,
        # pyrefly: ignore[bad-argument-type]
        filling=filling * filled * weights,
        reading=width * weights * reading,
        flops=flops,
        busy=flops * each,
        weights=width * weights,
    )


def by_token_and_matrix(
    values: Array, tokens: ArrayLike, heads: ArrayLike, sent: ArrayLike
) -> Array:
    """Multiply `values` [operator, *batch] by the tokens that each works on."""
    return jnp.concatenate(
        [values[:-3] * tokens, values[-3:-2] * heads, values[-2:] * sent]
    )


def product_times(
    costs: Costs, tokens: Array, heads: Array, sent: Array, read: Array
) -> dict[str, Array]:
    """Time every part of the table, of one layer that has it [*batch] [s].

    Args:
      costs: of the products.
      tokens, heads: of a group, and those of them that go through the head [1].
      sent: tokens that reach the experts of the busiest rank [1].
      read: experts that it reads [1].
    """

    def taken(part: slice, count: Array, matrices: ArrayLike, rows: Array) -> Array:
        some = jnp.minimum(rows / _LEAST_ROWS, 1.0) * matrices
        computing = count * costs.computing[part] + some * costs.filling[part]
        moving = count * costs.moving[part] + matrices * costs.reading[part]
        return maximum(computing, moving, KERNEL_OVERLAP)

    times = jnp.concatenate(
        [
            taken(slice(-3), tokens, 1.0, tokens),
            taken(slice(-3, -2), heads, 1.0, heads),
            taken(slice(-2, None), sent, read, sent / read),
        ]
    )
    ones = [[part == name for part in costs.parts] for name in PARTS]
    return dict(zip(PARTS, combined(ones, times), strict=True))


def product_work(
    costs: Costs, model: Model, tokens: Array, heads: Array, sent: Array, read: Array
) -> tuple[Any, Any, Any]:
    """Return FLOPs [flop], time at the peak rate [s] and weights read [B] of a pass."""
    count = layers_with(model)
    often = stack(*(count[part] for part in costs.parts))
    often = often.reshape(-1, *(1,) * (costs.flops.ndim - 1))
    done, busy, weights = (
        often * one for one in (costs.flops, costs.busy, costs.weights)
    )

    def total(values: Array, plain: Array, head: Array, experts: Array) -> Array:
        summed = jnp.sum(values[:-3], 0) * plain + values[-3] * head
        return summed + jnp.sum(values[-2:], 0) * experts

    return (
        total(done, tokens, heads, sent),
        total(busy, tokens, heads, sent),
        total(weights, jnp.ones_like(tokens), jnp.ones_like(heads), read),
    )
