"""First rough figures of an unknown device, from growing GEMMs and one stream."""

from supernode_opt.measure.bench import Bench
from supernode_opt.measure.gemm import time_gemm
from supernode_opt.measure.memory import BYTES, time_triad
from supernode_opt.measure.plan import Point, Speed
from supernode_opt.measure.timing import Timing

SECTION = "probe"
# A GEMM of this duration is large enough to show the device's rate [s].
_ENOUGH = 2e-3
_LARGEST = 16384


def points() -> list[Point]:
    """Return the two probes, which always come first."""
    return [
        Point(SECTION, {"what": "arithmetic"}, 0.1, needed=True),
        Point(SECTION, {"what": "memory"}, 0.1, needed=True),
    ]


def run(point: Point, bench: Bench) -> tuple[Timing, float]:
    """Return the time of a probe and its amount of work [flop] or [B]."""
    if point.sizes["what"] == "memory":
        length = int(max(2.0 * bench.device.cache / BYTES, 1 << 20))
        length = min(length, int(0.2 * bench.device.usable / BYTES))
        return time_triad(length, bench), BYTES * length
    side = 256
    while True:
        timing = time_gemm(side, side, side, "bfloat16", bench)
        if timing.seconds >= _ENOUGH or side >= _LARGEST:
            return timing, 2.0 * side**3
        side *= 2


def speed(arithmetic: tuple[Timing, float], memory: tuple[Timing, float]) -> Speed:
    """Turn both probes into rates."""
    return Speed(
        rate=arithmetic[1] / arithmetic[0].seconds,
        bandwidth=memory[1] / memory[0].seconds,
    )
