"""One pass of all layers over some tokens of every group: its time by parts."""

import dataclasses
from dataclasses import fields
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import record
from supernode_opt.system.serving.attention import Core
from supernode_opt.system.serving.exchange import Exchange, exchange
from supernode_opt.system.serving.launch import started
from supernode_opt.system.serving.products import (
    Table,
    layer_table,
    picks,
    product_times,
    rates,
)
from supernode_opt.system.serving.setting import Setting
from supernode_opt.units import quantity
from supernode_opt.workload.operators import Split, elementwise_bytes
from supernode_opt.workload.routing import Routing, busiest

Time = quantity("s", zero=True)
# Bytes moved per channel of a token that an expert is sent: permuting it, the gate and
# adding it up again; fitted with the constants of stacks.
PERMUTED_BYTES = 16.0


@record
class PassTime:
    """Named parts of a pass [s]; communication counts where exposed.

    `draft` is what drafted tokens need beyond their share of the pass, `prefill` what
    prompts of newcomers take between two passes of decode.
    """

    projections: Time
    attention: Time
    dense_ffn: Time
    experts: Time
    elementwise: Time
    head: Time
    launch: Time
    tensor_parallel: Time
    expert_parallel: Time
    pipeline_transfer: Time
    draft: Time
    prefill: Time
    overhead: Time


class Work(NamedTuple):
    """What the chips do meanwhile, per rank and pass.

    Attributes:
      flops: of products and attention [flop].
      busy: time that arithmetic alone would take at its peak rate [s].
      moved: bytes of memory [B].
    """

    flops: Array
    busy: Array
    moved: Array


class Pass(NamedTuple):
    """A pass of all layers: time by parts, and the work of a rank."""

    time: PassTime
    work: Work


def expert_load(setting: Setting, tokens: ArrayLike) -> Array:
    """Load of the busiest expert rank over the mean [1].

    Copies of busy experts take their excess away: what is left of the spread of their
    popularity falls with the copies of each, `E / (E + redundant)`.
    """
    scenario, pool = setting.scenario, setting.pool
    model, software = scenario.model, scenario.software
    kept = model.experts / jnp.maximum(model.experts + pool.redundant, 1.0)
    routing = scenario.routing
    if routing is None:
        routing = Routing(popularity=software.expert_popularity * kept)
    own = tokens * pool.data / pool.expert
    return jnp.where(
        jnp.asarray(model.experts) > 0.0,
        busiest(routing, model, pool.expert, own),
        1.0,
    )


def whole_pass(
    setting: Setting, tokens: ArrayLike, core: Core, heads: ArrayLike, prefill: bool
) -> Pass:
    """Time a pass over `tokens` of each group on the device.

    Two halves of a batch that take turns call every kernel twice, on half the tokens.

    Args:
      setting: of the pool.
      tokens: of a group [1].
      core: attention core of a layer.
      heads: tokens of a group that go through the LM head [1].
      prefill: whether prompts are read: kernels are large, and started by the host.
    """
    halves = 1.0 + jnp.asarray(setting.design.pools.dual_batch[1])
    part = Core(core.time / halves, core.flops / halves, core.moved / halves)
    one = _half_pass(setting, tokens / halves, part, heads / halves, prefill)
    time = PassTime(
        **{f.name: halves * getattr(one.time, f.name) for f in fields(PassTime)}
    )
    return Pass(time, Work(*(halves * part for part in one.work)))


