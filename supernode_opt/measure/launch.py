"""Launch overhead: one tiny kernel at a time, and chains of them in one program."""

import re
from typing import Any

import jax
import numpy as np

from supernode_opt.measure.devices import Bench, Device
from supernode_opt.measure.plan import Point, Speed, required
from supernode_opt.measure.timing import Repeated, Timing, measure

SECTION = "launch"
_WIDTH = 64
_CHAINS = (16, 64, 256)
# Instructions of a compiled program that are kernels of their own.
_KERNELS = re.compile(
    r"= \S+ (?:fusion|custom-call|dot|reduce|reduce-window|convolution)\("
)


def points(device: Device, speed: Speed, quick: bool) -> list[Point]:
    """Offer single dispatches, waited for or not, and chains within one program."""
    made = [
        Point(SECTION, {"what": "dispatch and wait", "links": 1}, 1e-5),
        Point(SECTION, {"what": "dispatch", "links": 1}, 1e-5),
    ]
    made += [Point(SECTION, {"what": "chain", "links": n}, 1e-3) for n in _CHAINS]
    return required(made, len(made))


def run(point: Point, bench: Bench) -> tuple[Timing, float]:
    """Time one point; also return how many kernels one call is."""
    links = int(point.sizes["links"])

    def chain(total: Any, base: Any) -> Any:
        # Every sum needs the one before: nothing can run at once or be left out.
        for _ in range(links):
            total = (base * total).sum()
        return total

    base = jax.device_put(np.full(_WIDTH, 1.0 / _WIDTH, np.float32), bench.local[0])
    total = jax.device_put(np.float32(1.0), bench.local[0])
    repeated = Repeated(chain, [(total, base)])
    wait = point.sizes["what"] == "dispatch and wait"
    timing = measure(repeated, min(bench.window, 0.3), batch=not wait)
    return timing, float(kernels(repeated.text))


def kernels(program: str) -> int:
    """Count the kernels of a compiled program, given as HLO text.

    Only computations that run instruction by instruction count: the entry, and those
    that a command buffer replays.
    """
    count = 0
    for computation in re.split(r"\n(?=(?:ENTRY )?%)", program):
        head = computation.partition("{")[0]
        if head.startswith("ENTRY") or "command_buffer" in head:
            count += len(_KERNELS.findall(computation))
    return count
