"""What the machine is made of, draws, costs and loses, each worked by hand."""

import dataclasses
import math

import jax.numpy as jnp
import pytest

from supernode_opt.system.component_power import load
from supernode_opt.system.economics import capital_cost, cost_parts
from supernode_opt.system.failures import failure_parts, progress, repair_wait
from supernode_opt.system.package import (
    Mix,
    allowed_clock,
    busy_state,
    held,
    mean_state,
    mix_of,
    settled_clock,
)
from supernode_opt.system.rates import Rates, scale_out_rates, scale_up_rates
from supernode_opt.system.report import FailureParts, StepTime
from supernode_opt.system.supply import (
    heat_parts,
    power_parts,
    served_power,
    thinnest_power,
)
from supernode_opt.system.wiring import Fabric, Wiring, wire
from tests.plain import COPPER, LIGHT, design, same, scenario

EXACT = jnp.inf


def up_rates(chosen, **changes):
    return scale_up_rates(chosen, scenario(**changes), False)


def out_rates(chosen, **changes):
    return scale_out_rates(chosen, scenario(**changes), False)


def test_a_domain_of_packet_switches():
    # 16 chips of 100 B/s in domains of 8, two tiers: two links of two ends each, three
    # ports; hosts of 5 B/s on each of four boards.
    found = up_rates(design(), host__scale_up_bandwidth=5.0)
    same([found.tiers, found.cabled], 2.0)
    same(found.ends, 1600.0 * 2.0 * 2.0)
    same(found.ports, 1600.0 * 3.0 + 20.0)
    same(found.modules, 6400.0 / 50.0)
    # Of three ports two are leaves' and one is spines', of 200 B/s a chip.
    same(found.spine_chips, 4820.0 / 200.0 / 3.0)
    same(found.leaf_chips, 4820.0 / 200.0 * 2.0 / 3.0)
    # A first tier on the board needs no cable.
    same(up_rates(design(), scale_up_switch__on_board=1.0).ends, 3200.0)
    # One tier has leaves only; one chip no fabric.
    single = up_rates(design(scale_up_domain=4.0))
    same([single.ends, single.ports, single.leaf_chips], [3200.0, 1600.0, 8.0])
    same(single.spine_chips, 0.0)


PLANES = {"scale_up_switch__plane_bandwidth": 25.0}


def test_planes_have_whole_chips_of_their_own():
    # Four planes.  A domain of 8 carries 8 * 25 down and up: two chips of 200 B/s, in
    # each of two domains; spines 8 * 25: one chip.
    found = up_rates(design(), **PLANES)
    same(found.leaf_chips, 4.0 * 2.0 * 2.0)
    same(found.spine_chips, 4.0 * 1.0 * 2.0)
    # On boards of four: 4 * 25 down and up are one chip on each of four boards.
    found = up_rates(design(), scale_up_switch__on_board=1.0, **PLANES)
    same(found.leaf_chips, 4.0 * 1.0 * 4.0)
    # Hosts of 160 B/s per board add 160 * 2 * 25 / 100 to a plane's 400: three chips.
    found = up_rates(design(), host__scale_up_bandwidth=160.0, **PLANES)
    same(found.leaf_chips, 4.0 * 3.0 * 2.0)
    # 64 chips in three tiers have three ports' worth of spines: 3 * 64 * 25 / 200.
    large = design(chips=64.0, scale_up_domain=64.0)
    same(up_rates(large, **PLANES).spine_chips, 4.0 * 24.0)
    same(up_rates(design(chips=1.0, scale_up_domain=1.0), **PLANES).leaf_chips, 0.0)


def test_a_torus_and_its_circuits():
    torus = {"scale_up_switch__topology": "direct"}
    cubes = design(chips=64.0, scale_up_domain=64.0)
    found = up_rates(cubes, **torus)
    same([found.ends, found.ports, found.leaf_chips], [6400.0, 0.0, 0.0])
    # Of a rack of 8 = 2 * 2 * 2 half of the link ends leave, to circuits.
    circuits = up_rates(cubes, scale_up_switch__topology="circuit")
    same([circuits.ends, circuits.ports], [6400.0, 3200.0])
    same([circuits.leaf_chips, circuits.spine_chips], [3200.0 / 200.0, 0.0])


