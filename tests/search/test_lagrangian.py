"""The augmented Lagrangian against problems solved on paper."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.search.lagrangian import begin, descend


def quadratic(points: Array, data: Array) -> tuple[Array, Array]:
    """Minimise (x - a)^2 + (y - a)^2 with x + y <= 1 and a loose x <= 5."""
    objective = jnp.sum((points - data[:, None]) ** 2, axis=1)
    values = jnp.stack([points.sum(axis=1) - 1.0, points[:, 0] - 5.0], axis=1)
    return objective, values


def solve(start, data, boxed=False, rounds=15):
    state = begin(start, 2)
    for index in range(rounds):
        state = descend(
            state,
            data,
            function=quadratic,
            steps=80,
            boxed=boxed,
            rate=0.2 * 0.6**index,
            last_rate=0.02 * 0.6**index,
            penalty=2.0 * 1.3**index,
        )
    return state


def test_point_and_multiplier_of_a_projection():
    # On paper: x = y = 1/2 and the multiplier is 2 (a - 1/2); loose for a = 0.
    state = solve(jnp.zeros((3, 2)), jnp.asarray([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(state.points[1:], 0.5, atol=1e-5)
    np.testing.assert_allclose(state.points[0], 0.0, atol=1e-5)
    np.testing.assert_allclose(state.multipliers[:, 0], [0.0, 1.0, 3.0], atol=1e-4)
    np.testing.assert_allclose(state.multipliers[:, 1], 0.0)


def test_clipping_finds_a_corner_of_the_box():
    state = solve(jnp.full((1, 2), 0.5), jnp.asarray([-3.0]), boxed=True)
    np.testing.assert_array_equal(state.points, 0.0)


def test_values_belong_to_the_returned_point():
    data = jnp.asarray([1.0, 2.0])
    state = solve(jnp.ones((2, 2)), data, rounds=1)
    objective, values = quadratic(state.points, data)
    np.testing.assert_allclose(state.objective, objective, rtol=1e-12)
    np.testing.assert_allclose(state.values, values, rtol=1e-12)
