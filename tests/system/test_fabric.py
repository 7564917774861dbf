"""Racks, links, planes, tiers and circuits."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.hardware import layout
from supernode_opt.hardware.reach import (
    case_temperature,
    reach_excess,
    trace_excess,
    wear,
)
from supernode_opt.record import replace
from supernode_opt.system.rates import scale_out_rates, scale_up_rates
from supernode_opt.system.wiring import wire
from tests.system.designs import as_built, evaluated, legal_designs, scenario

RACK = catalog.load("rack", "cloudmatrix")


def wired(system="cloudmatrix384", where=None, power=800.0, **changes):
    where = scenario(system) if where is None else where
    return wire(as_built(system, where, **changes), where, False, power)


@pytest.mark.parametrize("system", ["tpu_v4_pod", "tpu_v5e_pod", "hgx_mi300x"])
def test_a_domain_that_cannot_grow_has_a_radix_of_one(system):
    """A torus or mesh ends with its first tier: one is as good as nearly one."""
    near = scale_up_rates(as_built(system), scenario(system), False)
    where = replace(scenario(system), "scale_up_switch.radix", 1.0)
    found = scale_up_rates(as_built(system, where), where, False)
    np.testing.assert_array_equal(jnp.stack(found), jnp.stack(near))
    assert float(found.tiers) == 1.0


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("apart", [0, 1, 3, 20])
def test_short_share_counts_pairs_of_racks(count, apart):
    pairs = list(itertools.product(range(count), repeat=2))
    near = sum(abs(i - j) <= apart for i, j in pairs) / len(pairs)
    reach = RACK.cable_length + RACK.pitch * apart
    found = layout.short_share(RACK, jnp.asarray(float(count)), reach)
    assert float(found) == pytest.approx(near)


def test_reach_shorter_than_a_rack_serves_part_of_it():
    half = layout.short_share(RACK, jnp.asarray(1.0), RACK.cable_length / 2.0)
    assert float(half) == pytest.approx(0.5)
    assert float(layout.short_share(RACK, jnp.asarray(4.0), 0.0)) == 0.0


def test_hot_racks_are_thinned_and_links_grow():
    """Between full racks and one board, as many chips as the rack can cool."""
    where = scenario()
    spans = []
    for limit in (1e6, 4.4e4, 2.2e4, 1.1e4, 1e3):
        hot = wired(where=replace(where, "cooling.rack_power_limit", limit))
        assert 8.0 <= float(hot.held) <= 32.0
        assert float(hot.racks) >= 384.0 / 32.0
        spans.append(float(hot.up.span))
    assert spans[0] == pytest.approx(RACK.cable_length + 11.0 * RACK.pitch)
    assert np.all(np.diff(spans) >= 0.0)
    assert spans[-1] == pytest.approx(RACK.cable_length + 47.0 * RACK.pitch)


def test_a_rack_that_is_one_product_is_never_thinned():
    where = replace(scenario("gb200_nvl72"), "cooling.rack_power_limit", 2e4)
    assert float(wired("gb200_nvl72", where).held) == 72.0


@pytest.mark.parametrize(("lane", "metres"), [(12.5e9, 3.0), (25e9, 2.0)])
def test_copper_reaches_less_far_the_faster_its_lanes(lane, metres):
    """3 m at 100 Gb/s and 2 m at 200 Gb/s per lane."""
    links = (catalog.load("link", "copper"),)
    switch = replace(catalog.load("switch", "nvswitch5"), "lane_rate", lane)
    one = jnp.ones(1)
    assert reach_excess(one, links, switch, 0.999 * metres) == 0.0
    assert reach_excess(one, links, switch, 1.01 * metres) > 0.0


def test_a_domain_beyond_copper_is_infeasible_with_copper_and_fine_with_light():
    where = scenario("gb200_nvl72")
    big = {"chips": 576.0, "scale_up_domain": 576.0}
    assert wired("gb200_nvl72", where).up.reach == 0.0
    assert wired("gb200_nvl72", where, **big).up.reach > 0.5
    assert wired("gb200_nvl72", where, scale_up_link="lpo", **big).up.reach == 0.0


def test_copper_on_short_links_lies_between_copper_and_light():
    """At a reach of a few racks part of the links are copper, and cost as such."""
    links = ("copper", "copper_lpo", "lpo")
    where = catalog.scenario(
        "cloudmatrix384", "llama3_70b", scenario().training, links=links
    )
    where = replace(where, "links.1.short_reach", 5.0)
    made = {n: wired(where=where, scale_up_link=n).up for n in links}
    assert 0.3 < float(made["copper_lpo"].short) < 0.7
    for field in ("energy", "price", "failures", "optical"):
        low, between, high = (float(getattr(made[n], field)) for n in links)
        assert low < between < high
    assert made["copper_lpo"].reach == 0.0


def test_two_tiers_of_a_rack_fabric():
    """144 GPUs over 18 planes: four leaves and two spines in each."""
    where = scenario("gb200_nvl72")
    design = as_built("gb200_nvl72", where, chips=288.0, scale_up_domain=144.0)
    rates = scale_up_rates(design, where, False)
    assert float(rates.tiers) == 2.0
    assert float(rates.leaf_chips) == 2.0 * 18.0 * 4.0
    assert float(rates.spine_chips) == 2.0 * 18.0 * 2.0


def test_oversubscription_thins_the_spine_only():
    where = scenario()
    full = scale_out_rates(as_built(where=where), where, False)
    thin = scale_out_rates(as_built(where=where, oversubscription=3.0), where, False)
    assert float(full.leaf_chips + full.spine_chips) == pytest.approx(18.0)
    assert float(thin.spine_chips) == pytest.approx(float(full.spine_chips) / 3.0)
    leaves = float(full.leaf_chips) * (1.0 + 1.0 / 3.0) / 2.0
    assert float(thin.leaf_chips) == pytest.approx(leaves)


@pytest.mark.parametrize("system", ["cloudmatrix384", "gb200_nvl72", "tpu_v4_pod"])
def test_one_chip_needs_no_fabric(system):
    alone = wired(system, chips=1.0, scale_up_domain=1.0)
    for fabric in (alone.up, alone.out):
        rates = fabric.rates
        for name in ("ends", "ports", "modules", "leaf_chips", "spine_chips"):
            assert float(getattr(rates, name)) == 0.0, name
        assert float(fabric.reach) == float(fabric.failures) == 0.0


def test_circuit_switches_take_light_and_no_bits():
    """Power by the port, loss within the budget, copper only inside a rack."""
    where = scenario("tpu_v4_pod")
    pod = wired("tpu_v4_pod")
    assert where.scale_up_switch.energy == 0.0
    assert float(pod.up.rates.ports) == pytest.approx(4096 * 300e9 / 4.0)
    assert pod.up.reach == 0.0
    assert wired("tpu_v4_pod", scale_up_link="copper").up.reach > 1.0
    # An ordinary FR-class budget does not survive circulators and switch.
    lossy = replace(where, "scale_up_switch.insertion_loss", 6.0)
    assert wired("tpu_v4_pod", lossy).up.reach > 0.0
    cube = wired("tpu_v4_pod", chips=64.0, scale_up_domain=64.0)
    assert float(cube.up.rates.leaf_chips) == float(cube.up.optical) == 0.0


def test_board_traces_have_a_reach_of_their_own():
    host = catalog.load("host", "x86_dgx_h100")
    slow = catalog.load("switch", "nvswitch3")
    assert trace_excess(host, slow) == 0.0
    assert trace_excess(host, replace(slow, "lane_rate", 100e9)) > 0.0


def test_modules_wear_by_arrhenius():
    """0.7 eV: from 55 to 65 degC the failure rate doubles (2.08)."""
    links = (catalog.load("link", "dsp"), catalog.load("link", "copper"))
    warm = wear(links, jnp.asarray([338.15, 338.15]))
    assert float(warm[0]) == pytest.approx(2.08, abs=0.01)
    assert float(warm[1]) == 1.0
    switch = catalog.load("switch", "infiniband_ndr")
    cases = case_temperature(links, switch, jnp.full(2, 308.15))
    # 8.2 W in a 400G module, about 50 degC above 35 degC air.
    assert 318.0 < float(cases[0]) < 328.0
    assert float(cases[1]) == 308.15


@pytest.mark.parametrize("system", ["cloudmatrix384", "gb200_nvl72"])
def test_a_doubled_domain_is_never_slower_but_for_the_latency_of_another_tier(system):
    """Same chips; scale-up ports at least as fast as the network's."""
    where = scenario(system)
    design = legal_designs(where, 500, seed=6)
    net = jnp.minimum(design.scale_out_bandwidth, 0.5 * design.scale_up_bandwidth)
    design = replace(design, "scale_out_bandwidth", net)
    twice = replace(design, "scale_up_domain", 2.0 * design.scale_up_domain)
    small, large = evaluated(design, where), evaluated(twice, where)
    slower = large.step_time > small.step_time * (1.0 + 1e-12)
    assert not jnp.any(slower & (large.switch_tiers == small.switch_tiers))
    assert jnp.all(large.scale_up_latency[slower] > small.scale_up_latency[slower])
    assert jnp.mean(large.step_time < small.step_time) > 0.3