def test_a_network_that_is_thinned_above_its_first_tier():
    # 16 chips of 10 B/s, two tiers, the upper one halved: 160 (1 + 1/2) twice.
    found = out_rates(design(oversubscription=2.0))
    same([found.tiers, found.cabled], 2.0)
    same(found.ends, 480.0)
    same(found.modules, 480.0 / 50.0)
    # Ports: down, and up and down again.  Leaves: down and up.
    same(found.ports, 160.0 * (1.0 + 2.0 * 0.5))
    same(found.leaf_chips, 160.0 * 1.5 / 200.0)
    same(found.spine_chips, 160.0 * 0.5 / 200.0)
    # Three tiers of 64 chips: 640 (1 + 2/2) links, 640 (1 + 2 * 2/2) ports.
    large = out_rates(design(chips=64.0, oversubscription=2.0))
    same([large.ends, large.ports], [2560.0, 1920.0])
    same(large.leaf_chips, 640.0 * 1.5 / 200.0)


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
    found = load(design(), where, (UP.rates, OUT.rates), (0.02, 0.05), 60.0)
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
    capital = 1.5 * (chips + memory + hosts) + 44.0 + 207.0 + 2900.0
    same(capital_cost(found), capital)
    # 1e-4 of it a second, for 1000 s.
    same(found.maintenance, 0.1 * capital)
    # 400 W with the building's quarter, 1000 s at 0.002.
    same(found.energy, 400.0 * 1.25 * 1000.0 * 0.002)


def test_failures_that_stop_a_job():
    found = failure_parts(design(), scenario(), BUILT, 0.75)
    same(found.chips, 16.0 * 0.003)
    same(found.hosts, 4.0 * 0.01)
    same(found.links, 0.25 * 0.5)
    # Ten switch chips of 0.02, of which 60 % are masked.
    same(found.switches, 0.4 * 10.0 * 0.02)
    same(found.other, 0.016)
    # Each fabric has its own switches.
    sturdy = scenario(scale_out_switch__failure_rate=0.0)
    same(failure_parts(design(), sturdy, BUILT, 0.75).switches, 0.4 * 5.0 * 0.02)


def failing(chips=0.0, hosts=0.0, links=0.0, switches=0.0, other=0.0):
    values = map(jnp.asarray, (chips, hosts, links, switches, other))
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
    found = progress(where, stops, 0.1)
    same(found.interval, 10.0)
    same(found.goodput, math.exp(-(0.04 * (5.0 + 5.0 + 3.0) + 0.1)) / 1.2)


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


def test_power_of_a_mean_package():
    # Half of 50 W; a quarter of the way from 10 W of rest to 40 W of streaming.
    state = mean_state(design(), scenario(**COLD), Mix(0.5, 0.25), EXACT)
    same([state.parts.dynamic, state.parts.memory], [25.0, 17.5])
    same(state.power, 35.0 + 5.0 + 25.0 + 17.5)


def test_a_limiter_takes_from_leakage():
    state = busy_state(design(), scenario(), EXACT)
    same(held(state, 85.0).power, 85.0)
    same(held(state, 85.0).parts.leakage, 5.0)
    same(held(state, 70.0).power, 80.0)
    same(held(state, 1e9).power, state.power)


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


def wired(chosen, power=60.0, **changes):
    return wire(chosen, scenario(**changes), False, power)


def test_racks_of_a_machine():
    # 16 chips in two racks of eight; domains of eight in one rack each.
    built = wired(design())
    same([built.racks, built.held], [2.0, 8.0])
    same(built.up.span, 2.0)
    # A square hall of two racks: 2 + 2 (sqrt(8) - 2).
    same(built.out.span, 2.0 + 2.0 * (math.sqrt(8.0) - 2.0))
    # A domain of 16 lies in a row of two.
    same(wired(design(scale_up_domain=16.0)).up.span, 5.0)


def test_racks_are_thinned_by_all_that_heats_them():
    # Chips 60 W, hosts 12.5 W and interfaces 3 W each; links of two tiers 64 ends of
    # 100 B/s at 0.01 J/B, 4 W each, and 640 / 16 at 0.05, 2 W; switches 0.03 J/B of 300
    # and of 30 B/s.  Fans a tenth, supplies a quarter.
    each = (60.0 + 12.5 + 3.0 + 4.0 + 2.0 + 9.0 + 0.9) * 1.1 / 0.8
    built = wired(
        design(), rack__fewest_chips=2.0, cooling__rack_power_limit=each * 4.0
    )
    same([built.held, built.racks], [4.0, 4.0])
    same(built.up.span, 2.0 + 3.0 * 1.0)


def test_fabrics_of_a_machine():
    up, out = (built := wired(design())).up, built.out
    # Copper in the domain, 128 modules of 6400 B/s; light outside, 640 B/s.
    same([up.energy, up.price, up.optical], [0.01, 0.2, 0.0])
    same(up.failures, 128.0 * 0.001)
    same([out.energy, out.price, out.optical], [0.05, 0.6, 12.8])
    same(out.failures, 12.8 * 0.004)
    same([up.reach, out.reach, up.short], 0.0)
    same([up.temperature, out.temperature], 300.0)
    # Prices are for the quoted rate.
    same(wired(design(), scale_up_switch__coding=0.5).up.price, 0.1)
    # A domain over three racks is 8 m long, one over six 17 m: copper reaches 8 m.
    far = design(chips=48.0, scale_up_domain=48.0)
    same(wired(far).up.reach, 17.0 / 8.0 - 1.0)
    same(wired(design(chips=24.0, scale_up_domain=24.0)).up.reach, 0.0)
    # Across a hall of eight racks: 2 + 2 (sqrt(32) - 2) m.
    hall = wired(design(chips=64.0, out=(1.0, 0.0))).out
    same(hall.span, 2.0 + 2.0 * (math.sqrt(32.0) - 2.0))
    same(hall.reach, hall.span / 8.0 - 1.0)
    same(wired(design(chips=1.0, out=(1.0, 0.0)), rack__cable_length=9.0).out.reach, 0)


