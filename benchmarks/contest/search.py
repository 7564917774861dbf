"""The search of this project as a contestant, timed the same way, warm and cold."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.contest import studies
from supernode_opt.problem.problem import Problem
from supernode_opt.search.settings import UNANSWERED, Progress, Settings
from supernode_opt.search.solve import optimize

NAME = "supernode_opt"
_COMPILED = "/jax/core/compile/backend_compile_duration"
# Objectives of the descent are of relaxed points, which nobody can build.
_RELAXED = "relaxed descent"
_ROOT = Path(__file__).parents[2]
_COLD = """
import json, sys, time
import jax
jax.config.update("jax_enable_x64", True)
from benchmarks.contest import search
print(json.dumps(search.timed(sys.argv[1], int(sys.argv[2]))))
"""


@contextmanager
def _compilations() -> Iterator[list[float]]:
    """Collect the seconds of every compilation while it lasts."""
    found: list[float] = []
    listening = [True]

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if listening[0] and event == _COMPILED:
            found.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        listening[0] = False


def cost_of(problem: Problem, value: float) -> float:
    """Return the cost of a value of the objective, as designs are scored."""
    log = float(np.log(max(value, 1e-30)))
    return -log if problem.objective.maximize else log


def timed(name: str, seed: int, settings: Settings | None = None) -> dict[str, Any]:
    """Search one study and return the record of it.

    A design counts from when it is told of: after whole lanes were found for it.
    """
    asked = studies.study(name)
    problem = asked.problem
    trace: list[tuple[float, float, float, float]] = []
    with _compilations() as compiled:
        began = (time.process_time(), time.perf_counter())

        def clock() -> tuple[float, float]:
            return time.process_time() - began[0], time.perf_counter() - began[1]

        def tell(said: Progress) -> None:
            if said.objective is None or said.stage == _RELAXED:
                return
            cost = cost_of(problem, said.objective)
            if not trace or cost < trace[-1][3]:
                trace.append((0.0, *clock(), cost))

        found = optimize(problem, settings or asked.settings, seed, tell)
        seconds, wall = clock()
    feasible = found.status not in UNANSWERED
    if feasible:
        value = float(getattr(found.report, problem.objective.name))
        cost = cost_of(problem, value)
        if not trace or cost < trace[-1][3]:
            trace.append((0.0, seconds, wall, cost))
    return {
        "method": NAME,
        "setting": "",
        "study": name,
        "seed": seed,
        # All of its evaluations count from the first design on.
        "trace": [(float(found.evaluations), *rest[1:]) for rest in trace],
        "evaluations": found.evaluations,
        "bounded": int(found.certificate.get("candidates", 0)),
        "seconds": seconds,
        "wall": wall,
        "compiled": len(compiled),
        "status": found.status,
        "gap": found.certificate.get("gap"),
    }


def warm(name: str, seed: int) -> dict[str, Any]:
    """Search one study with every program at hand; the first search may compile."""
    record = timed(name, seed)
    return record if not record["compiled"] else timed(name, seed)


def cold(name: str, seed: int) -> dict[str, Any]:
    """Search one study in a process of its own that finds nothing compiled."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"PYTHONPATH": str(_ROOT), "SUPERNODE_OPT_CACHE": folder}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _COLD, name, str(seed)],
            env=os.environ | own,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    return json.loads(done.stdout)
