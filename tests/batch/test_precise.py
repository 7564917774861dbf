"""What a user's own JAX code computes in, and what answers compute in."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.answer.evaluation import evaluated
from supernode_opt.batch.case import nameless
from supernode_opt.batch.precise import precise, precisely
from supernode_opt.config.study import load
from supernode_opt.problem.build import build_design
from supernode_opt.search.solution import _evaluate

STUDY = "experiments/pangu_ultra/as_trained.yaml"
# Measured are 3e-8 for half of all quantities and 1.6e-6 for the worst.
TYPICAL, WORST = 1e-7, 1e-5


@pytest.fixture(scope="module")
def reference():
    return evaluated(load(STUDY))


def doubled():
    return jnp.asarray([0.1, 0.2]) * 2.0


def test_answers_are_in_double_and_the_users_code_is_not(reference):
    program = jax.jit(lambda x: x / 3.0)
    with jax.enable_x64(False):
        before = program(jnp.ones(2))
        answer = evaluated(load(STUDY))
        table = answer.dataset()
        after = program(jnp.ones(2))
        assert doubled().dtype == before.dtype == after.dtype == jnp.float32
        np.testing.assert_array_equal(before, after)
        # One program for either precision, and neither serves the other.
        assert precisely(doubled)().dtype == jnp.float64
        with precise():
            assert program(jnp.ones(2)).dtype == jnp.float64
    assert answer.report == reference.report
    np.testing.assert_array_equal(
        table.operator_time, reference.dataset().operator_time
    )


def test_pure_functions_compute_in_what_the_user_set(reference):
    problem = load(STUDY).problem
    with jax.enable_x64(False):
        design = build_design(problem.fixed, problem.scenario)
        single = _evaluate(design, nameless(problem.scenario))
        leaves = jax.tree.leaves(single)
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype(jnp.float32)}
    exact = np.asarray(jax.tree.leaves(reference.report))
    error = np.abs(np.asarray(leaves, float) / np.where(exact, exact, 1.0) - 1.0)
    error = error[exact != 0.0]
    assert np.median(error) < TYPICAL
    assert error.max() < WORST


def test_importing_the_package_sets_nothing():
    program = (
        "import supernode_opt, sys; assert 'jax' not in sys.modules;"
        "import jax; supernode_opt.load; assert not jax.config.jax_enable_x64"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
