"""Moves of the descents: rules of Optax for batches whose rows are their own problems.

Numbers of a rule are traced, so that another rate or momentum is not another program.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.search.rules import RULES, Descent

# Longest move of a rule that models curvature, before it is scaled: farther away the
# model says nothing.
_LONGEST = 1.0


def transformation(
    descent: Descent, options: Mapping[str, Any]
) -> optax.GradientTransformation:
    """Return the rule of a descent, for slopes and points [batch, n].

    Args:
      descent: its name, and what else shapes a program.
      options: the numbers `averages`, `momentum` and `weight_decay`, as far as given.
    """
    rule = RULES[descent.optimizer]
    if rule.joint:
        return _by_rows(optax.scale_by_lbfgs(descent.memory))
    averages = dict(zip(("b1", "b2"), options.get("averages", ()), strict=False))
    parts = []
    if rule.transform:
        make = getattr(optax, f"scale_by_{rule.transform}")
        parts.append(make(**rule.fixed, **averages))
    if "momentum" in options:
        parts.append(optax.trace(options["momentum"]))
    if rule.weight_decay is not None:
        decay = options.get("weight_decay", rule.weight_decay)
        parts.append(optax.add_decayed_weights(decay))
    return optax.chain(*parts) if parts else optax.identity()


def size(schedule: str, phase: Array, first: ArrayLike, last: ArrayLike) -> Array:
    """Return the step size at a phase of a round, 0 where it begins and 1 at its end.

    Loshchilov and Hutter, SGDR, arXiv 1608.03983, begin every round anew like this,
    along half a cosine.
    """
    first, last = jnp.asarray(first), jnp.asarray(last)
    if schedule == "constant":
        return jnp.broadcast_to(first, phase.shape)
    if schedule == "exponential":
        return first * (last / first) ** phase
    if schedule == "linear":
        return last + (first - last) * (1.0 - phase)
    return last + (first - last) * 0.5 * (1.0 + jnp.cos(jnp.pi * phase))


def _by_rows(rule: optax.GradientTransformation) -> optax.GradientTransformation:
    """Let a rule see every row by itself, and hold its moves short and downhill.

    Kinks and clipped points spoil what it has learnt of the curvature; the slope itself
    is moved along then.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        made, state = jax.vmap(rule.update)(updates, state, params)
        moves = jnp.asarray(made)
        down = jnp.sum(moves * updates, axis=1, keepdims=True) > 0.0
        moves = jnp.where(down, moves, updates)
        length = jnp.linalg.norm(moves, axis=1, keepdims=True)
        return moves / jnp.maximum(length / _LONGEST, 1.0), state

    return optax.GradientTransformation(jax.vmap(rule.init), update)
