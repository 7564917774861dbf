"""What the machine draws, costs and loses, each worked by hand."""

import math

import jax
import jax.numpy as jnp
import pytest

from supernode_opt import catalog
from supernode_opt.hardware.chip_power import cores_at
from supernode_opt.record import replace
from supernode_opt.system.component_power import component_power
from supernode_opt.system.economics import capital_cost, cost_parts, repaid
from supernode_opt.system.failures import (
    checkpoint_stall,
    failure_parts,
    progress,
    repair_wait,
    spare_share,
)
from supernode_opt.system.package import (
    Mix,
    allowed_clock,
    busy_state,
    held,
    mean_state,
    mix_of,
    provisioned,
    settled_clock,
)
from supernode_opt.system.parts import FailureParts, StepTime
from supernode_opt.system.rates import Rates
from supernode_opt.system.supply import (
    heat_parts,
    power_parts,
    served_power,
    thinnest_power,
)
from supernode_opt.system.wiring import Fabric, Wiring
from supernode_opt.workload.parameters import parameters
from tests.plain import DENSE, design, same, scenario

EXACT = jnp.inf


def rates(**values):
    usual = dict.fromkeys(Rates._fields, 0.0)
    return Rates(**{k: jnp.asarray(v) for k, v in {**usual, **values}.items()})


def fabric(energy=0.0, price=0.0, failures=0.0, **values):
    blank = dict.fromkeys(Fabric._fields, jnp.zeros(()))
    known = {"energy": energy, "price": price, "failures": failures}
    known = {name: jnp.asarray(value) for name, value in known.items()}
    return Fabric(**{**blank, **known, "rates": rates(**values)})


UP = fabric(0.02, 0.2, 0.4, ends=100.0, ports=200.0, leaf_chips=3.0, spine_chips=2.0)
OUT = fabric(0.05, 0.6, 0.1, ends=40.0, ports=30.0, leaf_chips=4.0, spine_chips=1.0)
BUILT = Wiring(UP, OUT, *map(jnp.asarray, (2.0, 8.0, 0.0)))


def test_what_the_parts_draw():
    changes = {"scale_up_switch__coding": 0.5, "scale_up_switch__port_power": 0.5}
    where = scenario(**changes)
    found = component_power(design(), where, (UP.rates, OUT.rates), (0.02, 0.05), 60.0)
    same(found.chips, 16.0 * 60.0)
    # Four boards of 50 W, 160 B/s of interfaces at 0.3 J/B.
    same([found.hosts, found.network_interfaces], [200.0, 48.0])
    # Link energies hold for the quoted rate, half of the counted one.
    same([found.scale_up_links, found.scale_out_links], [1.0, 2.0])
    # 0.03 J/B, and half a watt for each port of 50 B/s.
    same([found.scale_up_switches, found.scale_out_switches], [200.0 * 0.04, 0.9])


def test_fans_and_supplies():
    where = scenario(rack__supply_fixed_share=0.3, rack__supply_square_share=0.2)
    found = power_parts(design(coolant_flow=4.0), where, BUILT, 60.0)
    # Links at full coding 2 W and 2 W, switches 6 W and 0.9 W.
    load = 960.0 + 200.0 + 48.0 + 2.0 + 2.0 + 6.0 + 0.9
    # Twice the reference flow moves eight times 10 %.
    same(found.cooling, 0.8 * load)
    # At full load a supply of 80 % loses a quarter.
    same(found.conversion, 0.25 * 1.8 * load)
    same(served_power(found), 1.8 * load)
    # At half load: 0.3 still, half of the other 0.5, a quarter of 0.2.
    half = power_parts(design(coolant_flow=4.0), where, BUILT, 60.0, 3.6 * load)
    same(half.conversion, 0.25 * 3.6 * load * (0.3 + 0.25 + 0.05))


