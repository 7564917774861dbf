"""Slopes of everything that serving reports: finite anywhere, and right."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.reported import facts_of
from supernode_opt.system.serving.reported import Serves
from tests.system.serving.drawn import anywhere, given

COUNT = 96
# What serving adds, and what else it decides.
NAMES = (*facts_of(Serves), "memory", "mfu", "average_power", "goodput", "cost")
# Everything that is zero as a rule.
ASKED = {
    "input_variation": 0.8,
    "output_variation": 1.1,
    "cached_share": 0.4,
    "slow_cache_share": 0.5,
    "arrival_rate": 20.0,
    "ttft_limit": 2.0,
    "ttft_percentile": 0.9,
    "tpot_percentile": 0.95,
}
MODELS = {
    "deepseek_v3_671b": ASKED,
    "llama3_70b": {},
    "qwen3_5_397b_a17b": ASKED | {"arrival_rate": 0.0, "concurrency": 300.0},
    "deepseek_v4_pro": {"output_length": 1.0},
}


@functools.partial(jax.jit, static_argnames="relaxed")
def slopes(designs, where, along, constants, sharpness, relaxed):
    def report(designs, where):
        return evaluate(designs, where, sharpness, relaxed)

    return jax.jvp(report, (designs, where), (along, constants))


def moved(tree, seed):
    """A tangent that moves every number by about its size; zero is another kind."""
    random = np.random.default_rng(seed)
    return jax.tree.map(
        lambda x: jnp.asarray(random.uniform(0.5, 1.5, x.shape)) * jnp.abs(x), tree
    )


@pytest.mark.parametrize(
    ("model", "relaxed"),
    [
        ("deepseek_v3_671b", True),
        ("deepseek_v3_671b", False),
        ("llama3_70b", True),
        # Of the same program; then a kind of attention that is served alone.
        ("qwen3_5_397b_a17b", True),
        ("deepseek_v4_pro", True),
    ],
)
def test_every_value_and_slope_is_finite(model, relaxed):
    where = given("cloudmatrix384", model, **MODELS[model])
    designs = anywhere(where, COUNT, seed=1)
    tangents = moved(designs, 2), moved(where, 3)
    for sharpness in (8.0, jnp.inf):
        value, slope = slopes(designs, where, *tangents, sharpness, relaxed)
        for kind, tree in (("value", value), ("slope", slope)):
            wrong = [
                jax.tree_util.keystr(path)
                for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
                if not np.all(np.isfinite(leaf))
            ]
            assert not wrong, (kind, sharpness, wrong)


@pytest.mark.parametrize("model", ["deepseek_v3_671b", "llama3_70b"])
def test_slopes_are_those_of_finite_differences(model):
    """Relaxed and smooth, with the batch that keeps the limit: implicit and all."""
    where = given("cloudmatrix384", model, **MODELS[model])
    designs = anywhere(where, COUNT, seed=4)
    along, still = moved(designs, 5), jax.tree.map(jnp.zeros_like, where)
    value, slope = slopes(designs, where, along, still, 8.0, True)

    def at(step):
        there = jax.tree.map(lambda x, t: x + step * t, designs, along)
        return slopes(there, where, along, still, 8.0, True)[0]

    # Ends of clips lie a step away for some; these are few.
    near, far = (
        jax.tree.map(lambda a, b, h=h: (a - b) / (2.0 * h), at(h), at(-h))
        for h in (1e-5, 2e-5)
    )
    for name in NAMES:
        exact, one, two = (
            np.broadcast_to(getattr(x, name), COUNT) for x in (slope, near, far)
        )
        size = np.abs(np.broadcast_to(getattr(value, name), COUNT)) + 1e-30
        smooth = np.abs(one - two) <= 1e-5 * np.abs(two) + 1e-7 * size
        assert smooth.mean() > 0.8, name
        close = np.abs(exact - one) <= 1e-4 * np.abs(one) + 1e-6 * size
        assert np.all(close[smooth]), (
            name,
            exact[smooth & ~close],
            one[smooth & ~close],
        )


def test_the_batch_answers_to_the_limit_as_the_implicit_function_says():
    where = given("cloudmatrix384", "deepseek_v3_671b")
    designs = anywhere(where, COUNT, seed=7)
    pools = dataclasses.replace(
        designs.pools, decode_batch=jnp.zeros_like(designs.pools.decode_batch)
    )
    designs = dataclasses.replace(designs, pools=pools)
    still = jax.tree.map(jnp.zeros_like, designs)
    zero = jax.tree.map(jnp.zeros_like, where)
    serving = dataclasses.replace(zero.serving, tpot_limit=jnp.asarray(1.0))
    constants = dataclasses.replace(zero, serving=serving)
    value, slope = slopes(designs, where, still, constants, 8.0, True)
    limit = float(where.serving.tpot_limit)
    bound = np.abs(np.asarray(value.tpot) - limit) < 1e-9 * limit
    assert bound.sum() > COUNT // 8
    # Where the limit decides, the time per token is the limit, and moves with it.
    np.testing.assert_allclose(np.asarray(slope.tpot)[bound], 1.0, rtol=1e-7)
    assert np.all(np.asarray(slope.batch)[bound] > 0.0)
