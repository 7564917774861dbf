"""A layer pass with its communication: what hides behind compute and what does not.

For every kind k of communication, a share may hide behind a window of the compute:

    exposed_k = max(window_k comp + (1 - o_k) comm_k, comm_k) - window_k comp

With windows that add up to at most one, compute plus exposed communication is a
sum of maxima of positive terms, so the layer time stays log-convex in bandwidth and
clock and can never fall below either of them.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import excess, stack
from supernode_opt.system.collectives import Network, durations
from supernode_opt.system.design import Design, data_parallel
from supernode_opt.system.layer_times import LayerTimes
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import by_precision, frozen
from supernode_opt.workload.operators import OPERAND_BYTES, Split, key_value_channels
from supernode_opt.workload.recompute import Again
from supernode_opt.workload.shards import Shards
from supernode_opt.workload.traffic import (
    Transfer,
    all_to_all,
    gather,
    place,
    stage_hop,
)

KINDS = ("tensor", "context", "expert", "shard")


class Communication(NamedTuple):
    """Durations of single collectives [s], each [*batch].

    `data` is the reduction of the gradients and gathering of the parameters of one
    stage, once per step, `data_copies` its part between copies of sharded states; the
    shard times gather one layer's parameters.
    """

    tensor: Array
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
) -> Communication:
    """Time every collective of the split in one stacked call."""
    model, board = scenario.model, scenario.host.chips_per_board
    domain, tensor = design.scale_up_domain, design.tensor_parallel
    replicas = data_parallel(design) * design.context_parallel
    stage_ranks = tensor * replicas
    expert = design.expert_parallel
    tensor_group = place(tensor, 1.0, domain, board)
    context_group = place(design.context_parallel, tensor, domain, board)
    expert_group = place(expert, 1.0, domain, board)
    data_group = place(sharding_ranks, tensor, domain, board)
    copies = replicas / sharding_ranks
    copy_group = place(copies, tensor * sharding_ranks, domain, board)
    routed_group = place(stage_ranks / expert, expert, domain, board)
    stages = place(design.pipeline_parallel, stage_ranks, domain, board)
    activations = 2.0 * split.tokens * model.hidden
    keys = 2.0 * split.tokens * key_value_channels(model, tensor)
    spread = split.tokens_after_tensor
    zero = design.optimizer_sharding
    # Once per step: all-reduce gradients (ZeRO-0), scatter them and gather parameters
    # (1), or only gather parameters (2).
    scattered = scenario.training.gradient_bytes * (2.0 * zero[0] + zero[1])
    reduced = scattered + 2.0 * (zero[1] + zero[2])
    transfers: list[Transfer] = [
        gather(tensor_group, activations),
        gather(context_group, keys * design.context_parallel),
        _dispatch(
            all_to_all(expert_group, spread, 2.0 * model.hidden, model), scenario
        ),
        gather(data_group, 2.0 * shards.dense_layer),
        gather(data_group, 2.0 * shards.expert_layer),
        gather(routed_group, 2.0 * shards.routed_layer),
        gather(data_group, reduced * shards.stage),
        gather(routed_group, reduced * shards.stage_routed),
        # Copies of a shard are all-reduced: two passes over what one rank holds.
        gather(
            copy_group,
            2.0 * scenario.training.gradient_bytes * shards.stage / sharding_ranks,
        ),
        stage_hop(stages, activations / (1.0 + split.sequence * (tensor - 1.0))),
    ]
    return Communication(*durations(transfers, net, sharpness))


def _dispatch(transfer: Transfer, scenario: Scenario) -> Transfer:
    """Let an expert all-to-all reach its own shares of the links."""
    software = scenario.software
    inner = software.scale_up_efficiency / software.dispatch_scale_up
    outer = software.scale_out_efficiency / software.dispatch_scale_out
    return transfer._replace(inner=inner * transfer.inner, outer=outer * transfer.outer)


def layer_passes(
    design: Design,
    scenario: Scenario,
    repeated: Again,
    times: LayerTimes,
    comm: Communication,
    sharpness: ArrayLike,
) -> Array:
    """Return the exposed communication [kind, layer, pass, *batch] [s].

    Passes of one layer: with sequence parallelism four gathers or scatters forward and
    six backward (four and four without), half of them in an expert layer, whose expert
    block needs none; full recompute repeats the forward ones, that of a dense FFN half
    of them.  Two all-to-alls per pass, which recompute of the experts repeats; backward
    moves keys and their gradients.  ZeRO-2 and ZeRO-3 keep only a shard
    of the gradients, so every backward pass scatters them; ZeRO-3 also gathers the
    parameters in both passes.
    """
    software = scenario.software
    full, sequence = repeated.full, design.sequence_parallel[1]
    zero = design.optimizer_sharding
    sharded = zero[3]
    has_experts = scenario.model.top_k > 0.0
    share = jnp.where(has_experts, 0.5, 1.0)
    routed = full + repeated.experts
    one, none = jnp.ones_like(full), jnp.zeros_like(full)
    # What is gathered has been cast before; what is reduced has not.
    cast = by_precision(scenario.training, OPERAND_BYTES) / 2.0
    gathered = 1.0 + sequence * (cast - 1.0)
    forward = 2.0 + 2.0 * gathered
    backward = 2.0 + 2.0 * gathered + 2.0 * sequence * cast + forward * full
    # Gradients of adapters are too few to count.
    scatter = scenario.training.gradient_bytes / 2.0
    scatter = scatter * (1.0 - frozen(scenario.training))
    expert_gather = comm.shard_expert + comm.shard_routed
    both = sharded + (zero[2] + zero[3]) * scatter
    raw = stack(
        *(
            comm.tensor * n
            for n in (
                forward,
                backward + 0.5 * repeated.ffn * forward,
                forward * share,
                backward * share,
            )
        ),
        *(comm.context * n for n in (one, 2.0 + full, one, 2.0 + full)),
        *(comm.dispatch * n for n in (none, none, 2.0 * one, 2.0 + 2.0 * routed)),
        *(comm.shard_dense * n for n in (sharded, both)),
        *(expert_gather * n for n in (sharded, both)),
    )
    raw = raw.reshape(len(KINDS), 2, 2, *raw.shape[1:])
    shape = (len(KINDS),) + (1,) * (raw.ndim - 1)
    overlapped = stack(*(getattr(software, f"{k}_overlapped") for k in KINDS))
    window = stack(*(getattr(software, f"{k}_window") for k in KINDS))
    hidden = window.reshape(shape) * times.compute[None]
    visible = (1.0 - overlapped.reshape(shape)) * raw
    seen = hidden + visible
    return visible + excess(seen, raw, sharpness)
