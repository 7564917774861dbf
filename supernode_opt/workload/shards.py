"""How many parameters one rank holds, gathers and updates under a split.

What ZeRO's stages shard is that of Rajbhandari et al. 2020 (arXiv:1910.02054).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import stack
from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import (
    adapter_parameters,
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
      tables: what of embedding and head comes on every layer, after tensor parallelism.
      stages, routed: of the (first, second, last) stage and others, without routed
        experts and of routed experts [stage, *batch].
      trained, trained_routed: of those, what is trained [stage, *batch].
      stage, stage_routed: of the stage that reduces most gradients.
      updated: parameters whose optimizer state the rank holds.
    """

    dense_layer: Array
    expert_layer: Array
    routed_layer: Array
    tables: Array
    stages: Array
    routed: Array
    trained: Array
    trained_routed: Array
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


def on_last(value: Array, stages: int, first: Array | None = None) -> Array:
    """Give `value` to the last of the (first, second, last) stage and others.

    Args:
      value: of the last stage [*batch].
      stages: how many there are.
      first: what the first stage has, zero if not given [*batch].
    """
    none = 0.0 * value
    every = (none if first is None else first, none, value, *(stages - 3) * [none])
    return stack(*every)


def predicting(layers: Array, stages: int, pipeline: ArrayLike, own: bool) -> Array:
    """Place `layers` that predict ahead on the last stage, or on their own [stage].

    Args:
      layers: how many there are [*batch] [1].
      stages: how many are looked at, as of `on_last`.
      pipeline: stages of the pipeline [1].
      own: whether they have one, which comes last here.
    """
    if not own:
        return on_last(layers, stages)
    several = jnp.clip(jnp.asarray(pipeline) - 1.0, 0.0, 1.0)
    return on_last((1.0 - several) * layers, stages).at[-1].set(several * layers)


def shards(
    model: Model,
    dense_layers: Array,
    expert_layers: Array,
    over: Spread,
    sharding: Array,
    lora_rank: ArrayLike = 0.0,
    own: bool = False,
) -> Shards:
    """Count a rank's parameters.

    Args:
      model: the transformer.
      dense_layers, expert_layers: on the (first, second, last) stage and others
        [stage, *batch].
      over: ranks that share them.
      sharding: mixture weights over ZeRO 0-3 [4, *batch].
      lora_rank: of the adapters that alone are trained; 0 if everything is [1].
      own: whether layers that predict ahead have a stage of their own, the last here.

    Shared experts and routers work on spread tokens and are not split over tensor
    ranks.  Adapters are split as what they adapt.
    """
    attention = attention_parameters(model) / over.tensor
    dense_layer = attention + dense_ffn_parameters(model) / over.tensor
    shared = model.shared_experts * expert_parameters(model)
    expert_layer = attention + shared + router_parameters(model)
    routed_layer = model.experts * expert_parameters(model) / over.expert
    table = embedding_parameters(model) / over.tensor
    count = len(expert_layers)
    extra = predicting(model.mtp_layers + 0.0 * table, count, over.pipeline, own)
    # A single stage holds the embedding beside the head, unless they are one table.
    alone = jnp.clip(2.0 - jnp.asarray(over.pipeline), 0.0, 1.0)
    tables = on_last(table * (1.0 + (1.0 - model.tied) * alone), count, first=table)
    if own:
        # They read the embedding of the next token.
        tables = tables.at[-1].set(jnp.clip(extra[-1], 0.0, 1.0) * table)
    experts = expert_layers + extra
    stages = dense_layers * dense_layer + experts * expert_layer + tables
    routed = experts * routed_layer

    adapters, ffn, each = adapter_parameters(model, lora_rank)
    adapters = adapters / over.tensor
    small = dense_layers * (adapters + ffn / over.tensor)
    small = small + experts * (adapters + model.shared_experts * each)
    some = jnp.asarray(lora_rank) > 0.0
    trained = jnp.where(some, small, stages)
    trained_routed = jnp.where(
        some, experts * model.experts * each / over.expert, routed
    )
    stage, stage_routed = jnp.max(trained, axis=0), jnp.max(trained_routed, axis=0)
    split_state = 1.0 - sharding[0]
    updated = stage * (1.0 - split_state + split_state / over.replicas)
    held = 1.0 - split_state + split_state / over.routed_replicas
    return Shards(
        dense_layer=dense_layer,
        expert_layer=expert_layer,
        routed_layer=routed_layer,
        tables=table * (2.0 - model.tied) / (model.layers + model.mtp_layers),
        stages=stages,
        routed=routed,
        trained=trained,
        trained_routed=trained_routed,
        stage=stage,
        stage_routed=stage_routed,
        updated=updated + stage_routed * held,
    )