def test_light_with_copper_on_its_short_links():
    # In a row of two racks (5 m), 2 m of copper serve the pairs within one: half.
    mixed = dataclasses.replace(
        LIGHT,
        short_reach=2.0,
        short_energy=0.01,
        short_price=0.2,
        short_failure_rate=0.002,
        case_resistance=4.0,
    )
    chosen = design(scale_up_domain=16.0, up=(0.0, 1.0))
    up = wired(chosen, links=(COPPER, mixed)).up
    same(up.short, 0.5)
    same([up.energy, up.price], [0.03, 0.4])
    # 6400 B/s in modules of 50.
    same([up.optical, up.failures], [64.0, 128.0 * 0.003])
    # 0.05 J/B * 50 B/s in 4 K/W.
    same(up.temperature, 310.0)
    # Twice the 155 K at which they are stated, modules wear by exp(310 ln 2 (1/155 -
    # 1/310)) = 2; copper does not.
    worn = dataclasses.replace(
        mixed,
        activation_temperature=310.0 * math.log(2.0),
        reference_temperature=155.0,
    )
    same(wired(chosen, links=(COPPER, worn)).up.failures, 128.0 * 0.005)
    # Without cables there are no modules to be warm.
    alone = design(chips=1.0, scale_up_domain=1.0, up=(0.0, 1.0))
    same(wired(alone, links=(COPPER, mixed)).up.temperature, 300.0)


def test_longest_path_of_a_domain():
    # Two tiers: three switches of 3 s; twice two links of two copper ends of 0.5 s and
    # two metres of 4.9 ns.
    link = 2.0 * 0.5 + 2.0 * 4.9e-9
    same(wired(design()).latency, 3.0 * 3.0 + 2.0 * 2.0 * link)
    # One tier: one switch, up and down.
    same(wired(design(scale_up_domain=4.0)).latency, 3.0 + 2.0 * link)
    # A torus of 64 = 4 * 4 * 4: half a side in each of three dimensions, eight racks
    # folded: two racks apart.
    cubes = design(chips=64.0, scale_up_domain=64.0)
    torus = wired(cubes, scale_up_switch__topology="direct")
    same(torus.up.span, 2.0 + 3.0 * 2.0)
    same(torus.latency, 6.0 * (3.0 + 1.0 + 8.0 * 4.9e-9))


def test_links_of_a_torus():
    # Half of the ends of a rack of 2 * 2 * 2 leave it; copper of 4 m bridges racks 3 m
    # apart no more than 8 m of two racks' pitch.
    short = dataclasses.replace(LIGHT, short_reach=1.0)
    cubes = design(chips=64.0, scale_up_domain=64.0, up=(0.0, 1.0))
    torus = {"scale_up_switch__topology": "direct"}
    # Half of a rack's length, of the half that stays inside.
    same(wired(cubes, links=(COPPER, short), **torus).up.short, 0.25)
    long = dataclasses.replace(LIGHT, short_reach=8.0)
    same(wired(cubes, links=(COPPER, long), **torus).up.short, 1.0)
    # Circuit switches stand in the hall: 2 + 2 (sqrt(8 * 4) - 2) m, and take no copper.
    circuit = {"scale_up_switch__topology": "circuit"}
    circuits = wired(cubes, links=(COPPER, long), **circuit).up
    same([circuits.span, circuits.short], [2.0 + 2.0 * (math.sqrt(32.0) - 2.0), 0.5])
    # Their loss is of every link: 6 dB of a budget of 4.
    dim = dataclasses.replace(LIGHT, loss_budget=4.0)
    lossy = wired(
        cubes, links=(COPPER, dim), scale_up_switch__insertion_loss=6.0, **circuit
    )
    same(lossy.up.reach, 0.5)


def test_traces_count_where_the_first_tier_is_on_the_board():
    host = {"host__trace_length": 3.0, "host__trace_reach": 2.0}
    same(wired(design(), scale_up_switch__on_board=1.0, **host).up.reach, 0.5)
    same(wired(design(), **host).up.reach, 0.0)
    # A domain that is all on the board has no cable that could be too long.
    short = {"links": (dataclasses.replace(COPPER, reach=1.0), LIGHT)}
    same(wired(design(scale_up_domain=4.0), **short).up.reach, 1.0)
    board = wired(design(scale_up_domain=4.0), scale_up_switch__on_board=1.0, **short)
    same(board.up.reach, 0.0)
