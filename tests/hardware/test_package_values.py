"""Voltage, power, heat and price of one package, each worked by hand."""

import dataclasses
import math

import jax
import pytest

from supernode_opt.hardware.chip_power import (
    clock_at,
    core_voltage,
    cores_at,
    idle_power,
    memory_power,
    port_limit,
    port_power,
    power_limit,
)
from supernode_opt.hardware.silicon import die_yield, manufacturing_cost
from supernode_opt.hardware.thermal import (
    junction,
    loop_gain,
    outlet_temperature,
    thermal_resistance,
)
from supernode_opt.hardware.throttle import left_over, sustained_clock, thermal_margin
from supernode_opt.hardware.voltage import (
    clock_of_voltage,
    threshold,
    voltage_of_clock,
    voltage_of_power,
)
from tests.plain import CHIP, COOLING, same

EXACT = math.inf


def chip(**changes):
    return dataclasses.replace(CHIP, **changes)


def test_alpha_power_law_with_an_exponent_of_one():
    # Threshold: 1 - alpha / (1 + 2 / (n - 1)) = 1 - 1 / (1 + 2 / 2) = 1/2, and with
    # alpha 1.2 and n = 2: 1 - 1.2 / 3 = 0.6.
    same(threshold(3.0, 1.0), 0.5)
    same(threshold(2.0, 1.2), 0.6)
    # Clock: ((x - 1/2) / (1/2)) / x = 2 - 1 / x.  Power: r x^2 = 2 x^2 - x.
    same(clock_of_voltage(2.0, 0.5, 1.0), 1.5)
    same(voltage_of_clock(1.5, 0.5, 1.0), 2.0)
    same(voltage_of_power(3.0, 0.5, 1.0), 1.5)
    # ((2 - 0.6) / 0.4)^2 / 2 = 3.5^2 / 2 = 6.125.
    same(clock_of_voltage(2.0, 0.6, 2.0), 6.125)


@pytest.mark.parametrize(
    ("clock", "ratio"),
    # Over the sustained clock 0.8: 1.25, 1 and, below the floor at 0.5, the floor's.
    [(1.0, 1.0 / (2.0 - 1.25)), (0.8, 1.0), (0.2, 1.0 / (2.0 - 0.5))],
)
def test_voltage_and_dynamic_power(clock, ratio):
    # 0.3 V of threshold are half the voltage at the sustained clock, 0.6 V.
    same(core_voltage(CHIP, cores_at(CHIP, clock, EXACT)), 0.6 * ratio)
    # TDP 100 W less 30 % static and 20 % leakage: 50 W at the sustained clock.
    power = 50.0 * (clock / 0.8) * ratio**2
    same(cores_at(CHIP, clock, EXACT).dynamic, power)
    same(clock_at(CHIP, power), clock)


def test_ports_pay_for_what_changes_dies():
    # Of four dies' traffic 3/4 goes on to another die: 0.02 + 0.04 * 3/4 = 0.05 J/B.
    same(port_power(CHIP, 100.0), 5.0)
    same(port_power(chip(dies=1.0), 100.0), 2.0)
    # 60 B/s between dies let 60 / (3/4) = 80 B/s pass.
    narrow = chip(die_bandwidth=60.0)
    same(port_limit(narrow, 100.0), 80.0)
    same(port_limit(narrow, 70.0), 70.0)
    same(port_limit(CHIP, 100.0), 100.0)
    same(port_limit(chip(die_bandwidth=60.0, dies=1.0), 100.0), 100.0)


def test_idle_memory_and_limit():
    # (30 % static - 10 % memory) of 100 W, less the 5 W of the data sheet's port.
    same(idle_power(CHIP), 15.0)
    # At rest 10 W; streaming 0.5 J/B * 100 B/s * 0.8 = 40 W.
    same(memory_power(CHIP, 0.0), 10.0)
    same(memory_power(CHIP, 0.25), 10.0 + 0.25 * 30.0)
    same(memory_power(CHIP, 1.0), 40.0)
    # Where streaming takes less than rest it saves nothing.
    same(memory_power(chip(memory_energy=0.01), 1.0), 10.0)
    same(power_limit(chip(power_cap=0.9)), 90.0)


