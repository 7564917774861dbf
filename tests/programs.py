"""Programs kept in memory: how many there may be in one process."""

from pathlib import Path

import jax

# Each maps several pieces of memory; the system allows 65,530.
MOST_MAPS = 20_000
_MAPS = Path("/proc/self/maps")


def forget_many():
    """Forget compiled programs before the process may map no more memory."""
    if _MAPS.exists() and len(_MAPS.read_bytes().splitlines()) > MOST_MAPS:
        jax.clear_caches()