def test_heat_and_racks():
    heat = heat_parts(scenario(), 1000.0)
    same([heat.liquid, heat.air], [700.0, 300.0])
    # 1600 W of 16 chips; the thinnest rack that is built has three of them.
    thin = scenario(rack__fewest_chips=3.0)
    same(thinnest_power(design(), thin, 1600.0), 300.0)
    few = design(chips=2.0, scale_up_domain=2.0)
    same(thinnest_power(few, scenario(), 160.0), 160.0)


def test_cost_of_a_life():
    where = scenario(reliability__spare_share=0.5)
    found = cost_parts(design(), where, BUILT, 1000.0, 400.0)
    # 7 of margin and the 515 that two square units of wafer and packaging cost.
    chips = 16.0 * (7.0 + 515.0)
    # 16 times 1000 B at 0.01.
    memory = 160.0
    # Four boards of 90, and 160 B/s of interfaces at 0.7.
    hosts = 360.0 + 112.0
    same([found.chips, found.memory, found.hosts], [chips, memory, hosts])
    same(found.links, 100.0 * 0.2 + 40.0 * 0.6)
    same(found.switches, 0.9 * (200.0 + 30.0))
    same([found.racks, found.cooling, found.facility], [1000.0, 400.0, 1500.0])
    # Spare boards are bought with chips, memory and hosts.
    same(found.spares, 0.5 * (chips + memory + hosts))
    # Of every rack's eight chips two stand by, for six that work; as spares they also
    # shorten the wait for repairs.
    idle = scenario(rack__chips_per_rack=6.0, rack__idle_chips=2.0)
    held = cost_parts(design(), idle, BUILT, 1000.0, 400.0)
    same(held.spares, (chips + memory + hosts) / 3.0)
    same(spare_share(idle), 1.0 / 3.0)
    capital = 1.5 * (chips + memory + hosts) + 44.0 + 207.0 + 2900.0
    same(capital_cost(found), capital)
    # 1e-4 of it a second, for 1000 s.
    same(found.maintenance, 0.1 * capital)
    # 400 W with the building's quarter, 1000 s at 0.002.
    same(found.energy, 400.0 * 1.25 * 1000.0 * 0.002)


def test_the_building_outlives_the_machine():
    # 1000 of its 4000 s: a quarter of 1500, without interest; upkeep is of all of it.
    found = cost_parts(
        design(), scenario(facility__building_lifetime=4000.0), BUILT, 1000.0, 400.0
    )
    same([found.facility, found.financing], [375.0, 0.0])
    machine = 16.0 * (7.0 + 515.0) + 160.0 + 472.0 + 44.0 + 207.0 + 1400.0
    same(found.maintenance, 0.1 * (machine + 1500.0))
    # At 5e-4 a second a loan doubles its logarithm in 2000 s: of the building 2 / (1 -
    # exp(-2)) = 2.3130 times its capital is paid back in 4000 s, a quarter of it here;
    # of the machine 0.5 / (1 - exp(-0.5)) = 1.2707 times.
    dear = scenario(facility__building_lifetime=4000.0, facility__cost_of_capital=5e-4)
    found = cost_parts(design(), dear, BUILT, 1000.0, 400.0)
    same(found.facility, 0.25 * 1500.0 * 2.0 / (1.0 - math.exp(-2.0)))
    same(found.financing, machine * (0.5 / (1.0 - math.exp(-0.5)) - 1.0))
    same(capital_cost(found), machine + found.facility)


@pytest.mark.parametrize("grown", [0.0, 1e-9, 9.99e-4, 1.01e-3, 0.3, 40.0])
def test_slope_of_what_is_paid_back(grown):
    """1/2 without interest; x / (1 - exp(-x)) and its slope elsewhere."""
    value, slope = jax.value_and_grad(repaid)(grown)
    if grown < 1e-6:
        same([value, slope], [1.0 + 0.5 * grown, 0.5 + grown / 6.0])
        return
    left = -math.expm1(-grown)
    assert float(value) == pytest.approx(grown / left, rel=1e-9)
    wanted = (left - grown * math.exp(-grown)) / left**2
    assert float(slope) == pytest.approx(wanted, rel=1e-7)


