"""The products of one layer on a rank that serves, and how long they take.

The shapes are those of training (`workload.products`); what differs is that weights are
read anew in every pass, of which only the experts that some token picked, that tensor
ranks keep whole activations, and that weights may be narrower than what multiplies them.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import greatest_normal, maximum, root, stack
from supernode_opt.system.kernels import KERNEL_OVERLAP
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.pool import Pool
from supernode_opt.system.serving.rate import rate_of
from supernode_opt.workload.model import Model
from supernode_opt.workload.operators import key_value_channels
from supernode_opt.workload.products import GROUPED, products
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


class Table(NamedTuple):
    """Products of a layer, a head and a joint of drafts, stacked [operator, *batch].

    Attributes:
      names: of the operators.
      parts: of which part each is: attention, dense, expert, head, ahead.
      rows: tokens of one matrix; of experts, of one that some token picked [1].
      columns, inner: of a matrix on one rank [1].
      groups: matrices that are read [1].
      held: matrices that the rank holds [1].
    """

    names: tuple[str, ...]
    parts: tuple[str, ...]
    rows: Array
    columns: Array
    inner: Array
    groups: Array
    held: Array


def touched_share(model: Model, tokens: ArrayLike) -> Array:
    """Share of the experts that some of `tokens` picks [1].

    `1 - (1 - k / E)^T` for picks at random without repetition (the expected number of
    occupied cells; Feller, An Introduction to Probability Theory I, section IX.3).
    """
    share = jnp.minimum(model.top_k / jnp.maximum(model.experts, 1.0), 1.0 - 1e-9)
    return -jnp.expm1(tokens * jnp.log1p(-share))


def alone(model: Model, pool: Pool) -> Array:
    """1 where every rank holds one expert, and shared ones have ranks of their own.

    They are dispatched to like routed ones (CloudMatrix-Infer, arXiv:2506.12708: 320
    ranks for 256 routed experts, their copies and the shared one's).
    """
    routed = jnp.maximum(model.experts, 2.0)
    return jnp.where(jnp.asarray(pool.expert) >= routed, 1.0, 0.0)


def picks(model: Model, pool: Pool) -> Array:
    """Experts that a token is sent to [1]."""
    return model.top_k + alone(model, pool) * model.shared_experts


def layer_table(model: Model, pool: Pool, tokens: ArrayLike, heads: ArrayLike) -> Table:
    """Return the products of a rank for a pass over `tokens` of each of its groups.

    `heads` of them go through the LM head.
    """
    tokens = jnp.asarray(tokens)
    tensor, sharing, held = pool.tensor, pool.sharing, pool.held(model)
    # Tokens of all groups of the instance reach the experts.
    together = tokens * pool.data
    touched = touched_share(model, together)
    own = 1.0 - alone(model, pool)
    # Copies of an expert share its tokens; what a rank is sent is what all send.
    sent = together * picks(model, pool) / pool.expert
    # Ranks wait for the one that reads most: of `held` experts each is picked or not.
    spread = root(held * touched * (1.0 - touched))
    read = jnp.minimum(held * touched + greatest_normal(pool.expert) * spread, held)
    read = jnp.maximum(read, 1e-9)
    names, parts, columns = [], [], []
    for part, members in products(model, 1.0).items():
        for one in members:
            of_experts = one.name in GROUPED
            of_shared = one.name.startswith("shared")
            over = tensor
            wide, deep = one.columns, one.inner
            if of_experts:
                # Every expert's middle is divided among those that share it.
                wide = wide / sharing if one.name == "expert up" else wide
                deep = deep / sharing if one.name == "expert down" else deep
            elif one.name == "shared up":
                wide = wide / over
            elif one.name == "shared down":
                deep = deep / over
            else:
                wide = wide / over if one.split[0] else wide
                deep = deep / over if one.split[1] else deep
            if one.name == "query key value":
                wide = wide + key_value_channels(model, tensor)
            names.append(one.name)
            parts.append(part)
            columns.append(
                (
                    sent / read if of_experts else heads if part == "head" else tokens,
                    wide,
                    deep,
                    read if of_experts else own if of_shared else 1.0,
                    held if of_experts else 1.0,
                )
            )
    shape = jnp.broadcast_shapes(jnp.shape(tokens), jnp.shape(read), jnp.shape(tensor))
    rows, wide, deep, groups, holds = (
        stack(*(jnp.broadcast_to(x, shape) for x in column))
        for column in zip(*columns, strict=True)
    )
    return Table(tuple(names), tuple(parts), rows, wide, deep, groups, holds)


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


def rates(scenario: Scenario, formats: Formats, clock: ArrayLike) -> Rates:
    """Return the rates of products at a clock, before tiles are filled."""
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
    return Rates(
        chip.peak_bf16 * best,
        of(formats.arithmetic),
        of(formats.expert_arithmetic) * software.expert_efficiency,
        streaming,
        streaming * four,
    )


def product_times(
    table: Table, scenario: Scenario, formats: Formats, clock: ArrayLike, busiest: Array
) -> tuple[dict[str, Array], Array]:
    """Time every part of the table.

    The time of a product is training's (`system.kernels.gemm_passes`, forward).

    Args:
      table: shapes.
      scenario: chip and stack.
      formats: precisions.
      clock: of the chip [1].
      busiest: load of the busiest expert rank over the mean [1].

    Returns:
      Time of every part, [*batch] each [s], and FLOPs of every operator [flop].
    """
    software, rate = scenario.software, rates(scenario, formats, clock)
    grouped = [name in GROUPED for name in table.names]
    kept = [name in ("router", "lm head") for name in table.names]
    depth = table.rows.ndim - 1

    def per(values: list[ArrayLike]) -> Array:
        made = stack(*values)
        if made.ndim == 1:
            return made.reshape(-1, *(1,) * depth)
        return made

    width = per(
        [
            2.0 if k else formats.expert_bytes if g else formats.weight_bytes
            for g, k in zip(grouped, kept, strict=True)
        ]
    )
    operand = per([2.0 if k else formats.activation_bytes for k in kept])
    fast = per(
        [
            rate.bf16 if k else rate.experts if g else rate.plain
            for g, k in zip(grouped, kept, strict=True)
        ]
    )
    filled = per(
        [software.expert_tokens if g else software.gemm_tokens for g in grouped]
    )
    load = per([busiest if g else 1.0 for g in grouped])
    rows, columns, inner = table.rows * load, table.columns, table.inner
    all_rows = rows * table.groups
    flops = 2.0 * all_rows * columns * inner
    thin = all_rows * (
        inner * jnp.minimum(columns, 1.0) + columns * jnp.minimum(inner, 1.0)
    )
    some = jnp.minimum(rows / _LEAST_ROWS, 1.0)
    weights = table.groups * columns * inner
    filling = software.gemm_width * thin + filled * some * weights
    arithmetic = flops / fast + 2.0 * filling / rate.bf16
    moved = width * weights + operand * all_rows * inner + 2.0 * all_rows * columns
    reading = per(
        [
            rate.memory if k or g else rate.narrow
            for g, k in zip(grouped, kept, strict=True)
        ]
    )
    time = maximum(arithmetic, moved / reading, KERNEL_OVERLAP)
    found: dict[str, Array] = {}
    for name, part, one in zip(table.names, table.parts, time, strict=True):
        key = "grouped" if name in GROUPED else part
        found[key] = found[key] + one if key in found else one
    return found, flops
