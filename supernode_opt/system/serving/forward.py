"""One pass of all layers over some tokens of every group: its time by parts."""

import dataclasses
from dataclasses import fields
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import record
from supernode_opt.smooth import greatest_normal, maximum
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.attention import Core
from supernode_opt.system.serving.exchange import Exchange, exchange
from supernode_opt.system.serving.launch import started
from supernode_opt.system.serving.products import (
    Costs,
    product_costs,
    product_times,
    product_work,
    read_experts,
    shapes,
    touched_share,
)
from supernode_opt.system.serving.setting import Setting
from supernode_opt.units import quantity
from supernode_opt.workload.mixers import mixer_shares
from supernode_opt.workload.operators import Split, elementwise_bytes
from supernode_opt.workload.routing import Routing, scatter

Time = quantity("s", zero=True)
# So many tokens even out what chance has to do with the load of experts.
_ENDLESS = 1e12


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
    """A pass of all layers: time by parts, the joint of drafts [s], a rank's work."""

    time: PassTime
    joint: Array
    work: Work


class PassCosts(NamedTuple):
    """All of a pass that its tokens do not change; made once, used for any number.

    Attributes:
      setting: of the pool.
      products: of a layer, the head and the joint of drafts.
      core: attention of a layer, of one request in decode or one token of a prompt.
      exchange: what ranks send each other in a layer.
      plain: elementwise kernels of all layers per token of a group [s].
      carried: the same of what experts are sent, at even load [s].
      held: experts of a rank [1].
      greatest: expected greatest of as many standard normals as expert ranks [1].
      chance: variance of the load of an expert rank, of one token that it sends [1].
      lasting: the same of popularity, however many tokens there are [1].
      prefill: whether prompts are read: kernels are large, and started by the host.
    """

    setting: Setting
    products: Costs
    core: Core
    exchange: Exchange
    plain: Array
    carried: Array
    held: Array
    greatest: Array
    chance: Array
    lasting: Array
    prefill: bool


def routing_of(setting: Setting) -> Routing:
    """Return how tokens fall on experts, of which busy ones may have copies.

    Copies take the excess of busy experts away: what is left of the spread of their
    popularity falls with the copies of each, `E / (E + redundant)`.  A measured
    imbalance stands as it is.
    """
    scenario, experts = setting.scenario, setting.scenario.model.experts
    kept = experts / jnp.maximum(experts + setting.pool.redundant, 1.0)
    routing = scenario.routing
    if routing is None:
        return Routing(popularity=scenario.software.expert_popularity * kept)
    return dataclasses.replace(routing, popularity=routing.popularity * kept)


def pass_costs(
    setting: Setting, core: Core, prefill: bool, again: ArrayLike = 1.0
) -> PassCosts:
    """Return what passes of a pool cost.

    Args:
      setting: of the pool.
      core: attention of a layer, of one request or one token.
      prefill: whether prompts are read.
      again: see `product_costs`.
    """
    scenario, pool = setting.scenario, setting.pool
    model, formats, clock = scenario.model, setting.formats, setting.design.clock
    table = shapes(model, pool)
    routing, ranks = routing_of(setting), jnp.asarray(pool.expert)
    lasting = jnp.square(scatter(routing, model, ranks, _ENDLESS))
    chance = jnp.square(scatter(Routing(), model, ranks, 1.0))
    plain, carried = _elementwise(setting)
    return PassCosts(
        setting,
        product_costs(table, scenario, formats, clock, again, pool.sends),
        core,
        exchange(setting, 1.0 if prefill else 0.0),
        plain,
        carried,
        jnp.asarray(pool.held(model)),
        greatest_normal(ranks),
        chance,
        lasting,
        prefill,
    )


def expert_load(costs: PassCosts, tokens: ArrayLike) -> tuple[Array, Array]:
    """Load of the busiest expert rank over the mean, in all and for good [1].

    The first has what chance adds to few tokens, the second what popularity does to
    any number.
    """
    setting = costs.setting
    pool, model = setting.pool, setting.scenario.model
    routing = routing_of(setting)
    if routing.imbalance is not None:
        each = 1.0 + routing.scale * (jnp.asarray(routing.imbalance) - 1.0)
        both = each, each
    else:
        own = jnp.maximum(tokens * pool.data / pool.expert, 1e-3)
        share = routing.scale * costs.greatest
        spread = jnp.sqrt(costs.chance / own + costs.lasting)
        both = 1.0 + share * spread, 1.0 + share * jnp.sqrt(costs.lasting)
    some = jnp.asarray(model.experts) > 0.0
    return jnp.where(some, both[0], 1.0), jnp.where(some, both[1], 1.0)


def whole_pass(
    costs: PassCosts, tokens: ArrayLike, cores: ArrayLike, heads: ArrayLike
) -> Pass:
    """Time a pass over `tokens` of each group on the device.

    Two halves of a batch that take turns call every kernel twice, on half the tokens.

    Args:
      costs: of the pool.
      tokens: of a group [1].
      cores: how often it has the attention core of `costs` [1].
      heads: tokens of a group that go through the LM head [1].
    """
    halves = 1.0 + jnp.asarray(costs.setting.design.pools.dual_batch[1])
    # pyrefly: ignore[bad-argument-type]
    one = _half_pass(costs, tokens / halves, cores / halves, heads / halves)
    time = PassTime(
        **{f.name: halves * getattr(one.time, f.name) for f in fields(PassTime)}
    )
    work = Work(*(halves * part for part in one.work))
    return Pass(time, halves * one.joint, work)


