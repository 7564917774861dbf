"""Augmented Lagrangian around a descent, for many starts at once.

Each row of a batch is its own problem: minimise f(x) subject to g(x) <= 0.  One call of
`descend` is one outer round: a scan of steps, by Adam or another rule of Optax, on

    f + sum((max(0, multiplier + penalty g)^2 - multiplier^2) / (2 penalty))

followed by the multiplier update (Nocedal and Wright, Numerical Optimization, 2nd
edition, section 17.4).  The outer loop belongs to the caller, in Python, so that a run
can report and stop.  Settings are traced; only the function and the names of the rule
and its schedule are part of the program.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.batch.compiler import compiled
from supernode_opt.batch.kept import Kept
from supernode_opt.search.rules import RULES, Descent
from supernode_opt.search.stepping import size, transformation

ADAM = Descent()
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
    # Not on the device: its every small operation would be compiled.
    began: Any = np.asarray(points, float)
    rows = len(began)
    none: Any = np.zeros((rows, constraints)), np.zeros(rows)
    return State(began, none[0], none[1], none[0])


def descend(
    state: State,
    data: Any,
    *,
    function: Function,
    steps: int,
    boxed: bool,
    rate: float,
    last_rate: float,
    penalty: float,
    descent: Descent = ADAM,
    options: Mapping[str, Any] | None = None,
    quick: bool = False,
) -> State:
    """Run one outer round on every row.

    Args:
      state: points and multipliers to start from.
      data: passed on to `function`.
      function: maps points [batch, n] and `data` to f [batch] and g [batch, m], each
        row by itself.
      steps: gradients of each row.
      boxed: keep the points inside the unit box by clipping.
      rate: first step size.
      last_rate: last step size, where the schedule shrinks steps.
      penalty: weight of squared violations.
      descent: the rule that makes moves of slopes, and the schedule of their sizes.
      options: numbers that the rule reads; see `transformation`.
      quick: whether compiling fast matters more than running fast.
    """
    pace = {"steps": steps, "rate": rate, "last_rate": last_rate, "penalty": penalty}
    pace = {name: np.asarray(value, float) for name, value in pace.items()}
    program = _program(function, boxed, descent, quick)
    return program(state, data, pace, dict(options or {}))


@functools.lru_cache(maxsize=64)
def _program(
    function: Function, boxed: bool, descent: Descent, quick: bool
) -> Callable[..., State]:
    """Return the program of one round.

    Of a record it is kept: by its name a record tells all that it is.
    """
    once = partial(_round, function, boxed, descent)
    if is_dataclass(function):
        return Kept(once, f"descend {function} {boxed} {descent}", quick)
    return compiled(once)


def _round(
    function: Function,
    boxed: bool,
    descent: Descent,
    state: State,
    data: Any,
    pace: Mapping[str, Array],
    options: Mapping[str, Any],
) -> State:
    rule = transformation(descent, options)
    steps, penalty = pace["steps"], pace["penalty"]

    def merit(points: Array) -> tuple[Array, tuple[Array, Array]]:
        objective, values = function(points, data)
        push = jnp.maximum(0.0, state.multipliers + penalty * values)
        penalties = (push**2 - state.multipliers**2) / (2.0 * penalty)
        # Rows do not touch each other, so the gradient of the sum is each row's own.
        return jnp.sum(objective) + jnp.sum(penalties), (objective, values)

    def step(index: Array, carry: tuple[Array, Any, Any]) -> tuple[Array, Any, Any]:
        points, memory, _ = carry
        (_, seen), slope = jax.value_and_grad(merit, has_aux=True)(points)
        slope = jnp.where(jnp.isfinite(slope), slope, 0.0)
        if not RULES[descent.optimizer].joint:
            # Shortened slopes would tell a wrong curvature.
            length = jnp.linalg.norm(slope, axis=1, keepdims=True)
            slope = slope / jnp.maximum(length, 1.0)
        move, memory = rule.update(slope, memory, points)
        # The last step has size zero: f and g returned belong to the point returned.
        phase = jnp.minimum(index / jnp.maximum(steps - 2.0, 1.0), 1.0)
        length = size(descent.schedule, phase, pace["rate"], pace["last_rate"])
        length = jnp.where(index == steps - 1.0, 0.0, length)
        points = points - length * jnp.asarray(move)
        points = jnp.clip(points, 0.0, 1.0) if boxed else points
        return points, memory, seen

    start = (state.points, rule.init(state.points), (state.objective, state.values))
    last = steps.astype(int)
    points, _, (objective, values) = jax.lax.fori_loop(0, last, step, start)
    raised = jnp.maximum(0.0, state.multipliers + penalty * values)
    multipliers = jnp.where(jnp.isfinite(raised), raised, 0.0)
    return State(points, multipliers, objective, values)
