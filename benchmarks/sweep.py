"""How fast sweeps are, in what memory, and what a second worker gains.

    python benchmarks/sweep.py --points 1e7              # against the rate in memory
    python benchmarks/sweep.py --points 4e6 --pinned     # one worker against two

Rates are those between the first chunk, which compiles, and the last.
"""

import argparse
import contextlib
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from supernode_opt.batch import exact
from supernode_opt.batch.case import nameless
from supernode_opt.config.study import understand
from supernode_opt.problem.box import options
from supernode_opt.reading import document
from supernode_opt.sweep import workers
from supernode_opt.sweep.solve import sweep
from supernode_opt.system.design import CHOICE_NAMES, NUMBER_NAMES

STUDY = """\
system: cloudmatrix384
model: llama3_8b
training: {sequence_length: 4096, global_batch: 768}
design:
  chips: 384
  tensor_parallel: 8
  pipeline_parallel: 1
  context_parallel: 1
  expert_parallel: 1
  interleave: 1
  micro_batch: 2
  recompute: selective
  optimizer_sharding: zero1
  sequence_parallel: on
objective: {maximize: mfu}
"""
QUANTITIES = (
    *("mfu", "step_time", "tokens_per_s", "power", "memory", "cost", "goodput"),
    *("tokens_per_joule", "cost_per_megatoken", "junction_temperature"),
    *("fit_probability", "average_power"),
)
_ROWS, _TRIES = 1 << 18, 4


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=float, default=1e6)
    parser.add_argument("--pinned", action="store_true", help="workers, one core each")
    asked = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found: dict[str, float] = {}
    if asked.pinned:
        for count in (1, 2):
            found[f"{count}_workers_per_s"] = swept(asked.points, pinned(count))
        found["gain"] = found["2_workers_per_s"] / found["1_workers_per_s"]
    else:
        found["in_memory_per_s"] = in_memory()
        found["sweep_per_s"] = swept(asked.points)
        found["share"] = found["sweep_per_s"] / found["in_memory_per_s"]
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found["peak_memory_gb"] = most / 1e6
    print(json.dumps(found, indent=2))


def in_memory() -> float:
    """Return designs per second of `batch.exact`, of the same quantities."""
    problem = understand(document.parse(STUDY, "study")).problem
    fixed, scenario = problem.fixed, problem.scenario
    columns = {name: np.full(_ROWS, float(fixed[name])) for name in NUMBER_NAMES}
    for name in CHOICE_NAMES:
        place = options(name, scenario).index(str(fixed[name]))
        columns[name] = np.full(_ROWS, place)
    chance = np.random.default_rng(0)
    columns["clock"] = chance.uniform(0.5, 1.0, _ROWS)
    columns["scale_up_bandwidth"] = chance.uniform(5e10, 8e11, _ROWS)
    best = 0.0
    # The first compiles.
    for _ in range(1 + _TRIES):
        began = time.perf_counter()
        exact.quantities(columns, nameless(scenario), QUANTITIES)
        best = max(best, _ROWS / (time.perf_counter() - began))
    return best


def swept(points: float, client: Any = None) -> float:
    """Return points per second of a sweep to disk."""
    axes = {
        "scale_up_domain": [8, 16, 32, 64, 72, 96, 128, 192, 256, 384],
        "micro_batch": [1, 2],
        "clock": {"from": 0.5, "to": 1.0, "count": 50},
        "scale_up_bandwidth": {
            "from": "50 GB/s",
            "to": "800 GB/s",
            "count": int(points / 1000),
        },
    }
    times: list[tuple[float, int]] = []

    def tell(done: int, of: int, evaluations: int) -> None:
        times.append((time.perf_counter(), done))

    with tempfile.TemporaryDirectory() as made:
        target = Path(made) / "sweep"
        sweep(
            STUDY,
            axes,
            quantities=QUANTITIES,
            out=target,
            client=client,
            progress=tell,
        ).close()
    # Two workers compile side by side.
    first, last = times[2], times[-1]
    return (last[1] - first[1]) / (last[0] - first[0])


@contextlib.contextmanager
def pinned(count: int) -> Iterator[Any]:
    """Give a client of workers with a core each."""
    with workers.local(count) as client:
        cores = sorted(os.sched_getaffinity(0))
        addresses = list(client.scheduler_info()["workers"])
        for core, address in zip(cores, addresses, strict=False):
            client.run(os.sched_setaffinity, 0, {core}, workers=[address])
        yield client


if __name__ == "__main__":
    main()
