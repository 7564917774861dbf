"""The model as a whole: sums, batches, smoothing, limits, log-convexity."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.record import replace
from supernode_opt.search.settings import Settings
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.parts import total
from tests.system.designs import (
    CONTINUOUS,
    as_built,
    evaluated,
    legal_designs,
    random_designs,
    scenario,
)

MODELS = ("pangu_ultra_moe_718b", "llama3_405b")


@pytest.mark.parametrize("sharpness", [8.0, np.inf])
@pytest.mark.parametrize("model", MODELS)
def test_parts_add_up_exactly(model, sharpness):
    where = scenario(model=model)
    # Not compiled: a compiled sum may round in another order.
    report = evaluate(random_designs(200, 1, len(where.links)), where, sharpness)
    for whole, parts in (
        (report.step_time, report.step),
        (report.memory, report.memory_parts),
        (report.power, report.power_parts),
        (report.cost, report.cost_parts),
    ):
        assert jnp.array_equal(whole, total(parts) + jnp.zeros_like(whole))
        for field in dataclasses.fields(parts):
            assert jnp.all(getattr(parts, field.name) >= 0.0), field.name


def test_energy_is_conserved():
    """The coolant carries what chips draw; supplies lose their share and never gain."""
    where = scenario(model="llama3_405b")
    designs = random_designs(200, 1, len(where.links))
    report = evaluated(designs, where, np.inf)
    for whole, parts in (
        (report.power, report.heat),
        (report.chip_power, report.chip_parts),
        (report.average_chip_power, report.average_chip_parts),
        (1.0 / report.mtbf, report.failure_parts),
    ):
        np.testing.assert_allclose(total(parts), whole, 1e-9)
    flow = where.cooling.heat_capacity * designs.coolant_flow
    carried = flow * (report.coolant_outlet_temperature - designs.inlet_temperature)
    np.testing.assert_allclose(carried, report.chip_power, 1e-9)
    load = report.power - report.power_parts.conversion
    np.testing.assert_allclose(load / report.power, where.rack.supply_efficiency, 1e-9)
    assert np.all(report.average_power <= report.power * (1.0 + 1e-9))


def test_scalar_batch_and_vmap_agree():
    where = scenario()
    designs = random_designs(8, 2, len(where.links))
    batch = evaluated(designs, where)
    mapped = jax.jit(jax.vmap(evaluate, in_axes=(-1, None), out_axes=-1))(
        designs, where
    )
    single = evaluated(jax.tree.map(lambda x: x[..., 3], designs), where)
    for name in ("step_time", "memory", "power", "cost", "goodput"):
        wanted = getattr(batch, name)
        np.testing.assert_allclose(getattr(mapped, name), wanted, rtol=1e-12)
        np.testing.assert_allclose(getattr(single, name), wanted[3], rtol=1e-12)


@pytest.mark.parametrize("seed", [3, 6])
@pytest.mark.parametrize("model", MODELS)
def test_smoothing_fades_monotonically(model, seed):
    where = scenario(model=model)
    designs = legal_designs(where, 200, seed=seed)
    # Named, so that it is of the same program as what is smooth.
    exact = evaluated(designs, where, np.inf).step_time
    last = jnp.inf
    for sharpness in (8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0):
        smooth = evaluated(designs, where, sharpness).step_time
        off = smooth / exact - 1.0
        assert jnp.all(off >= -1e-12)
        assert jnp.all(off <= last + 1e-12)
        last = off
    final = evaluated(designs, where, Settings().sharpness[1]).step_time
    assert jnp.max(jnp.abs(final / exact - 1.0)) < 0.01


LOGARITHMIC = tuple(name for name in CONTINUOUS if name != "inlet_temperature")


def _convex_quantities(logs, design, where):
    values = dict(zip(LOGARITHMIC, jnp.exp(logs), strict=True))
    report = evaluated(dataclasses.replace(design, **values), where)
    return jnp.stack(
        [
            jnp.log(report.step_time),
            jnp.log(report.power),
            jnp.log(report.chip_power),
            jnp.log(report.capital_cost),
            report.junction_temperature,
            report.loop_gain,
        ]
    )


@pytest.mark.parametrize("model", MODELS)
def test_exact_model_is_log_convex_in_hardware(model):
    """Hessians, and short and long chords, at random legal splits.

    The exceptions are ratios: average power (energy over time) and with it the energy
    in cost and tokens per dollar.
    """
    where = scenario(model=model)
    count = 300
    designs = legal_designs(where, count, seed=4)
    rng = np.random.default_rng(5)
    low, high = np.log([CONTINUOUS[name] for name in LOGARITHMIC]).T
    here, there = jnp.asarray(rng.uniform(low, high, (2, count, len(low))))
    hessian = jax.jit(jax.vmap(jax.hessian(_convex_quantities), in_axes=(0, -1, None)))
    bend = np.linalg.eigvalsh(hessian(here, designs, where))
    assert np.isfinite(bend).all()
    assert bend.min() > -1e-9
    value = jax.jit(jax.vmap(_convex_quantities, in_axes=(0, -1, None)))
    start = value(here, designs, where)
    for length in (1e-2, 0.1, 1.0):
        end = here + length * (there - here)
        chord = (start + value(end, designs, where)) / 2.0
        middle = value((here + end) / 2.0, designs, where)
        assert jnp.isfinite(middle).all()
        # A short chord lies little above its middle: rounding must not hide a bend.
        assert jnp.all(middle <= chord + 1e-12 + 1e-9 * length**2)


def test_infinite_bandwidth_leaves_kernels_and_latency():
    where = scenario()
    design = as_built(tensor_parallel=8.0, sequence_parallel="on", expert_parallel=64.0)
    design = replace(design, "scale_up_bandwidth", 1e30)
    step = evaluated(design, where).step
    slow = evaluated(replace(design, "scale_up_bandwidth", 1e9), where).step
    assert step.gemm == slow.gemm
    assert step.expert_parallel < 1e-2 * slow.expert_parallel


def test_one_chip_needs_no_fabric():
    where = scenario()
    report = evaluated(replace(as_built(), "chips", 1.0), where)
    assert report.optical_modules == 0.0
    assert report.power_parts.scale_out_switches == 0.0


def test_copper_cannot_span_a_large_domain():
    where = scenario()
    assert evaluated(as_built(scale_up_link="copper"), where).scale_up_reach > 1.0
    near = as_built(scale_up_link="copper", scale_up_domain=32.0)
    assert evaluated(near, where).scale_up_reach == 0.0
