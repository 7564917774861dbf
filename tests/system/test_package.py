"""Voltage, package power by work, limits and throttling, conservation of energy."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.hardware.chip_power import (
    clock_at,
    cores_at,
    port_limit,
)
from supernode_opt.hardware.thermal import thermal_resistance
from supernode_opt.hardware.voltage import (
    clock_of_voltage,
    threshold,
    voltage_of_clock,
    voltage_of_power,
)
from supernode_opt.record import replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.package import (
    Mix,
    allowed_clock,
    busy_state,
    mean_state,
    mix_of,
)
from supernode_opt.system.parts import total
from tests.system.designs import as_built, scenario

throttled = jax.jit(functools.partial(evaluate, throttled=True))
PLAN = {"tensor_parallel": 8.0, "sequence_parallel": "on", "expert_parallel": 64.0}


@pytest.mark.parametrize(("volts", "slope"), [(0.65, 2.41), (0.8, 2.85), (0.9, 3.11)])
def test_slope_of_the_alpha_power_law(volts, slope):
    """d ln P / d ln f = 1 + 2 / (alpha V / (V - Vt) - 1), alpha 1.3, Vt 0.3 V."""
    assert float(threshold(slope, 1.3)) == pytest.approx(0.3 / volts, abs=2e-3)
    bend, step = threshold(slope, 1.3), 1e-5
    up, down = (
        np.log((1.0 + s) * float(voltage_of_clock(1.0 + s, bend, 1.3)) ** 2)
        for s in (step, -step)
    )
    assert (up - down) / (2.0 * step) == pytest.approx(slope, rel=1e-4)


def test_voltage_solves_both_ways():
    for exponent, alpha in ((2.1, 1.1), (2.8, 1.3), (3.4, 1.6)):
        bend = threshold(exponent, alpha)
        ratio = np.asarray([0.05, 0.3, 0.8, 1.0, 1.2, 3.0])
        x = voltage_of_clock(ratio, bend, alpha)
        np.testing.assert_allclose(clock_of_voltage(x, bend, alpha), ratio, rtol=1e-9)
        np.testing.assert_allclose(
            voltage_of_power(ratio * x**2, bend, alpha), x, rtol=1e-9
        )


@pytest.mark.parametrize("name", ["ascend_910c", "gb200", "tpu_v4", "mi350x"])
def test_clock_and_dynamic_power_invert_each_other(name):
    chip = catalog.load("chip", name)
    clock = jnp.asarray([0.05, 0.3, 0.6, 0.9, 1.1])
    power = cores_at(chip, clock, jnp.inf).dynamic
    np.testing.assert_allclose(clock_at(chip, power), clock, rtol=1e-9)


@pytest.mark.parametrize("name", catalog.names("system"))
def test_tdp_is_the_power_at_its_clock_and_temperature(name):
    """Large GEMMs at the sustained clock and the junction limit, memory inside."""
    where = scenario(name)
    chip = where.chip
    warm = replace(where, "chip.junction_limit", 400.0)
    design = as_built(name, where)
    at = busy_state(design, warm, jnp.inf)
    # The loop closes below the limit; its leakage put right, nothing is left over.
    parts = total(at.parts) - at.parts.leakage + chip.leakage_share * chip.tdp
    assert float(parts) == pytest.approx(chip.tdp, rel=1e-9)
    assert float(at.parts.idle) > 0.0


@pytest.mark.parametrize("cap", [1.0, 0.8])
@pytest.mark.parametrize("flow", [1.0, 0.5, 0.3])
def test_sustained_clock_sits_exactly_on_a_limit(cap, flow):
    where = replace(scenario(), "chip.power_cap", cap)
    design = as_built()
    design = replace(design, "coolant_flow", flow * design.coolant_flow)
    design = replace(design, "clock", allowed_clock(design, where))
    state = busy_state(design, where, jnp.inf)
    power = float(state.power) / (cap * where.chip.tdp)
    inlet = float(design.inlet_temperature)
    heat = (float(state.temperature) - inlet) / (where.chip.junction_limit - inlet)
    assert max(power, heat) == pytest.approx(1.0, rel=1e-9)


def test_less_flow_throttles_and_none_stops():
    where, flow = scenario(), as_built().coolant_flow
    last = 0.0
    for share in (1.0, 0.5, 0.25, 0.1, 0.0):
        design = replace(as_built(**PLAN), "coolant_flow", share * flow)
        report = throttled(design, where)
        assert np.isfinite(float(report.step_time))
        assert float(report.step_time) >= last
        assert float(report.clock) <= float(design.clock)
        # The limiter holds even where nothing takes the heat of leakage away.
        assert float(report.average_chip_power) <= where.chip.tdp * (1.0 + 1e-9)
        last = float(report.step_time)
    assert last > 1e6 * float(evaluate(as_built(**PLAN), where).step_time)


@pytest.mark.parametrize("inlet", [363.15, 393.15])
def test_coolant_hotter_than_the_junction_may_be_is_over_the_limit(inlet):
    """Of a negative margin any rise would be a share below one."""
    where = replace(scenario(), "chip.junction_limit", 363.15)
    design = replace(as_built(**PLAN), "inlet_temperature", jnp.asarray(inlet))
    report = evaluate(design, where)
    assert 1.0 < float(report.junction_fraction) < np.inf


def test_a_cap_of_nothing_stops_with_every_quantity_a_number():
    capped = replace(scenario(), "chip.power_cap", 0.0)
    report = throttled(as_built(**PLAN), capped)
    for path, value in jax.tree_util.tree_leaves_with_path(report):
        assert np.isfinite(value).all(), jax.tree_util.keystr(path)
    assert float(report.clock) < 1e-9
    assert float(report.tokens_per_s) < 1e-9


def test_no_power_no_work():
    where, design = scenario(), as_built(**PLAN)
    full = throttled(design, where)
    for cap in (0.7, 0.4, 1e-3, 1e-9):
        slow = throttled(design, replace(where, "chip.power_cap", cap))
        assert np.isfinite(float(slow.step_time))
        assert slow.tokens_per_s < full.tokens_per_s
    assert float(slow.tokens_per_s) < 1e-9 * float(full.tokens_per_s)


def test_work_decides_what_a_package_draws():
    """Waiting less than memory, memory less than arithmetic; nothing above peak."""
    where = scenario()
    report = evaluate(as_built(**PLAN), where)
    nothing = {f.name: jnp.zeros(()) for f in dataclasses.fields(report.step)}

    def mix(**parts):
        step = dataclasses.replace(
            report.step, **nothing | {k: jnp.asarray(v) for k, v in parts.items()}
        )
        return mix_of(step, where)

    arithmetic = mix(gemm=1.0)
    assert float(arithmetic.dynamic) == 1.0
    assert float(arithmetic.streaming) == 0.0
    streaming = mix(optimizer=1.0, gemm=1e-12)
    assert float(streaming.streaming) == pytest.approx(1.0)
    waiting = mix(bubble=1.0, gemm=1e-12)
    assert float(waiting.dynamic) == pytest.approx(where.chip.waiting_activity)
    # Half of the forward pass again is half as much of everything.
    again = mix(gemm=2.0, elementwise=2.0, recompute=2.0)
    assert float(again.streaming) == pytest.approx(0.5)
    assert report.average_chip_power < report.chip_power


def test_idle_package_of_a_910c():
    """User readings: 160-186 W at 34-50 degC; memory at rest, warm leakage.

    An idle chip keeps its clock and with it the voltage that lets it leak.
    """
    warm = replace(as_built(), "inlet_temperature", jnp.asarray(308.15))
    cores = cores_at(scenario().chip, warm.clock, jnp.inf)
    state = mean_state(warm, scenario(), Mix(0.0, 0.0), cores)
    assert 150.0 < float(state.power) < 195.0


def test_die_to_die_links_limit_the_port():
    """Of two dies' traffic half changes dies: 270 GB/s let 540 GB/s pass."""
    chip = catalog.load("chip", "ascend_910c")
    assert float(port_limit(chip, 392e9)) == 392e9
    assert float(port_limit(chip, 784e9)) == pytest.approx(540e9)
    assert float(port_limit(catalog.load("chip", "h100_sxm"), 784e9)) == 784e9