def test_resistance_falls_with_the_flow():
    # 0.8 / 8 = 0.1 K/W; four times the flow halves the convective 60 %.
    much = dataclasses.replace(COOLING, heat_capacity=500.0)
    same(thermal_resistance(CHIP, much, 2.0), 0.1)
    same(thermal_resistance(CHIP, much, 8.0), 0.1 * (0.4 + 0.6 * 0.5))
    # 5 J/K/m3 * 2 m3/s warm by 1 / 10 K/W, the whole of it: nothing but coolant counts.
    same(thermal_resistance(CHIP, COOLING, 2.0), 0.1)
    same(thermal_resistance(CHIP, COOLING, 8.0), 0.05)
    same(thermal_resistance(CHIP, COOLING, 0.2), 1.0)
    # 40 W over 5 J/K/m3 * 2 m3/s are 4 K.
    same(outlet_temperature(COOLING, 300.0, 40.0, 2.0), 304.0)


def test_leakage_loop():
    # w = x exp(w) is solved by w = 1/4 at x = exp(-1/4) / 4.
    same(loop_gain(0.25 * math.exp(-0.25)), 0.25)
    same(loop_gain(0.5 * math.exp(-0.5)), 0.5)
    # Beyond a gain of 1/2 it goes on with the power 1 / (1 - 1/2) = 2.
    same(loop_gain(3.0 * 0.5 * math.exp(-0.5)), 4.5)
    # Without leakage 300 + 0.5 * 100 = 350 K, ten below the limit: x = 0.01 * 0.5 *
    # P exp(-0.1).  With a gain of 1/4 leakage is 0.25 / (0.01 * 0.5) = 50 W, and warms
    # by 0.25 / 0.01 = 25 K.
    leaking = 0.25 * math.exp(-0.25) * math.exp(0.1) / (0.01 * 0.5)
    leaky = chip(leakage_share=leaking / 100.0)
    temperature, leakage, gain = junction(leaky, 0.5, 300.0, 100.0)
    same(temperature, 375.0)
    same(leakage, 50.0)
    same(gain, 0.25)


def test_slopes_of_what_is_solved():
    # dw / dx = exp(w) / (1 - w); beyond the limit 2 w / x.
    slope = jax.grad(loop_gain)
    same(slope(0.25 * math.exp(-0.25)), math.exp(0.25) / 0.75)
    same(slope(1.5 * math.exp(-0.5)), 2.0 * 4.5 / (1.5 * math.exp(-0.5)))
    # With an exponent of one x = t / (1 - r + t r): at r = 1.5 and t = 1/2 its slopes
    # are t (1 - t) / (1/4)^2 and (1 - r) / (1/4)^2.
    slopes = jax.grad(voltage_of_clock, argnums=(0, 1))(1.5, 0.5, 1.0)
    same(slopes, [4.0, -8.0])


def test_what_a_limit_leaves():
    same(left_over(0.7), 0.3)
    # Of the last 5 %, 3 % are left: 0.05 exp(0.03 / 0.05 - 1).
    same(left_over(0.97), 0.05 * math.exp(-0.4))
    same(thermal_margin(CHIP, 345.0), 15.0)


def test_sustained_clock_on_either_limit():
    # Cooled: 60 K over 0.75 K/W are 80 W, less 41.25 W still and 20 W of leakage at the
    # limit: 18.75 W, 0.375 of 50 W, for which 2 x^2 - x = 0.375 at x = 0.75.
    cooled = 0.8 * 0.375 / 0.75**2
    same(sustained_clock(CHIP, 0.75, 300.0, 41.25), cooled)
    # Capped at 80 W: 300 + 0.5 * 80 is 20 K below the limit, leakage 20 exp(-0.2) W;
    # that and 23.625 W still leave 80 - 23.625 - 20 exp(-0.2) W.
    share = (80.0 - 23.625 - 20.0 * math.exp(-0.2)) / 50.0
    voltage = (1.0 + math.sqrt(1.0 + 8.0 * share)) / 4.0
    capped = 0.8 * share / voltage**2
    same(sustained_clock(chip(power_cap=0.8), 0.5, 300.0, 23.625), capped)


def test_yield_and_price_of_four_dies():
    # Dies of 8 / 4 = 2 at a density of 1/2: (1 + 2 / 2 / 3) ** -3 = 27/64.
    same(die_yield(CHIP), 27.0 / 64.0)
    # 8 of wafer at 27 each over that yield, and 3 of packaging.
    same(manufacturing_cost(CHIP), 8.0 * 27.0 * 64.0 / 27.0 + 3.0)