def _half_pass(
    setting: Setting, tokens: ArrayLike, core: Core, heads: ArrayLike, prefill: bool
) -> Pass:
    scenario, pool = setting.scenario, setting.pool
    model, software = scenario.model, scenario.software
    load = expert_load(setting, tokens)
    table = layer_table(model, pool, tokens, heads)
    clock = setting.design.clock
    times, flops = product_times(table, scenario, setting.formats, clock, load)
    sent = exchange(setting, tokens, load, 1.0 if prefill else 0.0)
    dense = model.dense_layers
    sparse = model.layers - dense
    exposed = _exposed(setting, sent, times, sparse)
    boundaries = jnp.maximum(pool.pipeline - 1.0, 0.0)
    zero = jnp.zeros_like(exposed)
    experts = times["expert"] + times["grouped"]
    launch = zero
    if not prefill:
        working = dense * times["dense"] + sparse * experts
        working = times["attention"] + working / model.layers
        each = started(model, setting.formats, working, software.launch_time)
        launch = model.layers * each + zero
    time = PassTime(
        projections=model.layers * times["attention"] + zero,
        attention=model.layers * core.time + zero,
        dense_ffn=dense * times["dense"] + zero,
        experts=sparse * experts + zero,
        elementwise=_elementwise(setting, tokens, load) + zero,
        head=times["head"] + zero,
        launch=launch,
        tensor_parallel=model.layers * sent.attention + dense * sent.dense + zero,
        expert_parallel=exposed,
        pipeline_transfer=boundaries * sent.stage + zero,
        draft=zero,
        prefill=zero,
        overhead=zero,
    )
    return Pass(time, _work(setting, table, flops, core))


def _elementwise(setting: Setting, tokens: ArrayLike, load: ArrayLike) -> Array:
    """Time of norms, gates and permutations in all layers [s]."""
    scenario, pool = setting.scenario, setting.pool
    model, software, chip = scenario.model, scenario.software, scenario.chip
    rate = 1.0 / (chip.hbm_bandwidth * chip.hbm_efficiency)
    sizes = Split(pool.tensor, 1.0, pool.expert, 0.0, tokens)
    streamed = elementwise_bytes(model, sizes)
    dense = model.dense_layers
    plain = model.layers * streamed.norm + dense * streamed.dense
    received = tokens * pool.data * picks(model, pool) / pool.expert * load
    wide = model.hidden + model.expert_ffn / pool.sharing
    carried = (model.layers - dense) * received * wide * PERMUTED_BYTES
    moved = software.elementwise_traffic * plain + software.routing_traffic * carried
    return rate * moved


def _exposed(
    setting: Setting, sent: Exchange, times: dict[str, Array], sparse: ArrayLike
) -> Array:
    """Return what is exposed of the exchange between experts in all layers [s].

    With two halves of a batch in turn as much of it hides behind the other half as the
    stack overlaps, but no more than there is of either.
    """
    software = setting.scenario.software
    dual = jnp.asarray(setting.design.pools.dual_batch[1])
    whole = sparse * sent.experts
    spread = jnp.clip(setting.pool.data - 1.0, 0.0, 1.0)
    compute = sparse * (times["attention"] + times["expert"] + times["grouped"])
    behind = jnp.minimum(whole, compute) * software.dual_batch_overlap
    return whole - dual * spread * behind


def _work(setting: Setting, table: Table, flops: Array, core: Core) -> Work:
    """Add up arithmetic at its peak rate and bytes of memory over the layers."""
    scenario = setting.scenario
    model, chip, formats = scenario.model, scenario.chip, setting.formats
    rate = rates(scenario, formats, setting.design.clock)
    counts = {
        "attention": model.layers,
        "dense": model.dense_layers,
        "expert": model.layers - model.dense_layers,
        "head": 1.0,
        "ahead": 0.0,
    }
    done, busy, moved = 0.0, 0.0, 0.0
    for k, (name, part) in enumerate(zip(table.names, table.parts, strict=True)):
        times_used = counts[part]
        grouped = name in ("expert up", "expert down")
        speed = rate.experts if grouped else rate.plain
        size = formats.expert_bytes if grouped else formats.weight_bytes
        each = table.columns[k] * table.inner[k] * table.groups[k]
        done = done + times_used * flops[k]
        busy = busy + times_used * flops[k] / speed
        moved = moved + times_used * size * each
    busy = busy + model.layers * core.flops / (chip.peak_bf16 * setting.design.clock)
    return Work(
        jnp.asarray(done + model.layers * core.flops),
        jnp.asarray(busy),
        jnp.asarray(moved + model.layers * core.moved),
    )


def plus(time: PassTime, **more: ArrayLike) -> PassTime:
    """Return a pass whose named parts take longer."""
    changed = {name: getattr(time, name) + value for name, value in more.items()}
    return dataclasses.replace(time, **changed)
