"""What a rank holds: weights, caches, working memory; and for how many requests."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import record
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.attention import cache_channels, seen
from supernode_opt.system.serving.pool import Pool
from supernode_opt.units import quantity
from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import (
    attention_parameters,
    dense_ffn_parameters,
    embedding_parameters,
    expert_parameters,
    norm_parameters,
    router_parameters,
)
from supernode_opt.workload.serving import Formats

Memory = quantity("B", zero=True)


@record
class ServingMemory:
    """Named parts of the memory of the fuller pool's chips [B]."""

    weights: Memory
    cache: Memory
    activations: Memory
    logits: Memory
    fragmentation: Memory
    buffers: Memory
    framework: Memory


class Room(NamedTuple):
    """Memory of one rank.

    Attributes:
      weights: [B].
      working: activations and logits of a pass [B].
      cache: what is left for caches [B].
      each: cache of one request [B].
    """

    weights: Array
    working: Array
    cache: Array
    each: Array


def weight_bytes(
    model: Model, pool: Pool, formats: Formats, drafts: ArrayLike, relaxed: ArrayLike
) -> Array:
    """Weights of a rank of the fullest stage [B].

    Embedding and head, in BF16, are at the two ends of a pipeline; tied they are one.
    Layers that predict ahead are one more layer of experts beside them.
    """
    tensor, sharing = pool.tensor, pool.sharing
    plain = attention_parameters(model) / tensor + norm_parameters(model)
    sparse = model.layers - model.dense_layers
    dense = dense_ffn_parameters(model) / tensor
    common = router_parameters(model)
    shared = model.shared_experts * expert_parameters(model) / tensor
    routed = pool.held(model) * expert_parameters(model) / sharing
    each_sparse = formats.weight_bytes * (shared + plain) + 2.0 * common
    each_sparse = each_sparse + formats.expert_bytes * routed
    each_dense = formats.weight_bytes * (plain + dense)
    layers = model.dense_layers * each_dense + sparse * each_sparse
    share = pool.layers(model, relaxed) / model.layers
    ends = jnp.where(jnp.asarray(pool.pipeline) > 1.0, 1.0, 2.0 - model.tied)
    tables = ends * 2.0 * embedding_parameters(model) / tensor
    ahead = jnp.minimum(model.mtp_layers, 1.0) * jnp.minimum(drafts, 1.0)
    joint = each_sparse + formats.weight_bytes * 2.0 * model.hidden * model.hidden
    return layers * share + tables + ahead * joint


def cache_bytes(
    model: Model, pool: Pool, formats: Formats, tokens: ArrayLike, relaxed: ArrayLike
) -> Array:
    """Cache of one request of so many tokens on a rank [B].

    Layers with a sliding window hold no more than it; sparse ones, which pick what they
    read, hold everything and are no windows here.
    """
    held = seen(model, tokens)
    each = cache_channels(model, pool.tensor) * formats.cache_bytes
    return held * each * pool.layers(model, relaxed)


def room(
    scenario: Scenario,
    pool: Pool,
    formats: Formats,
    tokens: ArrayLike,
    drafts: ArrayLike,
    relaxed: ArrayLike,
) -> Room:
    """Divide the memory of a rank of a pool whose passes take `tokens` of a group."""
    model, software, serving = scenario.model, scenario.software, scenario.serving
    weights = weight_bytes(model, pool, formats, drafts, relaxed)
    picked = jnp.minimum(model.top_k, 1.0) * model.top_k / jnp.maximum(pool.tensor, 1.0)
    wide = model.hidden * (4.0 + 2.0 * picked)
    wide = wide + jnp.maximum(model.ffn, model.top_k * model.expert_ffn) / pool.tensor
    working = software.activation_copies * 2.0 * tokens * wide
    capacity = scenario.chip.hbm_capacity * software.memory_share
    left = capacity - weights - working - software.framework_memory
    length = serving.input_length + 0.5 * serving.output_length
    each = cache_bytes(model, pool, formats, length, relaxed)
    return Room(weights, working, left, each)


def most_requests(room: Room) -> Array:
    """Requests of a group whose caches fit, not below a small share of one [1]."""
    return jnp.maximum(room.cache, 0.0) / room.each
