"""What all tests share: double precision, and compiling each program only once."""

import os
import shutil
import tempfile

# Commands that tests start find what this worker has compiled already.  Each worker has
# a folder of its own, for one session: JAX does not write such files atomically, and
# they fit only the machine that made them.  JAX reads the variables when imported.
COMPILED = tempfile.mkdtemp(prefix="supernode-opt-compiled-")
# Programs kept in memory each map several pieces of it; the system allows 65,530.
MOST_MAPS = 20_000
os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
# Tests compile as the package does; see `batch/compiler.py`.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
# Figures are drawn where there is no screen.
os.environ.setdefault("MPLBACKEND", "agg")

from pathlib import Path

import hypothesis
import jax
import pytest

jax.config.update("jax_enable_x64", True)

# The first example of a property compiles, which no deadline should count; and a run of
# the suite must not depend on luck.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="module")
def room_for_programs():
    """Forget compiled programs before the process may map no more memory."""
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_bytes().splitlines()) > MOST_MAPS:
        jax.clear_caches()
    return


def pytest_unconfigure():
    """Throw away what was compiled."""
    shutil.rmtree(COMPILED, ignore_errors=True)
