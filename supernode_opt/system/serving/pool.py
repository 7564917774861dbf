"""A pool of chips that serve one phase: its instances and how each is split."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import ceiling
from supernode_opt.system.design import Design
from supernode_opt.workload.model import Model


class Pool(NamedTuple):
    """Ranks of one phase; every instance holds the whole model.

    Attributes:
      ranks: of the pool [1].
      tensor: ranks that share the attention of one group of requests [1].
      data: groups of one stage of an instance [1].
      expert: ranks over which the experts of a layer are spread [1].
      pipeline: stages of an instance [1].
      redundant: copies of experts beside one of each, per layer [1].
    """

    ranks: ArrayLike
    tensor: ArrayLike
    data: ArrayLike
    expert: ArrayLike
    pipeline: ArrayLike
    redundant: ArrayLike

    @property
    def stage(self) -> Array:
        """Ranks of one stage [1]."""
        return jnp.asarray(self.tensor * self.data)

    @property
    def sends(self) -> Array:
        """1 where groups dispatch their tokens to experts on other ranks, else 0."""
        several = jnp.clip(self.data - 1.0, 0.0, 1.0)
        return several * jnp.clip(self.expert - 1.0, 0.0, 1.0)

    @property
    def instance(self) -> Array:
        """Ranks of one instance [1]."""
        return self.stage * self.pipeline

    @property
    def instances(self) -> Array:
        """Copies of the model in the pool [1]."""
        # pyrefly: ignore[bad-return]
        return self.ranks / self.instance

    @property
    def sharing(self) -> Array:
        """Ranks that share the matrices of every expert [1]."""
        return jnp.maximum(self.stage / self.expert, 1.0)

    def alone(self, model: Model) -> Array:
        """1 where shared experts have ranks of their own, else 0 [1].

        There ranks are left when each has one routed expert or a copy; tokens are
        dispatched to shared experts like to routed ones (CloudMatrix-Infer,
        arXiv:2506.12708: 320 ranks for 256 experts, their copies and the shared one's).
        """
        routed = jnp.maximum(model.experts, 1.0) + self.redundant
        left = jnp.asarray(self.expert) >= routed + jnp.maximum(
            model.shared_experts, 1.0
        )
        return jnp.where(left & (jnp.asarray(model.shared_experts) > 0.0), 1.0, 0.0)

    def picks(self, model: Model) -> Array:
        """Experts that a token is sent to [1]."""
        return model.top_k + self.alone(model) * model.shared_experts

    def held(self, model: Model) -> Array:
        """Experts that a rank holds, or has a share of, per layer [1]."""
        each = (jnp.maximum(model.experts, 1.0) + self.redundant) / self.expert
        return jnp.where(self.alone(model) > 0.0, 1.0, each)

    def layers(self, model: Model, relaxed: ArrayLike) -> Array:
        """Layers of the largest stage [1]."""
        return ceiling(model.layers / self.pipeline, relaxed)


def apart(design: Design) -> Array:
    """1 where prefill has chips of its own, else 0 [1]."""
    return jnp.where(jnp.asarray(design.pools.prefill_chips) > 0.0, 1.0, 0.0)


def decode_pool(design: Design) -> Pool:
    """Return the pool that generates, in ranks; `design` counts ranks as chips."""
    return Pool(
        ranks=design.chips - design.pools.prefill_chips,
        tensor=design.tensor_parallel,
        data=design.pools.attention_data_parallel,
        expert=design.expert_parallel,
        pipeline=design.pipeline_parallel,
        redundant=design.pools.redundant_experts,
    )


def prefill_pool(design: Design) -> Pool:
    """Return the pool that reads prompts: its own, or where there is none, all."""
    own, mine = apart(design), decode_pool(design)

    def either(name: str, other: ArrayLike) -> Array:
        return jnp.where(own > 0.0, getattr(design.pools, f"prefill_{name}"), other)

    return Pool(
        ranks=either("chips", mine.ranks),
        tensor=either("tensor_parallel", mine.tensor),
        data=either("attention_data_parallel", mine.data),
        expert=either("expert_parallel", mine.expert),
        pipeline=either("pipeline_parallel", mine.pipeline),
        redundant=mine.redundant,
    )
