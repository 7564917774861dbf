"""Every collective of a split, timed once: who takes part, how much moves, how long."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import crowding
from supernode_opt.smooth import rows, stack
from supernode_opt.system.collectives import Network, durations
from supernode_opt.system.design import Design, data_parallel, expert_ranks
from supernode_opt.system.eager import REDUCED_BYTES, ring_time
from supernode_opt.system.ranks import through_package
from supernode_opt.system.scenario import Scenario, expert_imbalance
from supernode_opt.workload.model import Model, by_precision
from supernode_opt.workload.operators import OPERAND_BYTES, Split, key_value_channels
from supernode_opt.workload.placement import Group, crossings, place
from supernode_opt.workload.shards import Shards
from supernode_opt.workload.traffic import Transfer, all_to_all, gather, stage_hop


class Communication(NamedTuple):
    """Durations of single collectives [s], each [*batch].

    `tensor` gathers the hidden channels of all tokens between tensor ranks, `latent`
    what attention reads of them; `dispatch` is the mean of sending tokens to their
    experts and of bringing them back, to and from ranks that share experts as well.
    `data` is the reduction of the gradients and gathering of the parameters of one
    stage, once per step, `data_copies` its part between copies of sharded states; the
    shard times gather one layer's parameters and its part of embedding and head.
    """

    tensor: Array
    latent: Array
    context: Array
    dispatch: Array
    shard_dense: Array
    shard_expert: Array
    shard_routed: Array
    data_dense: Array
    data_routed: Array
    data_copies: Array
    stage: Array


def communication(
    design: Design,
    scenario: Scenario,
    split: Split,
    shards: Shards,
    sharding_ranks: ArrayLike,
    net: Network,
    sharpness: ArrayLike,
    relaxed: ArrayLike = False,
) -> Communication:
    """Time every collective of the split in one stacked call."""
    model, switch = scenario.model, scenario.scale_up_switch
    tensor, context = design.tensor_parallel, design.context_parallel
    groups = _groups(design, scenario, sharding_ranks, relaxed)
    tensors, contexts, experts, data, copies, routed, stages, *shared = groups
    activations = 2.0 * split.tokens * model.hidden
    keys = 2.0 * split.tokens * key_value_channels(model, tensor)
    zero = design.optimizer_sharding
    # Once per step: all-reduce gradients (ZeRO-0), scatter them and gather parameters
    # (1), or only gather parameters (2).
    each = scenario.training.gradient_bytes
    if scenario.software.eager:
        # Copies in BF16 that wait to be added up are not reduced.
        each = jnp.minimum(each, REDUCED_BYTES)
    scattered = each * (2.0 * zero[0] + zero[1])
    reduced = scattered + 2.0 * (zero[1] + zero[2])
    leaving = crossings(
        design.pipeline_parallel,
        design.chips / design.pipeline_parallel,
        design.scale_up_domain,
        relaxed,
    )
    handed = activations / (1.0 + split.sequence * (tensor - 1.0))

    def gathered(group: Group, payload: ArrayLike) -> Transfer:
        transfer = gather(group, payload)
        more = crowding(switch, group.most, False)
        transfer = transfer._replace(inner=transfer.inner * more)
        return through_package(transfer, group, direct=False)

    hop = stage_hop(stages, leaving, handed)
    transfers: list[Transfer] = [
        gathered(tensors, activations),
        gathered(tensors, 2.0 * split.tokens * latent_channels(model)),
        gathered(contexts, keys * context),
        _dispatch(experts, split, scenario),
        gathered(data, 2.0 * (shards.dense_layer + shards.tables)),
        gathered(data, 2.0 * (shards.expert_layer + shards.tables)),
        gathered(routed, 2.0 * shards.routed_layer),
        gathered(data, reduced * shards.stage),
        gathered(routed, reduced * shards.stage_routed),
        # Copies of a shard are all-reduced: two passes over what one rank holds.
        gathered(
            copies,
            2.0 * scenario.training.gradient_bytes * shards.stage / sharding_ranks,
        ),
        # One chip sends to one other.
        hop._replace(inner=hop.inner * crowding(switch, 2.0, False)),
    ]
    if not shared:
        timed = Communication(*rows(durations(transfers, net, sharpness)))
        return _around(timed, tensors, scenario)
    # Ranks that share experts gather what all of them were sent, and scatter results.
    sent = split.tokens_after_tensor * model.top_k * _sent_bytes(scenario, split)
    transfers.append(gathered(shared[0], sent * shared[0].size))
    *times, among = durations(transfers, net, sharpness)
    timed = _around(Communication(*times), tensors, scenario)
    return timed._replace(dispatch=timed.dispatch + among)


def _around(timed: Communication, tensors: Group, scenario: Scenario) -> Communication:
    """Add what an eager stack takes to get around the ring of tensor ranks."""
    if not scenario.software.eager:
        return timed
    more = ring_time(tensors, scenario)
    return timed._replace(tensor=timed.tensor + more, latent=timed.latent + more)


def latent_channels(model: Model) -> Array:
    """Channels of a token that tensor ranks gather for attention [1].

    Latent attention compresses queries and keys before they are gathered
    (DeepSeek-V2, arXiv:2405.04434), and its compressions are on every rank.
    """
    if model.attention != "mla":
        return jnp.asarray(model.hidden)
    rank = jnp.asarray(model.query_rank)
    query = jnp.where(rank > 0.0, rank, model.hidden)
    return query + model.key_value_rank + model.rope_dim


def _groups(
    design: Design, scenario: Scenario, sharding_ranks: ArrayLike, relaxed: ArrayLike
) -> list[Group]:
    """Place tensor, context, expert, data, copy, routed and pipeline ranks.

    Ranks that share every expert come last, where there are any: they stand side by
    side, and expert ranks as far apart as they are many (Megatron-Core's order of
    expert ranks).
    """
    tensor, several = design.tensor_parallel, scenario.training.expert_tensor_parallel
    expert = expert_ranks(design, scenario.training)
    replicas = data_parallel(design) * design.context_parallel
    stage = tensor * replicas
    sizes_and_strides = (
        (tensor, 1.0),
        (design.context_parallel, tensor),
        (design.expert_parallel, 1.0 if several is None else several),
        (sharding_ranks, tensor),
        (replicas / sharding_ranks, tensor * sharding_ranks),
        (stage / expert, expert),
        (design.pipeline_parallel, stage),
        *(() if several is None else ((several, 1.0),)),
    )
    sizes, strides = (stack(*column) for column in zip(*sizes_and_strides, strict=True))
    board = scenario.host.chips_per_board
    placed = place(sizes, strides, design.scale_up_domain, board, design.chips, relaxed)
    dies = scenario.chip.ranks_per_chip
    if dies == 1:
        parts = placed[:-1]
        return [Group(*one) for one in zip(*map(rows, parts), strict=True)]
    # Pairs of dies are cut where neighbours are an odd number.
    together = jnp.clip(dies / strides, 1.0, jnp.maximum(sizes, 1.0))
    odd = sizes - dies * jnp.floor(sizes / dies + 1e-9) > 1e-6
    together = jnp.where(odd & jnp.logical_not(relaxed), 1.0, together)
    parts = (*placed[:-1], together)
    return [Group(*one) for one in zip(*map(rows, parts), strict=True)]


def _sent_bytes(scenario: Scenario, split: Split) -> ArrayLike:
    """Bytes of a copy of a token that the busiest rank receives, mean of both ways [B].

    It receives more than the mean by the imbalance.  Low precision is sent to the
    experts only.
    """
    software = scenario.software
    low = {name: software.dispatch_bytes for name in OPERAND_BYTES}
    sent = by_precision(scenario.training, {**low, "bf16": 2.0})
    size = 0.5 * (sent + 2.0) * scenario.model.hidden
    return size * expert_imbalance(scenario, split)


def _dispatch(group: Group, split: Split, scenario: Scenario) -> Transfer:
    """Send tokens to experts and back: the mean of the two, over its own links."""
    software, tokens = scenario.software, split.tokens_after_tensor
    size, own = _sent_bytes(scenario, split), software.rank_deduplication
    transfer = all_to_all(group, tokens, size, scenario.model, own)
    inner = software.scale_up_efficiency / software.dispatch_scale_up
    inner = inner * crowding(scenario.scale_up_switch, group.most, True)
    outer = software.scale_out_efficiency / software.dispatch_scale_out
    outer = outer * scenario.scale_out_switch.all_to_all_contention
    transfer = transfer._replace(
        inner=inner * transfer.inner, outer=outer * transfer.outer
    )
    return through_package(transfer, group, direct=True)
