"""What both fabrics are made of and where they stand, each worked by hand."""

import dataclasses
import math

from supernode_opt.system.rates import scale_out_rates, scale_up_rates
from supernode_opt.system.wiring import wire
from tests.plain import COPPER, LIGHT, design, same, scenario


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
    # In air of 290 K, whatever the coolant.
    caged = wired(chosen, links=(COPPER, mixed), cooling__air_temperature=290.0)
    same(caged.up.temperature, 300.0)
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
