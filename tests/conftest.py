"""What all tests share: double precision, and compiling each program only once."""

import os
import shutil
import tempfile

# Commands that tests start find what this worker has compiled already.  Each worker has
# a folder of its own, for one session: JAX does not write such files atomically, and
# they fit only the machine that made them.  JAX reads the variables when imported.
COMPILED = tempfile.mkdtemp(prefix="supernode-opt-compiled-")
os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
# Tests compile as the package does; see `batch/compiler.py`.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
# Figures are drawn where there is no screen.
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis
import jax
import pytest

from tests.programs import forget_many

jax.config.update("jax_enable_x64", True)

# The first example of a property compiles, which no deadline should count; and a run of
# the suite must not depend on luck.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="module")
def room_for_programs():
    """Make room before each module."""
    forget_many()


def pytest_unconfigure():
    """Throw away what was compiled."""
    shutil.rmtree(COMPILED, ignore_errors=True)
