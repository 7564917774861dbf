"""The batch that is solved inside: brute force agrees, and more room gives more."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.record import replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.serving.solved import most_within
from tests.system.serving.drawn import drawn, given

ROWS, MOST = 48, 128
INF = jnp.asarray(jnp.inf)
NONE = jnp.asarray(0.0)


def curve(seconds, limit, most, relaxed=False):
    found = most_within(
        seconds, jnp.asarray(limit), jnp.asarray(most), NONE, INF, relaxed
    )
    return float(found.batch)


def test_whole_numbers_by_hand():
    # 3 + 2 n keeps 11 up to n = 4, and 12.9 as well.
    assert curve(lambda n: 3.0 + 2.0 * n, 11.0, 100.0) == 4.0
    assert curve(lambda n: 3.0 + 2.0 * n, 12.9, 100.0) == 4.0
    # Memory decides, then nothing does, then not even one may run.
    assert curve(lambda n: 3.0 + 2.0 * n, 11.0, 3.7) == 3.0
    assert curve(lambda n: 3.0 + 2.0 * n, jnp.inf, 500.0) == 500.0
    assert curve(lambda n: 3.0 + 2.0 * n, 1.0, 100.0) == 1.0
    assert curve(lambda n: 3.0 + 2.0 * n, 11.0, 0.0) == 1.0
    # Far from straight: sqrt and square.
    assert curve(lambda n: jnp.sqrt(n), 100.5, 60000.0) == 10100.0
    assert curve(lambda n: n * n, 1e6 + 1.0, 65536.0) == 1000.0


def test_the_crossing_and_its_slopes_by_hand():
    def root(limit, slope):
        return most_within(
            lambda n: 3.0 + slope * n * n, limit, jnp.asarray(1e4), NONE, INF, True
        ).batch

    at = jnp.asarray(21.0), jnp.asarray(2.0)
    # n = sqrt((L - 3) / s): slopes 1 / (2 s n) and -n / (2 s).
    assert float(root(*at)) == pytest.approx(3.0, rel=1e-12)
    slopes = jax.grad(root, argnums=(0, 1))(*at)
    assert [float(x) for x in slopes] == pytest.approx([1 / 12, -0.75], rel=1e-9)


@jax.jit
def batches(designs, where):
    return evaluate(designs, where).batch


@jax.jit
def with_batch(designs, where):
    report = evaluate(designs, where)
    return report.tpot, report.memory_fraction


@pytest.mark.parametrize("model", ["deepseek_v3_671b", "llama3_70b"])
def test_brute_force_over_whole_batches_agrees(model):
    where = given("cloudmatrix384", model)
    designs = drawn(where, ROWS, seed=5)
    found = np.asarray(batches(designs, where))
    # Every count of every design as one batch, and the one after each answer.
    counts = np.concatenate(
        [np.repeat(np.arange(1.0, MOST + 1.0)[:, None], ROWS, 1), [found], [found + 1]]
    )
    many = jax.tree.map(lambda x: jnp.tile(x, len(counts)), designs)
    pools = dataclasses.replace(many.pools, decode_batch=jnp.asarray(counts.ravel()))
    seconds, memory = with_batch(dataclasses.replace(many, pools=pools), where)
    room = min(float(where.software.memory_share), 1.0 - float(where.memory_headroom))
    fits = np.asarray(memory).reshape(counts.shape) <= room * (1.0 + 1e-12)
    soon = np.asarray(seconds) <= float(where.serving.tpot_limit) * (1.0 + 1e-12)
    keeps = fits & soon.reshape(counts.shape)
    best = np.max(np.where(keeps[:MOST], counts[:MOST], 1.0), axis=0)
    # A pool of prefill that does not fit is none the better for any batch.
    asked = fits[0] & (found < MOST)
    assert asked.sum() >= ROWS // 4
    np.testing.assert_array_equal(found[asked], best[asked])
    assert np.all(keeps[-2] | (found == 1.0) | ~fits[0])
    assert not np.any(keeps[-1])


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("serving.tpot_limit", 1.4),
        ("chip.hbm_capacity", 1.3),
        ("chip.hbm_bandwidth", 1.2),
        ("software.memory_share", 1.01),
    ],
)
def test_more_room_gives_no_smaller_batch(path, more):
    where = given("cloudmatrix384", "deepseek_v3_671b")
    designs = drawn(where, ROWS, seed=6)
    before = np.asarray(batches(designs, where))
    value = where
    for name in path.split("."):
        value = getattr(value, name)
    after = np.asarray(batches(designs, replace(where, path, value * more)))
    assert np.all(after >= before)
    assert np.any(after > before)