def test_more_of_a_limit_never_slows_a_package():
    """Caps, flows and inlets in turn, over plates up to far beyond a runaway."""
    where, count = scenario(), 2000
    draw = np.random.default_rng(3)
    low, high = np.log([0.02, 0.3, 0.02]), np.log([1.0, 60.0, 3.0])
    cap, plate, flow = np.exp(draw.uniform(low, high, (count, 3))).T
    inlet = draw.uniform(280.0, 370.0, count)
    flow = flow * where.cooling.reference_flow

    @jax.jit
    def clock(cap, plate, flow, inlet):
        path = plate * where.cooling.area_resistance
        given = replace(where, "chip.power_cap", cap)
        given = replace(given, "cooling.area_resistance", path)
        design = replace(as_built(), "coolant_flow", flow)
        return allowed_clock(replace(design, "inlet_temperature", inlet), given)

    at = cap, plate, flow, inlet
    here = clock(*at)
    slopes = jax.grad(lambda *x: jnp.sum(clock(*x)), argnums=(0, 1, 2, 3))
    slopes = jax.jit(slopes)(*at)
    assert all(np.isfinite(slope).all() for slope in slopes)
    for index, factor in ((0, 1.1), (0, 3.0), (1, 0.9), (1, 0.3), (2, 1.1), (3, 0.98)):
        better = [x * factor if i == index else x for i, x in enumerate(at)]
        assert jnp.all(clock(*better) >= here * (1.0 - 1e-12)), index
    # Three times the resistance: the plate decides, whatever the cap above it.
    caps = jnp.asarray([0.7, 0.85, 1.0])
    hot = clock(caps, jnp.full(3, 4.0), jnp.full(3, 1.8e-5), jnp.full(3, 308.0))
    assert hot[0] == hot[1] == hot[2] > 0.05


def test_coolant_leaves_no_warmer_than_the_junction():
    """Also where hardly any flows; plates keep what is known at their own flow."""
    for name in catalog.names("system"):
        where = scenario(name)
        flow = where.cooling.reference_flow * np.logspace(-8.0, 2.0, 41)
        design = replace(as_built(name, where), "coolant_flow", jnp.asarray(flow))
        state = busy_state(design, where, jnp.inf)
        assert jnp.all(state.outlet <= state.temperature), name
        known = where.cooling.area_resistance / where.chip.die_area
        own = thermal_resistance(
            where.chip, where.cooling, where.cooling.reference_flow
        )
        assert float(own) == pytest.approx(known, rel=1e-12)
