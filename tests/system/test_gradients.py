"""Gradients of every quantity with respect to every number: finite, and right."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.record import get, leaves, replace
from supernode_opt.system.design import Design
from supernode_opt.system.evaluate import evaluate
from tests.system.designs import TRAINING, random_designs

MOE = "pangu_ultra_moe_718b"
# One of metal, one of both, one of light.
LINKS = ("copper", "copper_lpo", "dsp")
SHARPNESS = (8.0, 100.0, 1000.0)
TOTALS = {
    "step": "step_time",
    "memory_parts": "memory",
    "power_parts": "power",
    "cost_parts": "cost",
}
FIELDS = tuple(field.name for field in dataclasses.fields(Design))


def scenario():
    return catalog.scenario("cloudmatrix384", MOE, TRAINING, links=LINKS)


def _zeros(tree):
    return jax.tree.map(jnp.zeros_like, tree)


def _quantities(report, prefix=""):
    for field in dataclasses.fields(report):
        value = getattr(report, field.name)
        if dataclasses.is_dataclass(value):
            yield from _quantities(value, f"{field.name}.")
        else:
            yield prefix + field.name, value


def _directions(design, where):
    """One tangent per number: a design field, one weight of a mixture, a constant."""
    for path, value in leaves(design):
        one = jnp.ones_like(value)
        if value.ndim == 1:
            yield path, replace(_zeros(design), path, one), _zeros(where), value
            continue
        for row in range(value.shape[0]):
            tangent = jnp.zeros_like(value).at[row].set(1.0)
            moved = replace(_zeros(design), path, tangent)
            yield f"{path}.{row}", moved, _zeros(where), value[row]
    for path, value in leaves(where):
        moved = replace(_zeros(where), path, jnp.ones_like(value))
        yield path, _zeros(design), moved, get(where, path)


@jax.jit
def _slope(design, where, along, constants, sharpness):
    def report(design, where):
        return evaluate(design, where, sharpness)

    return jax.jvp(report, (design, where), (along, constants))


@jax.jit
def _value(design, where, sharpness):
    return evaluate(design, where, sharpness)


@pytest.mark.parametrize("sharpness", [*SHARPNESS, np.inf])
def test_every_slope_is_finite_over_the_whole_box(sharpness):
    where = jax.tree.map(jnp.asarray, scenario())
    designs = random_designs(2000, seed=1, links=len(where.links))
    wrong = set()
    for path, along, constants, _ in _directions(designs, where):
        value, slope = _slope(designs, where, along, constants, sharpness)
        for (name, number), (_, rate) in zip(
            _quantities(value), _quantities(slope), strict=True
        ):
            if not (np.isfinite(number).all() and np.isfinite(rate).all()):
                wrong.add((name, path))
    assert not wrong


@pytest.mark.parametrize("sharpness", [8.0, 100.0])
def test_slopes_equal_finite_differences(sharpness):
    """Central differences of 1e-6, on 200 designs.

    The comparison is relative to the slope, with a floor of 1e-8 of the quantity (for
    a part, of its total) per relative change of the variable, below which a difference
    is rounding.  One design in a hundred may sit on a kink of a count; everything else
    must agree.
    """
    where = jax.tree.map(jnp.asarray, scenario())
    designs = random_designs(200, seed=2, links=len(where.links))
    wrong = {}
    for path, along, constants, at in _directions(designs, where):
        size = 1e-6 * jnp.maximum(jnp.abs(at), 1e-12)

        def moved(sign, path=path, along=along, constants=constants, size=size):
            def stepped(tree, tangent):
                return jax.tree.map(lambda x, t: x + sign * size * t, tree, tangent)

            if path.split(".")[0] in FIELDS:
                return _value(stepped(designs, along), where, sharpness)
            return _value(designs, stepped(where, constants), sharpness)

        value, slope = _slope(designs, where, along, constants, sharpness)
        for (name, number), (_, rate), (_, up), (_, down) in zip(
            _quantities(value),
            _quantities(slope),
            _quantities(moved(1.0)),
            _quantities(moved(-1.0)),
            strict=True,
        ):
            difference = (up - down) / (2.0 * size)
            scale = jnp.maximum(jnp.abs(rate), jnp.abs(difference))
            whole = getattr(value, TOTALS.get(name.split(".")[0], ""), number)
            floor = 1e-8 * jnp.abs(whole) / (1e6 * size)
            off = jnp.abs(rate - difference) > 1e-5 * scale + floor
            if jnp.mean(off) > 0.01:
                wrong[name, path] = float(jnp.mean(off))
    assert not wrong


def test_the_comparison_can_fail():
    """A slope that ignores one branch of the roofline is caught."""
    where = scenario()
    designs = random_designs(50, seed=3, links=len(where.links))

    def frozen(clock):
        halted = replace(designs, "clock", jax.lax.stop_gradient(clock))
        return jnp.sum(evaluate(halted, where, 8.0).step_time)

    def honest(clock):
        return jnp.sum(evaluate(replace(designs, "clock", clock), where, 8.0).step_time)

    assert jnp.all(jax.grad(frozen)(designs.clock) == 0.0)
    assert jnp.all(jax.grad(honest)(designs.clock) < 0.0)


# What engineering expects of more of something: quantity, variable, sign of the slope.
SIGNS = [
    ("step_time", "clock", -1),
    ("step_time", "scale_up_bandwidth", -1),
    ("step_time", "scale_out_bandwidth", -1),
    ("step_time", "oversubscription", 1),
    ("power", "clock", 1),
    ("power", "scale_up_bandwidth", 1),
    ("power", "scale_out_bandwidth", 1),
    ("junction_temperature", "coolant_flow", -1),
    ("junction_temperature", "inlet_temperature", 1),
    ("capital_cost", "scale_up_bandwidth", 1),
    ("goodput", "chips", -1),
    ("memory", "micro_batch", 1),
]


@pytest.mark.parametrize(("quantity", "variable", "sign"), SIGNS)
def test_signs(quantity, variable, sign):
    where = scenario()
    designs = random_designs(500, seed=4, links=len(where.links))

    def summed(value):
        report = evaluate(replace(designs, variable, value), where)
        return jnp.sum(getattr(report, quantity))

    slope = jax.grad(summed)(get(designs, variable))
    assert jnp.all(sign * slope >= -1e-12 * jnp.abs(slope).max())
    assert jnp.any(slope != 0.0)
