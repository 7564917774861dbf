"""What a rank holds: weights, caches, working memory; and for how many requests."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import record
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.attention import cache_bytes, context_of
from supernode_opt.system.serving.pool import Pool
from supernode_opt.system.serving.products import layers_with, shapes
from supernode_opt.units import quantity
from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import embedding_parameters, norm_parameters
from supernode_opt.workload.products import GROUPED
from supernode_opt.workload.serving import FORMAT_BYTES, Formats

Memory = quantity("B", zero=True)
# A logit in single precision, and the probability made of it [B].
LOGIT_BYTES = 8.0
# Norms, router, embedding and head stay in BF16 [B].
_KEPT = FORMAT_BYTES["bf16"]


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
      working: activations of a pass of prefill [B].
      left: for requests in decode [B].
      cache, activations, logits: of one request in decode [B].
    """

    weights: Array
    working: Array
    left: Array
    cache: Array
    activations: Array
    logits: Array

    @property
    def each(self) -> Array:
        """Memory of one request [B]."""
        return self.cache + self.activations + self.logits


def weight_bytes(
    model: Model, pool: Pool, formats: Formats, drafts: ArrayLike, relaxed: ArrayLike
) -> Array:
    """Weights of a rank of the fullest stage [B].

    Embedding and head are at the two ends of a pipeline; tied they are one.  Where
    tokens are drafted, one more layer and its joint lie beside them.
    """
    table = shapes(model, pool)
    held = pool.held(model)

    def of(part: str) -> Array:
        """Bytes of one layer's products of a part, or of a single product."""
        found = jnp.zeros(())
        for k, name in enumerate(table.names):
            if table.parts[k] != part:
                continue
            size = formats.expert_bytes if name in GROUPED else formats.weight_bytes
            size = _KEPT if table.kept[k] else size
            size = size * held if name in GROUPED else size
            found = found + table.columns[k] * table.inner[k] * size
        return found

    count, norms = layers_with(model), _KEPT * norm_parameters(model)
    parts = {name: of(name) for name in count if name not in ("head", "ahead")}
    layers = sum(count[name] * size for name, size in parts.items())
    layers = layers + model.layers * norms
    mixing = ("attention", "index", "linear")
    each = sum(count[name] * parts[name] for name in mixing) / model.layers + norms
    block = jnp.where(
        jnp.asarray(model.experts) > 0.0,
        parts["expert"] + parts["grouped"],
        parts["dense"],
    )
    share = pool.layers(model, relaxed) / model.layers
    ends = jnp.where(jnp.asarray(pool.pipeline) > 1.0, 1.0, 2.0 - model.tied)
    table_bytes = _KEPT * embedding_parameters(model) / pool.tensor
    ahead = jnp.minimum(drafts, 1.0) * (each + block + of("ahead"))
    # The last norm is everywhere; it is too small to matter.
    return layers * share + ends * table_bytes + ahead + _KEPT * model.hidden


def room(
    scenario: Scenario,
    pool: Pool,
    formats: Formats,
    tokens: ArrayLike,
    drafts: ArrayLike,
    relaxed: ArrayLike,
) -> Room:
    """Divide the memory of a rank of a pool whose passes of prefill take `tokens`.

    They are those of one group; none in a pool that does nothing but decode.  The stack
    fills its share of the memory, but leaves what the scenario asks to be left.
    """
    model, software, serving = scenario.model, scenario.software, scenario.serving
    weights = weight_bytes(model, pool, formats, drafts, relaxed)
    wide = model.hidden * (4.0 + 2.0 * model.top_k / pool.tensor)
    wide = wide + jnp.maximum(model.ffn, model.top_k * model.expert_ffn) / pool.tensor
    wide = software.activation_copies * 2.0 * wide
    share = jnp.minimum(software.memory_share, 1.0 - scenario.memory_headroom)
    capacity = scenario.chip.hbm_capacity * share
    left = capacity - weights - tokens * wide - software.framework_memory
    layers = pool.layers(model, relaxed) + jnp.minimum(drafts, 1.0)
    each = cache_bytes(model, pool.tensor, formats, context_of(serving)) * layers
    # A micro-batch of a pipeline is one of as many.
    queries = (1.0 + drafts) / pool.pipeline
    logits = queries * LOGIT_BYTES * model.vocabulary / pool.tensor
    zero = jnp.zeros_like(left)
    return Room(
        weights + zero,
        tokens * wide + zero,
        left,
        each + zero,
        queries * wide + zero,
        logits + zero,
    )


def most_requests(room: Room) -> Array:
    """Requests of a group that fit, in fractions; none where weights leave no room."""
    return jnp.maximum(room.left, 0.0) / room.each


def memory_of(
    mine: Room,
    theirs: Room,
    batch: Array,
    waiting: ArrayLike,
    own: Array,
    scenario: Scenario,
    count: int,
) -> ServingMemory:
    """Return the memory of the fuller pool's chips.

    Args:
      mine, theirs: of ranks of the pools of decode and prefill.
      batch: requests in decode of a group [1].
      waiting: prompts whose caches are on a group of prefill [1].
      own: 1 where prefill has chips of its own [1].
      scenario: of ranks.
      count: ranks of a chip.
    """
    filled = mine.weights + mine.working + batch * mine.each
    other = own * (theirs.weights + theirs.working + waiting * theirs.cache)
    fuller, zero = other > filled, jnp.zeros_like(filled)

    def of(ours: ArrayLike, others: ArrayLike) -> Array:
        return count * (jnp.where(fuller, others, ours) + zero)

    return ServingMemory(
        weights=of(mine.weights, theirs.weights),
        cache=of(batch * mine.cache, waiting * theirs.cache),
        activations=of(mine.working + batch * mine.activations, theirs.working),
        logits=of(batch * mine.logits, zero),
        fragmentation=count * zero,
        buffers=count * zero,
        framework=count * (scenario.software.framework_memory + zero),
    )
