"""Physics of GEMM time and watts: slopes over a large box, signs and limits."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.hardware.gemm import Package, Shape, cached, gemm
from supernode_opt.hardware.gemm_residual import Residual, work_factor

IDS = catalog.names("gemm_kernel")
# Without names all kernels are one program to compile.
UNNAMED = {"name": "", "architecture": "", "precision": "", "residual": False}
KERNELS = [dataclasses.replace(catalog.gemm_kernel(name), **UNNAMED) for name in IDS]
POINTS = 2000
FIELDS = ("m", "n", "k", "peak", "bandwidth", "limit")


def box(kernel, seed=0):
    """Return logarithms of m, n, k, peak, bandwidth and limit [point, field]."""
    random = np.random.default_rng(seed)
    sides = np.log(1e6) * random.random((POINTS, 3))
    rates = np.log([kernel.reference_rate, 4e12])
    rates = rates + np.log([2.0, 4.0]) * (2.0 * random.random((POINTS, 2)) - 1.0)
    limit = np.log(kernel.idle_power) + np.log(30.0) * random.random((POINTS, 1))
    return np.concatenate([sides, rates, limit], axis=1)


@jax.jit
def cost(kernel, logs, repeat=1.0 / 6.0, sharpness=jnp.inf):
    m, n, k, *package = jnp.moveaxis(jnp.exp(logs), -1, 0)
    shape, package = Shape(m, n, k), Package(*package)
    return gemm(kernel, shape, package, repeat=repeat, sharpness=sharpness)


@pytest.fixture(params=KERNELS, ids=IDS)
def kernel(request):
    return request.param


def values(kernel, logs, sharpness):
    found = cost(kernel, logs, sharpness=sharpness)
    return jnp.log(jnp.stack([found.time, found.power]))


@jax.jit
def slopes_of(kernel, logs, sharpness):
    """Return slopes of log time and log power towards constants and logarithms."""
    each = jax.jacrev(values, argnums=(0, 1))
    return jax.vmap(each, in_axes=(None, 0, None))(kernel, logs, sharpness)


@pytest.mark.parametrize("sharpness", [jnp.inf, 48.0])
def test_slopes_are_finite_and_equal_differences(kernel, sharpness):
    logs = box(kernel)[:500]
    slopes = np.asarray(slopes_of(kernel, logs, sharpness)[1])
    assert np.isfinite(slopes).all()
    step = 1e-5
    middle = np.asarray(values(kernel, logs, sharpness)).T
    for place, field in enumerate(FIELDS):
        moved = step * np.eye(len(FIELDS))[place]
        right = np.asarray(values(kernel, logs + moved, sharpness)).T - middle
        left = middle - np.asarray(values(kernel, logs - moved, sharpness)).T
        # Where two pieces of the exact model meet, any slope between theirs is right.
        low, high = np.minimum(left, right) / step, np.maximum(left, right) / step
        found = slopes[..., place]
        room = 1e-3 * (1.0 + np.abs(found))
        assert (found >= low - room).all(), field
        assert (found <= high + room).all(), field


def test_constants_have_finite_slopes(kernel):
    slopes, _ = slopes_of(kernel, box(kernel)[:500], jnp.inf)
    assert all(np.isfinite(slope).all() for slope in jax.tree.leaves(slopes))
    # Of these more is never faster.
    for name in ("launch_time", "inner", "wave", "idle_power", "flop_energy"):
        elasticity = getattr(slopes, name)[:, 0] * getattr(kernel, name)
        assert (elasticity >= -1e-6).all(), name


@pytest.mark.parametrize("repeat", [0.0, 1.0])
def test_watts_stay_between_idle_and_limit(kernel, repeat):
    logs = box(kernel, seed=1)
    found = cost(kernel, logs, repeat=repeat)
    limit = np.exp(logs[:, -1])
    assert (np.asarray(found.power) >= kernel.idle_power).all()
    assert (np.asarray(found.power) <= limit * (1.0 + 2e-6)).all()
    assert (np.asarray(found.clock) <= 1.0).all()


@pytest.mark.parametrize(
    ("field", "sign"),
    [("m", 1), ("n", 1), ("k", 1), ("peak", -1), ("bandwidth", -1), ("limit", -1)],
)
def test_time_goes_the_way_engineers_expect(kernel, field, sign):
    logs = box(kernel, seed=2)
    moved = 0.3 * np.eye(len(FIELDS))[FIELDS.index(field)]
    before = np.asarray(cost(kernel, logs).time)
    after = np.asarray(cost(kernel, logs + moved).time)
    assert (sign * (after / before - 1.0) >= -1e-9).all()


def test_exact_and_smooth_model_agree_where_power_is_ample(kernel):
    logs = box(kernel, seed=3)
    logs[:, -1] = np.log(1e5)
    exact, smooth = cost(kernel, logs), cost(kernel, logs, sharpness=48.0)
    np.testing.assert_allclose(exact.clock, 1.0)
    np.testing.assert_allclose(smooth.time, exact.time, rtol=1e-9)
    np.testing.assert_allclose(exact.power, exact.demand)


def test_power_that_ends_at_the_limit_is_spent():
    kernel = KERNELS[IDS.index("vllm_hopper_bf16")]
    limits = np.array([300.0, 500.0, 700.0])
    logs = np.log([[8192.0, 8192.0, 8192.0, 989.4e12, 4.37e12, w] for w in limits])
    found = cost(kernel, logs)
    np.testing.assert_allclose(found.power, kernel.limit_share * limits)
    assert (np.diff(found.clock) > 0.0).all()
    assert (np.asarray(found.demand) > 700.0).all()


def test_hand_computed_gemm():
    kernel = dataclasses.replace(
        catalog.gemm_kernel("vllm_hopper_bf16"),
        array_efficiency=0.5,
        inner=100.0,
        wave=1e6,
        launch_time=2e-6,
        overlap=np.inf,
        power_exponent=3.0,
        clock_power=100.0,
        idle_power=50.0,
        flop_energy=1e-12,
        byte_energy=1e-10,
        reference_rate=1e15,
        voltage_floor=0.0,
        limit_share=1.0,
    )
    found = gemm(kernel, Shape(1000.0, 1000.0, 1000.0), Package(1e15, 1e12, 1e4))
    # 2 GFLOP, once more for the wave and a tenth for the fill, at 0.5 PFLOP/s; memory
    # needs 6 us for 6 MB.
    work = max(2e9 * 2.1 / 0.5e15, 6e6 / 1e12)
    assert float(found.time) == pytest.approx(2e-6 + work)
    watts = 50.0 + 100.0 + (2e9 * 1e-12 + 6e6 * 1e-10) / (2e-6 + work)
    assert float(found.power) == pytest.approx(watts)


def test_weights_that_take_turns_in_a_large_cache_stay_there():
    kernel = catalog.gemm_kernel("vllm_blackwell_bf16")
    small, large = Shape(128.0, 1024.0, 1024.0), Shape(128.0, 65536.0, 16384.0)
    assert float(cached(kernel, small, 1.0 / 6.0)) > 0.99
    assert float(cached(kernel, large, 1.0 / 6.0)) < 0.01
    assert float(cached(kernel, small, 0.0)) == 0.0


def test_a_network_of_zeros_is_the_identity_and_knows_its_series():
    residual = Residual(
        ("a", "b"),
        (np.ones((6, 3)), np.ones((3, 3)), np.zeros((3, 1))),
        (np.zeros(3), np.zeros(3), np.zeros(1)),
    )
    shape = Shape(np.array([1.0, 2048.0, 1e6]), 4096.0, 4096.0)
    np.testing.assert_array_equal(work_factor(residual, shape, 1), 1.0)
    biased = residual._replace(biases=(*residual.biases[:2], np.array([0.1])))
    found = work_factor(biased, shape, np.array([0, 1, -1]))
    np.testing.assert_allclose(found, [np.exp(0.1), np.exp(0.1), 1.0])