def test_failures_that_stop_a_job():
    found = failure_parts(design(), scenario(), BUILT, 0.75)
    same(found.chips, 16.0 * 0.003)
    same(found.hosts, 4.0 * 0.01)
    same(found.links, 0.25 * 0.5)
    # Ten switch chips of 0.02, of which 60 % are masked.
    same(found.switches, 0.4 * 10.0 * 0.02)
    same(found.other, 0.016)
    wrong = scenario(reliability__corruption_rate=0.002)
    same(failure_parts(design(), wrong, BUILT, 0.75).corruption, 0.032)
    # Each fabric has its own switches.
    sturdy = scenario(scale_out_switch__failure_rate=0.0)
    same(failure_parts(design(), sturdy, BUILT, 0.75).switches, 0.4 * 5.0 * 0.02)


def failing(chips=0.0, hosts=0.0, links=0.0, switches=0.0, other=0.0, corruption=0.0):
    values = map(jnp.asarray, (chips, hosts, links, switches, other, corruption))
    return FailureParts(
        **dict(zip(FailureParts.__dataclass_fields__, values, strict=1))
    )


def test_waiting_for_repairs():
    # Chips and hosts break 0.05 times a second and take 20 s: one board in repair on
    # average.  Without spares the job waits all that time; with one spare, 1 / (1 + 1)
    # of it (Erlang).
    where = scenario(reliability__repair_time=20.0)
    breaking = failing(chips=0.03, hosts=0.02, links=9.0, switches=9.0, other=9.0)
    same(repair_wait(design(), where, breaking), 1.0)
    # 16 chips are four boards: a quarter is one spare.
    spare = scenario(reliability__repair_time=20.0, reliability__spare_share=0.25)
    same(repair_wait(design(), spare, breaking), 0.5)


def test_progress_between_checkpoints():
    # 0.04 stops a second and a stall of 2 s: every sqrt(2 * 2 / 0.04) = 10 s.  A stop
    # loses half of that, 5 s of restart and 3 s of mirrors.
    where = scenario(scale_up_switch__reconfiguration_time=3.0)
    stops = failing(0.01, 0.005, 0.005, 0.01, 0.01)
    found = progress(where, stops, 0.1, checkpoint_stall(design(), where))
    same(found.interval, 10.0)
    same(found.goodput, math.exp(-(0.04 * (5.0 + 5.0 + 3.0) + 0.1)) / 1.2)


def test_silent_corruption_loses_what_was_done_since():
    # One of the 0.04 stops a second in four is noticed after 20 s only.
    where = scenario(reliability__corruption_delay=20.0)
    stops = failing(0.01, 0.005, 0.005, 0.01, corruption=0.01)
    found = progress(where, stops, 0.0, 2.0)
    same(found.interval, 10.0)
    same(found.goodput, math.exp(-(0.04 * (5.0 + 5.0) + 0.01 * 20.0)) / 1.2)


def test_states_are_written_while_the_job_waits():
    # 2 bytes of weight and 12 of optimizer for every parameter, on sixteen chips of
    # 100 B/s, after the stall of 2 s.
    written = 14.0 * float(parameters(DENSE))
    same(checkpoint_stall(design(), scenario()), 2.0)
    where = scenario(reliability__checkpoint_bandwidth=100.0)
    same(checkpoint_stall(design(), where), 2.0 + written / 1600.0)
    same(checkpoint_stall(design(chips=64.0), where), 2.0 + written / 6400.0)
    # 405 billion parameters on 16,384 chips of 0.427 GB/s, 7 TB/s in all: 0.81 s.
    llama = scenario(
        catalog.load("model", "llama3_405b"),
        reliability__checkpoint_bandwidth=0.427e9,
    )
    found = checkpoint_stall(design(chips=16384.0), llama) - 2.0
    assert float(found) == pytest.approx(0.81, rel=0.01)


def step_of(**parts):
    zero = dict.fromkeys(StepTime.__dataclass_fields__, 0.0)
    made = {**zero, **parts}
    return StepTime(**{name: jnp.asarray(value) for name, value in made.items()})


MIXED = {
    "chip__attention_activity": 0.5,
    "chip__memory_activity": 0.25,
    "chip__waiting_activity": 0.1,
}


