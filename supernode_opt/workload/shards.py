"""How many parameters one rank holds, gathers and updates under a split.

What ZeRO's stages shard is that of Rajbhandari et al. 2020 (arXiv:1910.02054).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import (
    attention_parameters,
    dense_ffn_parameters,
    embedding_parameters,
    expert_parameters,
    router_parameters,
)


class Shards(NamedTuple):
    """Parameters of one rank; all arrays of one batch shape [1].

    Attributes:
      dense_layer, expert_layer: of one layer without routed experts, after tensor
        parallelism.
      routed_layer: routed experts of one layer, after expert parallelism.
      first, last: of the fullest first and last stage, without routed experts.
      first_routed, last_routed: their routed experts.
      stage, stage_routed: of the stage that reduces most gradients.
      updated: parameters whose optimizer state the rank holds.
    """

    dense_layer: Array
    expert_layer: Array
    routed_layer: Array
    first: Array
    last: Array
    first_routed: Array
    last_routed: Array
    stage: Array
    stage_routed: Array
    updated: Array


class Spread(NamedTuple):
    """Over how many ranks parameters are spread [1].

    Attributes:
      pipeline, tensor, expert: parallel ranks.
      replicas, routed_replicas: ranks that share the same (other, routed) parameters.
    """

    pipeline: ArrayLike
    tensor: ArrayLike
    expert: ArrayLike
    replicas: ArrayLike
    routed_replicas: ArrayLike


def shards(
    model: Model,
    dense_layers: Array,
    expert_layers: Array,
    over: Spread,
    sharding: Array,
) -> Shards:
    """Count a rank's parameters.

    Args:
      dense_layers, expert_layers: on the (first, middle, last) stage [3, *batch].
      over: ranks that share them.
      sharding: mixture weights over ZeRO 0-3 [4, *batch].

    Shared experts and routers work on spread tokens and are not split over tensor
    ranks.
    """
    attention = attention_parameters(model) / over.tensor
    dense_layer = attention + dense_ffn_parameters(model) / over.tensor
    shared = model.shared_experts * expert_parameters(model)
    expert_layer = attention + shared + router_parameters(model)
    routed_layer = model.experts * expert_parameters(model) / over.expert
    stages = dense_layers * dense_layer + expert_layers * expert_layer
    routed = expert_layers * routed_layer
    table = embedding_parameters(model) / over.tensor
    extra = model.mtp_layers
    # A single stage holds the embedding beside the head, unless they are one table.
    alone = jnp.clip(2.0 - jnp.asarray(over.pipeline), 0.0, 1.0)
    tables = 1.0 + (1.0 - model.tied) * alone
    last = stages[2] + table * tables + extra * expert_layer
    last_routed = routed[2] + extra * routed_layer
    first = jnp.maximum(stages[0] + table, stages[1])
    stage = jnp.maximum(first, last)
    stage_routed = jnp.maximum(routed[0], last_routed)
    split_state = 1.0 - sharding[0]
    updated = stage * (1.0 - split_state + split_state / over.replicas)
    held = 1.0 - split_state + split_state / over.routed_replicas
    return Shards(
        dense_layer=dense_layer,
        expert_layer=expert_layer,
        routed_layer=routed_layer,
        first=first,
        last=last,
        first_routed=jnp.maximum(routed[0], routed[1]),
        last_routed=last_routed,
        stage=stage,
        stage_routed=stage_routed,
        updated=updated + stage_routed * held,
    )
