"""Augmented Lagrangian around Adam, for many starts at once.

Each row of a batch is its own problem: minimise f(x) subject to g(x) <= 0.  One call of
`descend` is one outer round: a scan of Adam steps on

    f + sum((max(0, multiplier + penalty g)^2 - multiplier^2) / (2 penalty))

followed by the multiplier update (Nocedal and Wright, Numerical Optimization, 2nd
edition, section 17.4).  The outer loop belongs to the caller, in Python, so that a run
can report and stop.  Settings are traced; only the function and the number of steps are
part of the program.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.batch.compiler import compiled

Function = Callable[[Array, Any], tuple[Array, Array]]


class State(NamedTuple):
    """A batch between two rounds.

    Attributes:
      points: unknowns [batch, n].
      multipliers: of the constraints [batch, m].
      objective: f at `points` [batch].
      values: g at `points` [batch, m].
    """

    points: Array
    multipliers: Array
    objective: Array
    values: Array


def begin(points: ArrayLike, constraints: int) -> State:
    """Return the state before the first round: all multipliers zero."""
    points = jnp.asarray(points, float)
    zeros = jnp.zeros((points.shape[0], constraints))
    return State(points, zeros, jnp.zeros(points.shape[0]), zeros)


@partial(compiled, static_argnames=("function", "steps", "boxed"))
def descend(
    state: State,
    data: Any,
    *,
    function: Function,
    steps: int,
    boxed: bool,
    rate: ArrayLike,
    last_rate: ArrayLike,
    penalty: ArrayLike,
) -> State:
    """Run one outer round on every row.

    Args:
      state: points and multipliers to start from.
      data: passed on to `function`.
      function: maps points [batch, n] and `data` to f [batch] and g [batch, m], each
        row by itself.
      steps: Adam steps.
      boxed: keep the points inside the unit box by clipping.
      rate: first step size.
      last_rate: last step size, reached along half a cosine.
      penalty: weight of squared violations.
    """
    adam = optax.scale_by_adam()
    rate, last_rate, penalty = (
        jnp.asarray(x, float) for x in (rate, last_rate, penalty)
    )

    def merit(points: Array) -> tuple[Array, tuple[Array, Array]]:
        objective, values = function(points, data)
        push = jnp.maximum(0.0, state.multipliers + penalty * values)
        penalties = (push**2 - state.multipliers**2) / (2.0 * penalty)
        # Rows do not touch each other, so the gradient of the sum is each row's own.
        return jnp.sum(objective) + jnp.sum(penalties), (objective, values)

    def step(carry: tuple[Array, Any], index: Array) -> tuple[tuple[Array, Any], Any]:
        points, memory = carry
        (_, aux), slope = jax.value_and_grad(merit, has_aux=True)(points)
        slope = jnp.where(jnp.isfinite(slope), slope, 0.0)
        length = jnp.linalg.norm(slope, axis=1, keepdims=True)
        slope = slope / jnp.maximum(length, 1.0)
        move, memory = adam.update(slope, memory)
        # The last step has size zero: f and g returned belong to the point returned.
        phase = jnp.minimum(index / jnp.maximum(steps - 2, 1), 1.0)
        size = last_rate + (rate - last_rate) * 0.5 * (1.0 + jnp.cos(jnp.pi * phase))
        size = jnp.where(index == steps - 1, 0.0, size)
        points = points - size * jnp.asarray(move)
        points = jnp.clip(points, 0.0, 1.0) if boxed else points
        return (points, memory), aux

    start = (state.points, adam.init(state.points))
    (points, _), seen = jax.lax.scan(step, start, jnp.arange(steps))
    objective, values = seen[0][-1], seen[1][-1]
    raised = jnp.maximum(0.0, state.multipliers + penalty * values)
    multipliers = jnp.where(jnp.isfinite(raised), raised, 0.0)
    return State(points, multipliers, objective, values)