def _half_pass(
    costs: PassCosts, tokens: Array, cores: ArrayLike, heads: ArrayLike
) -> Pass:
    setting = costs.setting
    scenario, pool = setting.scenario, setting.pool
    model, software = scenario.model, scenario.software
    load, lasting = expert_load(costs, tokens)
    # Tokens of all groups of the instance reach the experts; what a rank is sent is
    # what all send, and copies of an expert share its tokens.
    together = tokens * pool.data
    read = read_experts(costs.held, touched_share(model, together), costs.greatest)
    sent = load * together * pool.picks(model) / pool.expert
    heads = jnp.broadcast_to(heads, jnp.shape(sent))
    tokens = jnp.broadcast_to(tokens, jnp.shape(sent))
    times = product_times(costs.products, tokens, heads, sent, read)
    core = costs.core.times(cores)
    dense = model.dense_layers
    sparse = model.layers - dense
    mixing = {name: model.layers * s for name, s in mixer_shares(model).items()}
    projections = sum(count * times[name] for name, count in mixing.items())
    experts = sparse * (times["expert"] + times["grouped"])
    elementwise = costs.plain * tokens + costs.carried * load * tokens
    zero = jnp.zeros_like(experts)
    launch = zero
    if not costs.prefill:
        working = projections + dense * times["dense"] + experts
        each = started(
            model, setting.formats, working / model.layers, software.launch_time
        )
        launch = model.layers * each
    between = costs.exchange
    summed = between.reduced.of(tokens)
    # All wait for the busiest rank: for its bytes, and in every call.
    moved = lasting * between.sent.fixed + load * between.sent.each * tokens
    moved = sparse * between.several * (moved + between.shared.of(tokens))
    rest = projections + experts + model.layers * core.time + elementwise + launch
    work = product_work(costs.products, model, tokens, heads, sent, read)
    streamed = model.layers * core.moved
    peak = scenario.chip.peak_bf16 * setting.design.clock
    boundaries = jnp.maximum(pool.pipeline - 1.0, 0.0)
    time = PassTime(
        projections=projections + zero,
        attention=model.layers * core.time + zero,
        dense_ffn=dense * times["dense"] + zero,
        experts=experts,
        elementwise=elementwise + zero,
        head=times["head"] + zero,
        launch=launch,
        tensor_parallel=summed
        * (model.layers + dense + sparse * (1.0 - between.several))
        + zero,
        expert_parallel=_exposed(setting, moved, rest) + zero,
        pipeline_transfer=boundaries * between.stage.of(tokens) + zero,
        draft=zero,
        prefill=zero,
        overhead=zero,
    )
    return Pass(
        time,
        times["ahead"] + zero,
        Work(
            work[0] + model.layers * core.flops,
            work[1] + model.layers * core.flops / peak,
            work[2] + streamed,
        ),
    )


def _elementwise(setting: Setting) -> tuple[Array, Array]:
    """Time of norms and gates per token, and of what experts are sent [s].

    Permuting what is routed, and the gates of experts, count where they are received.
    Kernels of dispatch write tokens where experts read them, so that less is left.
    """
    scenario, pool = setting.scenario, setting.pool
    model, software, chip = scenario.model, scenario.software, scenario.chip
    rate = 1.0 / (chip.hbm_bandwidth * chip.hbm_efficiency)
    streamed = elementwise_bytes(model, Split(pool.tensor, 1.0, pool.expert, 0.0, 1.0))
    dense, own = model.dense_layers, 1.0 - pool.alone(model)
    sparse = model.layers - dense
    # Training has both of every copy and of shared experts, spread over tensor ranks.
    gates = streamed.expert / jnp.maximum(model.top_k + model.shared_experts, 1.0)
    permuted = streamed.routing / jnp.maximum(model.top_k, 1.0) * pool.tensor
    plain = model.layers * streamed.norm + dense * streamed.dense
    plain = plain + sparse * own * model.shared_experts * gates
    received = pool.data * pool.picks(model) / pool.expert
    permuted = permuted * (1.0 - pool.sends * (1.0 - software.dispatched_share))
    gates = gates * pool.tensor / pool.sharing * software.elementwise_traffic
    carried = sparse * received * (permuted * software.routing_traffic + gates)
    return rate * software.elementwise_traffic * plain, rate * carried


def _exposed(setting: Setting, moved: Array, rest: Array) -> Array:
    """Return what is exposed of the exchange between experts in all layers [s].

    With two halves of a batch in turn as much of it hides behind the other half as the
    stack overlaps, but no more than there is of either.
    """
    dual = jnp.asarray(setting.design.pools.dual_batch[1])
    lesser = moved + rest - maximum(moved, rest, setting.sharpness)
    behind = lesser * setting.scenario.software.dual_batch_overlap
    return moved - dual * behind


def plus(time: PassTime, **more: ArrayLike) -> PassTime:
    """Return a pass whose named parts take longer."""
    changed = {name: getattr(time, name) + value for name, value in more.items()}
    return dataclasses.replace(time, **changed)


def layer_time(time: PassTime, scenario: Scenario) -> Array:
    """Time of one layer of a pass, averaged over the layers [s]."""
    names = (
        "projections",
        "attention",
        "dense_ffn",
        "experts",
        "elementwise",
        "launch",
        "tensor_parallel",
        "expert_parallel",
    )
    whole = sum(getattr(time, name) for name in names)
    return whole / scenario.model.layers