def test_mix_of_a_step():
    # Forward 20 + 5 + 10 + 15 s, half of it again; 10 s of optimizer, 15 s of waiting.
    step = step_of(
        gemm=20.0,
        head=5.0,
        attention=10.0,
        elementwise=15.0,
        recompute=25.0,
        optimizer=10.0,
        bubble=15.0,
    )
    found = mix_of(step, scenario(**MIXED))
    streaming = 1.5 * 15.0 + 10.0
    same(found.streaming, streaming / 100.0)
    dynamic = 1.5 * (25.0 + 0.5 * 10.0) + 0.25 * streaming + 0.1 * 15.0
    same(found.dynamic, dynamic / 100.0)


WAITING = (
    "launch",
    "tensor_parallel",
    "context_parallel",
    "expert_parallel",
    "parameter_gather",
    "pipeline_transfer",
    "stage_imbalance",
    "bubble",
    "data_parallel",
    "overhead",
    "straggler",
)


@pytest.mark.parametrize("part", WAITING)
def test_a_chip_that_waits_draws_its_waiting_activity(part):
    found = mix_of(step_of(gemm=1.0, **{part: 3.0}), scenario(**MIXED))
    same(found.dynamic, (1.0 + 0.1 * 3.0) / 4.0)


# Chips of 0.1 K/W; idle 15 W, port 5 W, memory 10 W, dynamic 50 W at the clock of 0.8.
COLD = {"chip__leakage_share": 0.0, "chip__static_share": 0.5}


def test_power_of_a_busy_package():
    # Without leakage: idle (50 - 10) - 5 W, and 50 W dynamic.
    state = busy_state(design(), scenario(**COLD), EXACT)
    parts = state.parts
    same([parts.idle, parts.port, parts.memory], [35.0, 5.0, 10.0])
    same([parts.dynamic, parts.leakage], [50.0, 0.0])
    same([state.power, state.temperature], [100.0, 310.0])
    # 100 W into 2 m3/s of 5 J/K/m3.
    same(state.outlet, 310.0)
    # A port of 40 B/s draws 2 W; the idle rest stays the data sheet's.
    narrow = busy_state(design(scale_up_bandwidth=40.0), scenario(**COLD), EXACT)
    same([narrow.parts.port, narrow.parts.idle], [2.0, 35.0])
    # Streaming at 1.2 J/B * 80 B/s = 96 W and a quarter of the dynamic 50 W is more
    # than 60 W of GEMMs: what it takes beyond is the memory's.
    hungry = scenario(chip__memory_energy=1.2, chip__memory_activity=0.25, **COLD)
    memory = busy_state(design(), hungry, EXACT).parts.memory
    same(memory, 96.0 + 12.5 - 50.0)


def test_power_of_a_leaking_package():
    # 80 W in 0.1 K/W: 308 K, 52 below the limit, where 20 W leak 20 exp(-0.52) W; the
    # loop w = x exp(w) is solved by three substitutions to the last digit that counts.
    state = busy_state(design(), scenario(), EXACT)
    x = 0.01 * 0.1 * 20.0 * math.exp(-0.52)
    w = x
    for _ in range(20):
        w = x * math.exp(w)
    same(state.gain, w)
    same(state.parts.leakage, w / 0.001)
    same(state.temperature, 308.0 + w / 0.01)
    same(state.power, 80.0 + w / 0.001)


def test_a_package_is_provisioned_as_its_data_sheet_has_it():
    # At the clock as sold 80 W and the 20 W that it leaks at the limit: the TDP.
    state = busy_state(design(), scenario(), EXACT)
    assert float(state.power) < 95.0
    same(provisioned(state, scenario()), 100.0)
    # At r = 0.9 of it x = 1 / (2 - r): 50 r x^2 = 37.19 W of dynamic power.
    slow = busy_state(design(clock=0.72), scenario(), EXACT)
    wanted = 50.0 + 50.0 * 0.9 / 1.1**2
    same(provisioned(slow, scenario()), wanted)
    # A package hotter than its limit is provisioned what it draws: in four times the
    # resistance 80 W alone warm by 32 K, from 340 K.
    hot = design(inlet_temperature=340.0)
    poor = scenario(cooling__area_resistance=3.2)
    state = busy_state(hot, poor, EXACT)
    assert float(state.temperature) > 372.0
    same(provisioned(state, poor), state.power)


