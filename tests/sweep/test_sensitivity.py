"""Sobol indices of a function that is worked by hand; elasticities by differences."""

import numpy as np
import pytest

from supernode_opt.config import override
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.sweep.factors import NOISE, drawn, elasticities, ends, factors_of
from supernode_opt.sweep.sensitivity import sensitivity, sobol_indices
from tests.cli.conftest import STUDY

# Power asks for no step: its program is small.
QUANTITY = "power"


@pytest.fixture(scope="module")
def study():
    return understand(document.parse(STUDY, "study"))


@pytest.fixture(scope="module")
def found(study):
    return sensitivity(study, QUANTITY, samples=64)


def ishigami(points):
    """Ishigami and Homma (1990), a = 7, b = 0.1, on the cube from -pi to pi."""
    x = np.pi * (2.0 * points - 1.0)
    waves = np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2
    return waves + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def test_indices_of_ishigamis_function_are_those_worked_by_hand():
    told = sobol_indices(["a", "b", "c"], ishigami, 4096, seed=0)
    # V1 = (1 + b pi^4 / 5)^2 / 2, V2 = a^2 / 8, V13 = 8 b^2 pi^8 / 225, V = their sum.
    one = (1.0 + 0.1 * np.pi**4 / 5.0) ** 2 / 2.0
    two, both = 49.0 / 8.0, 8.0 * 0.01 * np.pi**8 / 225.0
    every = one + two + both
    np.testing.assert_allclose(told.first, [one / every, two / every, 0.0], atol=0.02)
    total = [(one + both) / every, two / every, both / every]
    np.testing.assert_allclose(told.total, total, atol=0.02)
    # What is true lies within half-widths that are themselves drawn.
    assert (np.abs(told.total - total) <= 2.0 * told.total_half).all()


def test_columns_of_one_group_count_as_one_factor():
    told = sobol_indices(["ac", "b", "ac"], ishigami, 2048, seed=0)
    assert told.names == ("ac", "b")
    # Nothing is shared between the two groups: all is told alone.
    np.testing.assert_allclose(told.first, told.total, atol=0.03)
    assert told.first.sum() == pytest.approx(1.0, abs=0.03)


def test_elasticities_are_those_of_finite_differences(study):
    factors = factors_of(study)
    told = elasticities(factors, QUANTITY)
    # Ends a thousandth apart stand for the differences.
    near = {
        key: one._replace(low=one.value * 0.9995, high=one.value * 1.0005)
        for key, one in factors.known.items()
    }
    values = ends(factors._replace(known=near), QUANTITY)
    slopes = np.log(values[2::2] / values[1::2]) / np.log(1.0005 / 0.9995)
    np.testing.assert_allclose(told, slopes, rtol=1e-4, atol=1e-6)
    assert np.abs(told).max() > 0.1


def test_a_dataset_says_what_it_is_about(study, found):
    assert found.attrs["quantity"] == QUANTITY
    assert found.attrs["subject"] == "CloudMatrix384, Llama 3 8B, BF16"
    assert set(found.sizes) == {"factor", "constant"}
    # A power that is provisioned has nothing to do with the time of a step.
    noise = found.sel(factor=NOISE)
    assert float(noise["total"]) == 0.0
    assert float(found["first_order"].sum()) == pytest.approx(1.0, abs=0.3)
    moves = np.maximum(np.abs(found["low"]), np.abs(found["high"])).values
    assert (np.diff(moves) <= 0.0).all()
    factors = factors_of(study)
    middle = drawn(factors, QUANTITY, np.zeros((1, len(factors.groups))))
    np.testing.assert_allclose(middle, float(found["value"]), rtol=1e-12)


def test_what_cannot_be_asked_is_refused(study):
    with pytest.raises(StudyError, match="did you mean `power`"):
        sensitivity(study, "powr")
    top = override.apply(document.parse(STUDY, "study"), "design.clock=free")
    with pytest.raises(StudyError, match=r"frozen; free are: clock$"):
        sensitivity(understand(top), QUANTITY)
    with pytest.raises(StudyError, match="power of two"):
        sensitivity(study, QUANTITY, samples=100)
