"""Gradients of every quantity with respect to every number: finite, and right."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.record import get, leaves, replace
from supernode_opt.system.design import Design
from supernode_opt.system.evaluate import evaluate
from tests.system.designs import TRAINING, as_built, random_designs

MOE = "pangu_ultra_moe_718b"
# One of metal, one of both, one of light.
LINKS = ("copper", "copper_lpo", "dsp")
DESIGNS = 500
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


@functools.cache
def box(seed=1):
    """Designs anywhere, all of one type and shape: everything below compiles once."""
    where = scenario()
    designs = random_designs(DESIGNS, seed=seed, links=len(where.links))
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), (designs, where))


# Of what is zero as a rule: packed documents, offload, short ends, adapters, modules.
STATED = {
    "training.optimizer_bytes": 8.0,
    "training.optimizer_offload": 0.4,
    "training.activation_offload": 0.3,
    "training.loss_chunks": 4.0,
    "training.document_length": 1000.0,
    "training.first_stage_layers": 2.0,
    "training.last_stage_layers": 3.0,
    "training.lora_rank": 16.0,
    "recompute.norm": 0.9,
    "recompute.activation": 0.8,
    "recompute.core_attention": 0.7,
    "recompute.mla_up": 0.35,
    "recompute.ffn": 0.45,
    "recompute.experts": 0.25,
    "recompute.operators": 0.55,
    "recompute.full": 0.15,
    "software.activation_copies": 1.3,
    "software.gathered_layers": 3.0,
    "software.fragmentation": 0.1,
    "software.memory_spread": 0.2,
}
# Everything whole: what several modules contain is all that they have.
WHOLE = STATED | {p: 1.0 for p in STATED if p.startswith("recompute.")}
WHOLE |= {"training.optimizer_offload": 1.0, "training.activation_offload": 1.0}


def stated(where, constants):
    for path, value in constants.items():
        where = replace(where, path, jnp.asarray(value, jnp.float64))
    return where


def _zeros(tree):
    return jax.tree.map(jnp.zeros_like, tree)


def _quantities(report, prefix=""):
    for field in dataclasses.fields(report):
        value = getattr(report, field.name)
        if dataclasses.is_dataclass(value):
            yield from _quantities(value, f"{field.name}.")
        elif value is not None:
            # What only machines that serve report is nothing here.
            yield prefix + field.name, value


def _directions(design, where, flags=()):
    """One tangent per number: a design field, one weight of a mixture, a constant.

    `flags` are further constants, which are no quantities but have slopes.
    """
    # Made once: making them again for every number takes longer than comparing.
    still, fixed = _zeros(design), _zeros(where)
    for path, value in leaves(design):
        if value.ndim == 1:
            yield path, replace(still, path, np.ones(value.shape)), fixed, value
            continue
        for row in range(value.shape[0]):
            tangent = np.zeros(value.shape)
            tangent[row] = 1.0
            yield f"{path}.{row}", replace(still, path, tangent), fixed, value[row]
    quantities = [path for path, _ in leaves(where)]
    for path in (*quantities, *(f for f in flags if f not in quantities)):
        moved = replace(fixed, path, np.ones(get(where, path).shape))
        yield path, still, moved, get(where, path)


@jax.jit
def _slope(design, where, along, constants, sharpness):
    def report(design, where):
        return evaluate(design, where, sharpness)

    return jax.jvp(report, (design, where), (along, constants))


@jax.jit
def _value(design, where, sharpness):
    return evaluate(design, where, sharpness)


def _not_finite(designs, where, along, constants, sharpness):
    """Names of quantities of which a value or a slope along a tangent is not finite."""
    value, slope = _slope(designs, where, along, constants, sharpness)
    return {
        name
        for (name, number), (_, rate) in zip(
            _quantities(value), _quantities(slope), strict=True
        )
        if not (np.isfinite(number).all() and np.isfinite(rate).all())
    }


@pytest.mark.parametrize(
    ("seed", "constants"),
    [(1, {}), (11, {}), (12, {}), (13, {}), (1, STATED), (11, WHOLE)],
)
@pytest.mark.parametrize("sharpness", [*SHARPNESS, np.inf])
def test_every_slope_is_finite_over_the_whole_box(sharpness, seed, constants):
    """One tangent that moves every number: one slope that is not finite spoils it."""
    designs, where = box(seed)
    where = stated(where, constants)
    draw = np.random.default_rng(0)

    def random(tree):
        return jax.tree.map(
            lambda x: jnp.asarray(draw.uniform(0.5, 1.5, x.shape)) * jnp.sign(x + 0.5),
            tree,
        )

    wrong = _not_finite(designs, where, random(designs), random(where), sharpness)
    culprits = [
        path
        for path, along, moved, _ in (
            _directions(designs, where, constants) if wrong else ()
        )
        if _not_finite(designs, where, along, moved, sharpness)
    ]
    assert not wrong, culprits


def test_a_slope_that_is_not_finite_spoils_the_tangent_of_all():
    def root(x, y):
        return jnp.sqrt(x) + y

    _, slope = jax.jvp(root, (0.0, 1.0), (0.7, -0.3))
    assert not np.isfinite(slope)


EXTREMES = [
    {"scale_up_bandwidth": 0.0},
    {"scale_out_bandwidth": 0.0},
    {"coolant_flow": 0.0},
    {"coolant_flow": 1e-12},
    {"clock": 10.0},
    {"inlet_temperature": 1000.0},
    {"chips": 1.0},
    {"scale_up_domain": 1.0},
    {"micro_batch": 1e-9},
]


@pytest.mark.parametrize("sharpness", [8.0, 1000.0, np.inf])
def test_no_extreme_makes_nonsense(sharpness):
    """Zero bandwidth or message, loop gain near one, far above the limit."""
    designs, where = box()
    plain = as_built(
        where=where,
        tensor_parallel=8.0,
        expert_parallel=8.0,
        scale_up_link="copper_lpo",
        scale_out_link="dsp",
    )
    plain = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), plain)
    extremes = []
    for change in EXTREMES:
        design = plain
        for name, value in change.items():
            design = replace(design, name, jnp.asarray(value))
        extremes.append(design)

    def batch(*values):
        few = jnp.stack(values, axis=-1)
        return jnp.tile(few, DESIGNS // len(values) + 1)[..., :DESIGNS]

    many = jax.tree.map(batch, *extremes)
    tangents = jax.tree.map(jnp.ones_like, designs), _zeros(where)
    assert not _not_finite(many, where, *tangents, sharpness)


@jax.jit
def _moved(design, where, along, constants, size):
    """Step along a tangent: designs by a size of their own each, a constant by one."""

    def stepped(x, tangent):
        return x + (size if jnp.ndim(tangent) else size[0]) * tangent

    return jax.tree.map(stepped, (design, where), (along, constants))


@jax.jit
def _differing(value, slope, up, down, size):
    """Share of designs on which slope and central difference differ, per quantity."""
    shares = {}
    for (name, number), (_, rate), (_, above), (_, below) in zip(
        *map(_quantities, (value, slope, up, down)), strict=True
    ):
        difference = (above - below) / (2.0 * size)
        scale = jnp.maximum(jnp.abs(rate), jnp.abs(difference))
        whole = getattr(value, TOTALS.get(name.split(".")[0], ""), number)
        whole = jnp.ones_like(number) if name == "fit_probability" else whole
        floor = 1e-8 * jnp.abs(whole) / (1e6 * size)
        shares[name] = jnp.mean(jnp.abs(rate - difference) > 1e-5 * scale + floor)
    return shares


def _disagreement(designs, where, tangents, steps, size, sharpness):
    value, slope = _slope(designs, where, *tangents, sharpness)
    up = _value(*_moved(designs, where, *steps, size), sharpness)
    down = _value(*_moved(designs, where, *steps, -size), sharpness)
    return jax.device_get(_differing(value, slope, up, down, size))


@pytest.mark.parametrize("constants", [{}, STATED], ids=["usual", "stated"])
@pytest.mark.parametrize("sharpness", [8.0, 100.0])
def test_slopes_equal_finite_differences(sharpness, constants):
    """Central differences of 1e-6.

    The comparison is relative to the slope, with a floor of 1e-8 of the quantity (for
    a part, of its total; for a chance, of certainty) per relative change of the
    variable, below which a difference is rounding.  One design in a hundred may sit on
    a kink of a count; everything else must agree.
    """
    designs, where = box()
    where = stated(where, constants)
    wrong = {}
    for path, along, moved, at in _directions(designs, where, constants):
        if constants and path not in constants:
            continue
        size = 1e-6 * jnp.maximum(jnp.abs(at), 1e-12)
        size = jnp.broadcast_to(size, (DESIGNS,))
        tangents = along, moved
        shares = _disagreement(designs, where, tangents, tangents, size, sharpness)
        for name, share in shares.items():
            if share > 0.01:
                wrong[name, path] = float(share)
    assert not wrong


def test_the_comparison_can_fail():
    """A slope that ignores the clock is caught."""
    designs, where = box()
    moved = replace(_zeros(designs), "clock", jnp.ones(DESIGNS)), _zeros(where)
    ignored = _zeros(designs), _zeros(where)
    size = 1e-6 * designs.clock
    shares = _disagreement(designs, where, ignored, moved, size, 8.0)
    assert shares["step_time"] > 0.9
    honest = _disagreement(designs, where, moved, moved, size, 8.0)
    assert honest["step_time"] <= 0.01


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
    # Not goodput: more chips also write their checkpoints in less time.
    ("mtbf", "chips", -1),
    ("memory", "micro_batch", 1),
]


@pytest.mark.parametrize(("quantity", "variable", "sign"), SIGNS)
def test_signs(quantity, variable, sign):
    designs, where = box()
    along = replace(_zeros(designs), variable, jnp.ones(DESIGNS))
    _, slopes = _slope(designs, where, along, _zeros(where), np.inf)
    slope = getattr(slopes, quantity)
    assert jnp.all(sign * slope >= -1e-12 * jnp.abs(slope).max())
    assert jnp.any(slope != 0.0)
