"""Memory streaming: `b + s c` over arrays that no cache holds."""

from typing import Any

import numpy as np

from supernode_opt.measure.devices import Bench, Device
from supernode_opt.measure.plan import Point, Speed, required
from supernode_opt.measure.timing import Repeated, Timing, measure

SECTION = "memory"
# Two arrays read, one written, single precision.
BYTES = 12.0


def cold(device: Device, scale: int = 1) -> int:
    """Return `scale` times the length [1] of arrays that no cache holds."""
    least = max(int(2.0 * device.cache / BYTES), 1 << 20)
    # A machine with little memory streams through what it has.
    return min(least * scale, int(0.2 * device.usable / BYTES))


def points(device: Device, speed: Speed, quick: bool) -> list[Point]:
    """Offer array lengths from twice the cache upwards."""
    scales = (1, 2) if quick else (1, 2, 3, 4, 6)
    lengths = sorted({cold(device, scale) for scale in scales})
    made = [
        Point(SECTION, {"length": length}, BYTES * length / speed.bandwidth)
        for length in lengths
    ]
    return required(made, 2)


def run(point: Point, bench: Bench) -> Timing:
    """Time one length."""
    return time_triad(int(point.sizes["length"]), bench)


def time_triad(length: int, bench: Bench) -> Timing:
    """Time one pass over arrays of `length` single-precision numbers."""

    def triad(b: Any, c: Any) -> Any:
        return b + np.float32(0.5) * c

    operands = [tuple(bench.operand((length,), np.float32, i) for i in (0, 1))]
    return measure(Repeated(triad, operands), bench.window, bench.meter)
