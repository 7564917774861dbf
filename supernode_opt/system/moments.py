"""Memory over a backward pass whose gradients do not outlive the step.

PyTorch frees gradients after a step (`zero_grad(set_to_none=True)`, the default since
2.0) and allocates each as backward reaches its parameter, so that they grow while
activations go.  Between its ends both are linear in the layers: one of the ends is the
fullest moment.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import stack


class Moment(NamedTuple):
    """What comes and goes within a step, of one rank [stage, *batch] [B]."""

    activations: Array
    logits: Array
    gradients: Array


def fullest_moment(
    held: Array,
    working: Array,
    logits: Array,
    gradients: Array,
    standing: Array,
    sharpness: ArrayLike,
) -> Moment:
    """Return what is there at the fullest moment of a backward pass.

    With the loss there are no gradients but `standing` ones; in the first layer that
    is worked on the logits are gone; in the last one all gradients are there.

    Args:
      held: activations kept for the backward pass [stage, *batch] [B].
      working: of the layer that is worked on, beside what is kept [*batch] [B].
      logits: of a micro-batch, with what the loss makes of them [stage, *batch] [B].
      gradients: of all parameters [stage, *batch] [B].
      standing: share of them that is there before the backward pass [*batch] [1].
      sharpness: of the choice; infinity is exact.
    """
    before, none = standing * gradients, jnp.zeros_like(held)
    moments = Moment(
        activations=stack(held, held + working, none + working),
        logits=stack(logits, none, none),
        gradients=stack(before, before, gradients),
    )
    weights = fullest_weights(sum(moments, start=jnp.zeros(())), sharpness)
    return Moment(*(jnp.sum(weights * part, axis=0) for part in moments))


def fullest_weights(sums: Array, sharpness: ArrayLike) -> Array:
    """Weights of the entries of the first axis in the choice of the fullest one [1].

    They are 0 or 1 in the exact model.
    """
    places = jax.nn.one_hot(jnp.argmax(sums, axis=0), len(sums), axis=0, dtype=float)
    finite = jnp.isfinite(sharpness)
    rate = jnp.where(finite, sharpness, 1.0)
    soft = jax.nn.softmax(rate * jnp.log(jnp.maximum(sums, 1.0)), axis=0)
    return jnp.where(finite, soft, places)
