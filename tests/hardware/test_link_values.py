"""Tiers, reach, heat of modules and racks, each worked by hand."""

import dataclasses
import math

import jax.numpy as jnp
import pytest

from supernode_opt.hardware import layout
from supernode_opt.hardware.fabric import (
    cabled_tiers,
    mixed,
    per_technology,
    present,
    switch_tiers,
)
from supernode_opt.hardware.reach import (
    ambient_temperature,
    bridged,
    case_temperature,
    lane_ratio,
    reach_excess,
    trace_excess,
    wear,
)
from tests.plain import COOLING, COPPER, HOST, LIGHT, RACK, SWITCH, same


@pytest.mark.parametrize(
    ("chips", "tiers"), [(1, 0), (2, 1), (4, 1), (5, 2), (16, 2), (17, 3), (64, 3)]
)
def test_tiers_of_a_clos(chips, tiers):
    """Four chips under the first tier, four times as many under every further one."""
    same(switch_tiers(SWITCH, float(chips), False), tiers)


def test_tiers_cabled_and_relaxed():
    # 8 chips are halfway, in logarithms, between 4 and 16.
    same(switch_tiers(SWITCH, 8.0, True), 1.5)
    same(cabled_tiers(SWITCH, 2.0), 2.0)
    on_board = dataclasses.replace(SWITCH, on_board=1.0)
    same(cabled_tiers(on_board, 2.0), 1.0)
    same(cabled_tiers(on_board, 0.0), 0.0)
    same([present(1.0), present(2.0), present(9.0)], [0.0, 1.0, 1.0])


def test_mixture_of_technologies():
    links = (COPPER, LIGHT)
    same(per_technology(links, "price"), [0.2, 0.6])
    same(mixed(jnp.asarray([0.25, 0.75]), per_technology(links, "price")), 0.5)


def test_reach_at_a_lane_rate():
    fast = dataclasses.replace(SWITCH, lane_rate=100e9, coding=0.5)
    # 100 GB/s counted at half, over 25 GB/s.
    same(lane_ratio(fast), 2.0)
    same(bridged(COPPER, fast), 4.0)
    same(bridged(dataclasses.replace(COPPER, lane_exponent=2.0), fast), 2.0)
    # Copper bridges 4 of 6 m, half as far again as it may; of its loss budget of 4 dB
    # connectors take 1, six metres 3 and circuits 2: half of it too much.
    lossy = dataclasses.replace(
        COPPER, loss_budget=4.0, connector_loss=1.0, attenuation=0.5
    )
    links, weights = (lossy, LIGHT), jnp.asarray([0.25, 0.75])
    same(reach_excess(weights, links, fast, 6.0, 2.0), 0.25 * (0.5 + 0.5))
    same(reach_excess(weights, links, fast, 6.0), 0.25 * 0.5)
    # Every technology reaches on its own: light, 200 of 100 m; copper, 50 times.
    far = reach_excess(weights, (COPPER, LIGHT), fast, 200.0)
    same(far, 0.25 * 49.0 + 0.75 * 1.0)


def test_traces_of_a_board():
    fast = dataclasses.replace(SWITCH, lane_rate=50e9)
    host = dataclasses.replace(HOST, trace_length=3.0, trace_reach=2.0)
    # 2 m at 25 GB/s are 1 m at 50: three times too long.
    same(trace_excess(host, fast), 2.0)
    same(trace_excess(HOST, fast), 0.0)


def test_modules_warm_and_wear():
    warm = dataclasses.replace(LIGHT, case_resistance=4.0)
    switch = dataclasses.replace(SWITCH, coding=0.8)
    # 0.05 J/B * 50 B/s * 0.8 = 2 W, times 4 K/W.
    around = jnp.asarray([300.0, 300.0])
    same(case_temperature((COPPER, warm), switch, around), [300.0, 308.0])
    # 8000 K (1/320 - 1/400) = 5.
    worn = dataclasses.replace(
        LIGHT, activation_temperature=8000.0, reference_temperature=320.0
    )
    same(wear((COPPER, worn), jnp.asarray([400.0, 400.0])), [1.0, math.exp(5.0)])


def test_what_is_around_a_module():
    # Cages breathe 290 K; a package on the coolant has its 320 K, one half on it 305.
    links = tuple(
        dataclasses.replace(LIGHT, coolant_share=share) for share in (0.0, 0.5, 1.0)
    )
    hall = dataclasses.replace(COOLING, air_temperature=290.0)
    same(ambient_temperature(links, hall, 320.0), [290.0, 305.0, 320.0])
    inlets = jnp.asarray([310.0, 320.0])
    wanted = [[290.0, 290.0], [300.0, 305.0], [310.0, 320.0]]
    same(ambient_temperature(links, hall, inlets), wanted)
    # Where no air is declared, cages are on the coolant, too.
    same(ambient_temperature(links, COOLING, 320.0), 320.0)


def rack(**changes):
    return dataclasses.replace(RACK, **changes)


def test_racks_and_what_they_hold():
    thin = rack(fewest_chips=3.0)
    same(layout.thinnest(RACK), 8.0)
    same(layout.thinnest(thin), 3.0)
    same(layout.thinnest(rack(fewest_chips=9.0)), 8.0)
    cooled = dataclasses.replace(COOLING, rack_power_limit=1000.0)
    # 1000 W over 200, 100 and 500 W each: 5, no more than 8, no fewer than 3.
    same([layout.populated(thin, cooled, w) for w in (200.0, 100.0, 500.0)], [5, 8, 3])
    # 17 chips: three full racks, or 17 / 4 thinned ones; never less than one.
    same(layout.racks(RACK, 17.0, 8.0, False), 3.0)
    same(layout.racks(RACK, 17.0, 4.0, False), 4.25)
    same(layout.racks(RACK, 17.0, 8.0, True), 2.125)
    same(layout.racks(RACK, 4.0, 8.0, True), 1.0)


def test_longest_links():
    # 2 m in a rack and 3 m per rack further, of a folded torus at most two.
    same(layout.row_span(RACK, 5.0), 2.0 + 3.0 * 4.0)
    same([layout.folded_span(RACK, n) for n in (1.0, 2.0, 5.0)], [2.0, 5.0, 8.0])
    # Nine racks of 4 m2: 6 m a side less the 2 m of one rack, along both sides.
    same(layout.hall_span(RACK, 9.0), 2.0 + 2.0 * (6.0 - 2.0))


def test_share_that_leaves_a_rack_of_a_torus():
    torus = dataclasses.replace(SWITCH, dimensions=3.0)
    # A cube of 64 has a side of 4; half a chip beyond counts half.
    same(layout.leaving_share(torus, 64.0, 128.0), 0.25)
    same(layout.leaving_share(torus, 64.0, 64.0), 0.0)
    same(layout.leaving_share(torus, 64.0, 64.5), 0.125)
    same(
        layout.leaving_share(dataclasses.replace(torus, dimensions=2.0), 64, 99), 1 / 8
    )


def test_short_links_of_a_row():
    # Of 5 racks, 2 are bridged by (8 - 2) / 3 m: 1 - 3 * 2 / 25.
    same(layout.short_share(RACK, 5.0, 8.0), 1.0 - 6.0 / 25.0)
    # Half a rack's length serves half of the pairs within one rack: 1 - 5 * 4 / 25.
    same(layout.short_share(RACK, 5.0, 1.0), 0.5 * (1.0 - 20.0 / 25.0))
