"""Watts and dollars are booked once, where they arise: each constant has its parts.

Every constant of a machine whose two fabrics use different optics is raised by one per
cent, alone.  What follows the watts or the dollars of all others (cooling, conversion,
facility, energy, maintenance, spares) may move with any of them.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.record import get, leaves, replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.parts import CostParts, PowerParts
from tests.system.designs import as_built, scenario

RISE, ROUNDING = 1.01, 1e-12
POWER = tuple(f.name for f in dataclasses.fields(PowerParts))
COST = tuple(f.name for f in dataclasses.fields(CostParts))
FOLLOWING = {"cooling", "conversion"}
PAID_ON_TOP = {"cooling", "spares", "facility", "financing", "maintenance", "energy"}
# Whose constants move which parts of power and of cost.
OWN = {
    "chip": ({"chips"}, {"chips", "memory"}),
    "links.0": ({"scale_up_links"}, {"links"}),
    "links.1": ({"scale_out_links"}, {"links"}),
    "scale_up_switch": ({"scale_up_links", "scale_up_switches"}, {"links", "switches"}),
    "scale_out_switch": (
        {"scale_out_links", "scale_out_switches"},
        {"links", "switches"},
    ),
    # Host processors have ports on the fabric.
    "host": (
        {"hosts", "network_interfaces", "scale_up_switches"},
        {"hosts", "switches"},
    ),
    "rack": (set(), {"racks"}),
    # Temperature decides leakage, and that energy; chips are provisioned for the worst.
    "cooling": (set(), set()),
    "facility": (set(), set()),
    "reliability": (set(), set()),
    "software": (set(), set()),
}


@pytest.fixture(scope="module")
def moved():
    """Return, by constant, the parts of power and of cost that it moves."""
    where = scenario()
    links = tuple(catalog.load("link", name) for name in ("lpo", "dsp"))
    where = dataclasses.replace(where, links=links)
    where = replace(where, "host.nic_energy", 62.5 / 8e12)
    where = replace(where, "host.nic_price", 4.0 / 1.25e8)
    where = replace(where, "facility.cost_of_capital", 0.05 / 3.156e7)
    design = as_built(where=where, scale_up_link="lpo", scale_out_link="dsp")
    paths = [path for path, value in leaves(where) if path.startswith(tuple(OWN))]
    lanes = jax.tree.map(lambda x: np.full(len(paths) + 1, float(x)), where)
    for lane, path in enumerate(paths):
        get(lanes, path)[lane] *= RISE

    @jax.jit
    @jax.vmap
    def parts(one):
        report = evaluate(design, one)
        power = [getattr(report.power_parts, name) for name in POWER]
        cost = [getattr(report.cost_parts, name) for name in COST]
        return jnp.stack(power), jnp.stack(cost)

    found = []
    for values, names in zip(map(np.asarray, parts(lanes)), (POWER, COST), strict=True):
        assert np.all(values[-1] > 0.0)
        change = np.abs(values[:-1] / values[-1] - 1.0) > ROUNDING
        found.append([{names[i] for i in np.flatnonzero(row)} for row in change])
    return dict(zip(paths, zip(*found, strict=True), strict=True))


def owner(path):
    return next(name for name in OWN if path.startswith(f"{name}."))


def test_no_constant_moves_the_watts_or_dollars_of_another_part(moved):
    wrong = {}
    for path, (power, cost) in moved.items():
        own_power, own_cost = OWN[owner(path)]
        strange = (power - own_power - FOLLOWING) | (cost - own_cost - PAID_ON_TOP)
        if strange:
            wrong[path] = strange
    assert not wrong


@pytest.mark.parametrize("name", OWN)
def test_every_part_is_moved_by_its_own_constants(moved, name):
    mine = [parts for path, parts in moved.items() if owner(path) == name]
    power = set().union(*(one for one, _ in mine))
    cost = set().union(*(other for _, other in mine))
    assert OWN[name][0] <= power
    assert OWN[name][1] <= cost


def test_every_watt_is_cooled_converted_and_paid(moved):
    """A constant that moves any part's watts moves conversion and energy, too."""
    for path, (power, cost) in moved.items():
        if power - FOLLOWING:
            assert "conversion" in power, path
            assert "energy" in cost, path
