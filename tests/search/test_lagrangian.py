"""The augmented Lagrangian against problems solved on paper."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from supernode_opt.search.lagrangian import begin, descend
from supernode_opt.search.rules import WORDS, Descent
from supernode_opt.search.stepping import size


def quadratic(points: Array, data: Array) -> tuple[Array, Array]:
    """Minimise (x - a)^2 + (y - a)^2 with x + y <= 1 and a loose x <= 5."""
    objective = jnp.sum((points - data[:, None]) ** 2, axis=1)
    values = jnp.stack([points.sum(axis=1) - 1.0, points[:, 0] - 5.0], axis=1)
    return objective, values


def solve(start, data, boxed=False, rounds=15, **how):
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
            **how,
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


def test_steps_are_data_of_one_program():
    data = jnp.asarray([1.0, 2.0])
    few, many = (
        descend(
            begin(np.zeros((2, 2)), 2),
            data,
            function=quadratic,
            steps=steps,
            boxed=False,
            rate=0.1,
            last_rate=0.1,
            penalty=1.0,
            descent=Descent("sgd", "constant"),
        )
        for steps in (2, 3)
    )
    # On paper: the last of the steps has no size, and slopes are shortened to one.
    np.testing.assert_allclose(few.points, 0.1 / np.sqrt(2.0), rtol=1e-12)
    np.testing.assert_allclose(many.points, 0.2 / np.sqrt(2.0), rtol=1e-12)


def test_values_belong_to_the_returned_point():
    data = jnp.asarray([1.0, 2.0])
    state = solve(jnp.ones((2, 2)), data, rounds=1)
    objective, values = quadratic(state.points, data)
    np.testing.assert_allclose(state.objective, objective, rtol=1e-12)
    np.testing.assert_allclose(state.values, values, rtol=1e-12)


@pytest.mark.parametrize("schedule", WORDS["schedule"])
def test_a_schedule_goes_from_the_first_step_to_the_last(schedule):
    sizes = size(schedule, jnp.asarray([0.0, 0.5, 1.0]), 0.4, 0.1)
    # On paper: half a cosine and a line are half way between, a power is 0.4 / 2.
    middle = {"constant": 0.4, "cosine": 0.25, "linear": 0.25, "exponential": 0.2}
    last = 0.4 if schedule == "constant" else 0.1
    np.testing.assert_allclose(sizes, [0.4, middle[schedule], last], rtol=1e-12)


@pytest.mark.parametrize("optimizer", WORDS["optimizer"])
def test_every_optimizer_finds_the_projection(optimizer):
    descent = Descent(optimizer)
    options = {"weight_decay": 1e-6} if optimizer in ("adamw", "lion") else {}
    data = jnp.asarray([0.0, 1.0, 2.0])
    state = solve(jnp.zeros((3, 2)), data, descent=descent, options=options)
    np.testing.assert_allclose(state.points[1:], 0.5, atol=2e-3)
    np.testing.assert_allclose(state.points[0], 0.0, atol=2e-3)


def test_a_row_is_its_own_problem_where_a_rule_sees_all_its_numbers():
    data = jnp.asarray([0.3, 2.0])
    both = solve(jnp.zeros((2, 2)), data, rounds=3, descent=Descent("lbfgs"))
    one = solve(jnp.zeros((1, 2)), data[1:], rounds=3, descent=Descent("lbfgs"))
    np.testing.assert_allclose(both.points[1:], one.points, rtol=1e-12)


def test_momentum_is_the_rules_own():
    # On paper: one row far from its limits, slope 2 x shortened to 1, rate 0.1 of a
    # constant schedule; a second step carries half of the first along.
    def line(points, data):
        return jnp.sum(points**2, axis=1), jnp.full((1, 1), -1.0)

    state = descend(
        begin(jnp.full((1, 1), 5.0), 1),
        None,
        function=line,
        steps=3,
        boxed=False,
        rate=0.1,
        last_rate=0.1,
        penalty=1.0,
        descent=Descent("sgd", "constant"),
        options={"momentum": 0.5},
    )
    np.testing.assert_allclose(state.points, 5.0 - 0.1 - 0.15, rtol=1e-12)