def test_power_of_a_mean_package():
    # Half of 50 W; a quarter of the way from 10 W of rest to 40 W of streaming.
    where = scenario(**COLD)
    cores = cores_at(where.chip, design().clock, EXACT)
    state = mean_state(design(), where, Mix(0.5, 0.25), cores)
    same([state.parts.dynamic, state.parts.memory], [25.0, 17.5])
    same(state.power, 35.0 + 5.0 + 25.0 + 17.5)


def test_a_limiter_takes_from_leakage():
    state = busy_state(design(), scenario(), EXACT)
    same(held(state, 85.0).power, 85.0)
    same(held(state, 85.0).parts.leakage, 5.0)
    same(held(state, 70.0).power, 80.0)
    same(held(state, 1e9).power, state.power)


def test_leakage_falls_with_the_voltage():
    # At half of the sustained clock the voltage is 1 / (2 - 1/2) = 2/3 of that there.
    # Its cube lets 0.296 times as much leak.
    cubed = scenario(chip__leakage_exponent=3.0, chip__memory_energy=0.0)
    rise = (2.0 / 3.0) ** 3
    slow = busy_state(design(clock=0.4), cubed, EXACT)
    dynamic = 50.0 * 0.5 * (2.0 / 3.0) ** 2
    same(slow.parts.dynamic, dynamic)
    x = 0.001 * 20.0 * rise * math.exp(0.01 * (0.1 * (30.0 + dynamic) - 60.0))
    w = x
    for _ in range(20):
        w = x * math.exp(w)
    same(slow.parts.leakage, w / 0.001)
    wanted = 30.0 + dynamic + 20.0 * rise
    same(provisioned(slow, cubed), wanted)
    # As sold nothing changes.
    sold = busy_state(design(), cubed, EXACT)
    same(
        sold.power, busy_state(design(), scenario(chip__memory_energy=0.0), EXACT).power
    )


@pytest.mark.parametrize("exponent", [0.0, 1.0, 3.0, 4.0])
@pytest.mark.parametrize("cap", [1.0, 0.8, 0.55, 0.3])
def test_a_package_at_its_own_clock_draws_its_limit(exponent, cap):
    """The closed form of the clock and the loop of power and heat are one physics."""
    where = scenario(
        chip__leakage_exponent=exponent,
        chip__power_cap=cap,
        chip__memory_energy=0.0,
        chip__maximum_clock=9.0,
    )
    clock = allowed_clock(design(), where)
    found = busy_state(design(clock=clock), where, EXACT).power
    if cap > 0.5:
        same(found, 100.0 * cap)
    assert float(clock) > 0.0
    slope = jax.grad(
        lambda e: allowed_clock(design(), replace(where, "chip.leakage_exponent", e))
    )(exponent + 1e-3)
    assert math.isfinite(float(slope))


def test_clock_of_a_cooled_package():
    # Still: 15 W idle, 5 W port, 10 W memory; limit 100 W in 0.1 K/W are 310 K, and
    # leakage 20 exp(-0.5) W.  What is left, over 50 W, gives voltage and clock.
    share = (100.0 - 30.0 - 20.0 * math.exp(-0.5)) / 50.0
    voltage = (1.0 + math.sqrt(1.0 + 8.0 * share)) / 4.0
    clock = 0.8 * share / voltage**2
    same(allowed_clock(design(), scenario()), clock)
    same(allowed_clock(design(), scenario(chip__maximum_clock=0.6)), 0.6)
    # A machine that is told no clock runs as sold, or as it can.
    same(settled_clock(design(), scenario()), 0.8)
    same(settled_clock(design(), scenario(chip__maximum_clock=0.6)), 0.6)
