"""What all tests share: double precision, and compiling each program only once.

Tests compile at the lowest level, which takes half the time: most of the suite is
compiling, and most programs run once.  Numbers differ by rounding alone.  Commands in
processes of their own and notebooks compile the package's large programs as users do.
"""

import os
import shutil
import tempfile

# Commands that tests start find what this worker has compiled already.  Each worker has
# a folder of its own, for one session: JAX does not write such files atomically, and
# they fit only the machine that made them.  JAX reads the variables when imported.
COMPILED = tempfile.mkdtemp(prefix="supernode-opt-compiled-")
os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED
# Tests must neither use nor fill the user's own cache.
os.environ["SUPERNODE_OPT_CACHE"] = ""
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
# Tables are as wide as where no terminal says so, which workers of pytest do.
os.environ.pop("COLUMNS", None)
# Figures are drawn where there is no screen.
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis
import jax
import pytest

from supernode_opt.batch import compiler
from tests.programs import forget_many

jax.config.update("jax_enable_x64", True)
# In place, and before the package's programs are made: they take it from here.
compiler.OPTIONS["xla_backend_optimization_level"] = 0
# What is no program of the package's, in this process and those that tests start; XLA
# reads it when it compiles the first.
os.environ.setdefault(
    "XLA_FLAGS",
    " ".join(f"--{name}={int(value)}" for name, value in compiler.OPTIONS.items()),
)

# The first example of a property compiles, which no deadline should count; and a run of
# the suite must not depend on luck.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("suite")

# Files that take longest, twenty seconds of one core and more, go first, so that no
# worker waits for another at the end.  Naming them to pytest does not do: it merges
# arguments of which one contains another, and sorts by name.
LONGEST = (
    "tests/test_documents.py",
    "tests/search/test_solve.py",
    "tests/search/test_bound.py",
    "tests/search/test_large.py",
    "tests/oracle/test_oracle.py",
    "tests/oracle/test_found.py",
    "tests/system/test_model.py",
    "tests/extension/test_extension.py",
    "tests/cli/test_commands.py",
    "tests/system/test_ways.py",
    "tests/system/test_gradients.py",
    "tests/system/test_package.py",
    "tests/experiments/test_answers.py",
    "tests/experiments/test_comparisons.py",
    "tests/compare/comparison/test_compare.py",
    "tests/config/test_rows.py",
    "tests/catalog/test_sensitivity.py",
    "tests/compare/inversion/test_invert.py",
    "tests/calibration/gemm/test_gemm.py",
    "tests/calibration/step_time/test_readme.py",
    "tests/calibration/memory/test_peaks.py",
    "tests/catalog/test_machines.py",
)


def pytest_collection_modifyitems(items):
    """Sort the longest files first; notebooks come before all."""
    place = {name: order for order, name in enumerate(LONGEST)}
    rest = len(place)

    def order(item):
        file = item.nodeid.partition("::")[0]
        return -1 if file.endswith(".ipynb") else place.get(file, rest)

    items.sort(key=order)


@pytest.fixture(autouse=True, scope="module")
def room_for_programs():
    """Make room before each module."""
    forget_many()


def pytest_unconfigure():
    """Throw away what was compiled."""
    shutil.rmtree(COMPILED, ignore_errors=True)
