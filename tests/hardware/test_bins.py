"""Chips that differ: the slowest of a machine, worked by hand."""

import dataclasses
import math
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import evaluate
from supernode_opt.hardware.bins import differ, slowest, spread
from supernode_opt.smooth import greatest_normal
from tests.plain import CHIP, design, same, scenario

# Of a dynamic share of 0.5 with exponent 3 leakage takes 0.2: k = 0.2 / 1.5.  So 0.3 of
# the leakage is 0.04 of the clock, and with 0.03 of its own 0.05.
BINS = {"clock_spread": 0.03, "leakage_spread": 0.3}
UNEQUAL = dataclasses.replace(CHIP, **BINS)
# Of 16 chips Blom's formula has the quantile 15.625 / 16.25: 1.7688 deviations.
SIXTEEN = 1.0 - 0.05 * NormalDist().inv_cdf(15.625 / 16.25)


@pytest.mark.parametrize(
    ("count", "exact"), [(8, 1.42360), (10, 1.53875), (50, 2.24907), (100, 2.50759)]
)
def test_expected_greatest_of_normal_numbers(count, exact):
    """Exact values of Harter 1961 (Biometrika 48), to a hundredth."""
    assert float(greatest_normal(count)) == pytest.approx(exact, rel=0.01)


def test_one_chip_waits_for_none():
    same(greatest_normal(1.0), 0.0)
    same(slowest(UNEQUAL, 1.0), 1.0)


def test_clock_of_the_slowest():
    same(spread(dataclasses.replace(CHIP, leakage_spread=0.3)), 0.04)
    same(spread(UNEQUAL), 0.05)
    same(slowest(UNEQUAL, 16.0), SIXTEEN)
    assert math.isclose(SIXTEEN, 0.91156, abs_tol=1e-5)


def test_chips_wait_for_the_slowest_and_draw_what_the_mean_one_does():
    alike = evaluate(design(), scenario())
    where = scenario(**{f"chip__{name}": value for name, value in BINS.items()})
    found = evaluate(design(), where)
    # Attention is bound by arithmetic here, elementwise kernels by memory.
    same(found.step.attention, alike.step.attention / SIXTEEN)
    same(found.step.elementwise, alike.step.elementwise)
    for name in ("power", "chip_power", "clock", "sustained_clock"):
        same(getattr(found, name), getattr(alike, name))


def test_chips_that_are_alike_cost_nothing():
    assert differ(UNEQUAL)
    assert not differ(CHIP)
    # Nothing of the quantile is in the program.
    assert "erf_inv" not in str(jax.make_jaxpr(evaluate)(design(), scenario()))


def test_slopes_of_the_slowest():
    counts = jnp.asarray([1.0, 2.0, 16.0, 1e5])
    slopes = jax.vmap(jax.grad(lambda n: slowest(UNEQUAL, n)))(counts)
    assert np.all(np.isfinite(slopes))
    assert np.all(slopes <= 0.0)
