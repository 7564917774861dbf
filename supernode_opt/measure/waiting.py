"""How long other programs kept this one from running, and the samples they spoiled.

Linux counts for every thread how long it was ready to run but had no core (the second
number of `/proc/self/task/*/schedstat`).  On a machine of one's own that is nearly
nothing; on a shared one it explains most of the noise of a CPU's times.
"""

import os
from pathlib import Path

import numpy as np

TASKS = Path("/proc/self/task")
# Samples with less waiting than this share of their time are undisturbed [1].
QUIET = 0.05
# Above this share a time cannot be trusted [1].
DISTURBED = 0.2


def waited(tasks: Path = TASKS) -> float:
    """Return how long all threads have waited for a core, 0 where unknown [s]."""
    total = 0
    try:
        names = os.listdir(tasks)
    except OSError:
        return 0.0
    for name in names:
        try:
            total += int((tasks / name / "schedstat").read_bytes().split()[1])
        except (OSError, IndexError, ValueError):
            # A thread may end meanwhile, or the system may not count.
            continue
    return 1e-9 * total


def quietest(times: np.ndarray, waits: np.ndarray, least: int) -> np.ndarray:
    """Choose the samples to trust: a mask [sample].

    All undisturbed ones; where they are fewer than `least`, the quietest `least`.

    Args:
      times: of the samples [sample] [s].
      waits: of all threads in each sample [sample] [s].
      least: how many to keep at least.
    """
    shares = np.maximum(waits, 0.0) / times
    allowed = QUIET
    if len(times) > least:
        allowed = max(QUIET, float(np.sort(shares)[least - 1]))
    elif len(times):
        allowed = max(QUIET, float(shares.max()))
    return shares <= allowed
