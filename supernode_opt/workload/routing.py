"""How unevenly tokens fall on expert ranks: measured, or as balls fall into bins.

A pass waits for the rank that most tokens were sent to.  With `n` ranks whose loads
scatter by `s` around their mean, it has `1 + s m(n)` of the mean, where `m(n)` is the
expected greatest of `n` standard normals; for many ranks that is the `sqrt(2 log n)` of
Raab and Steger 1998, "Balls into Bins - A Simple and Tight Analysis", theorem 1.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import flag, record
from supernode_opt.smooth import greatest_normal
from supernode_opt.units import NonNegative, Number
from supernode_opt.workload.model import Model


@record
class Routing:
    """The load of the busiest expert rank over the mean, `1 + excess`.

    Attributes:
      imbalance: mean of that load, where it was measured; `None` where it follows from
        chance and `popularity` [1].
      popularity: standard deviation of how often experts are picked over the mean; 0
        where tokens are spread at random, as by forced balance [1].
      scale: factor on the excess [1].
      spread: standard deviation of the logarithm of `scale` between runs, lognormal; it
        enters ranges, not the value [1].
    """

    imbalance: Number | None = flag(default=None)
    popularity: NonNegative = 0.0
    scale: Number = 1.0
    spread: NonNegative = 0.0

    def __post_init__(self) -> None:
        """Refuse a rank that is busier than the busiest.

        Raises:
          ValueError: the imbalance is below one.
        """
        if isinstance(self.imbalance, int | float) and 0.0 < self.imbalance < 1.0:
            raise ValueError(f"`imbalance` must be at least 1, but is {self.imbalance}")


def busiest(
    routing: Routing, model: Model, ranks: ArrayLike, tokens: ArrayLike
) -> Array:
    """Load of the busiest of the expert ranks over the mean [1].

    Args:
      routing: how tokens are routed.
      model: its experts, and how many of them a token picks.
      ranks: that share the experts of a layer [1].
      tokens: that one of them sends [1].
    """
    if routing.imbalance is not None:
        excess = jnp.asarray(routing.imbalance) - 1.0
        return 1.0 + routing.scale * excess
    spread = scatter(routing, model, ranks, tokens)
    return 1.0 + routing.scale * greatest_normal(ranks) * spread


def scatter(
    routing: Routing, model: Model, ranks: ArrayLike, tokens: ArrayLike
) -> Array:
    """Standard deviation of the loads of expert ranks over their mean [1].

    Every token picks `top_k` different ones of the experts: of `E`, a rank with one
    `n`-th gets a hypergeometric number of picks.  Experts of a rank that are popular
    more or less than others even each other out.

    Args:
      routing: how tokens are routed, where it was not measured.
      model: its experts, and how many of them a token picks.
      ranks: that share the experts of a layer [1].
      tokens: that one of them sends [1].
    """
    ranks, experts = jnp.asarray(ranks), jnp.maximum(model.experts, 1.0)
    picked = jnp.maximum(tokens * model.top_k, 1e-3)
    left = jnp.maximum(experts - model.top_k, 0.0) / jnp.maximum(experts - 1.0, 1.0)
    variance = left / picked + routing.popularity**2 * ranks / experts
    variance = (1.0 - 1.0 / ranks) * variance
    # The floor keeps the slope finite where one rank has everything.
    return jnp.sqrt(jnp.maximum(variance, 1e-12))
