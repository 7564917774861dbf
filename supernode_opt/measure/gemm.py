"""GEMMs over shapes and precisions, square and skinny, with operands out of cache."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp

from supernode_opt.measure.devices import Bench, Device
from supernode_opt.measure.plan import Point, Speed, bearable, required, spread_out
from supernode_opt.measure.timing import Repeated, Timing, measure

SECTION = "gemm"
# Bytes of one operand by precision, and of one result.
WIDTHS = {"float32": 4.0, "bfloat16": 2.0, "fp8": 1.0}
RESULTS = {"float32": 4.0, "bfloat16": 2.0, "fp8": 2.0}
_ROWS = (8, 32, 128, 512, 2048, 8192, 32768)
_COLUMNS = (256, 768, 1024, 3072, 4096, 12288, 16384)
# Calls shorter than this measure the launch, longer ones only patience [s].
_SHORTEST, _LONGEST = 20e-6, 0.15
_COUNTS = {"bfloat16": 28, "float32": 10, "fp8": 16}
_QUICK = {"bfloat16": 9, "float32": 2, "fp8": 2}
# Single over BF16 precision where only BF16 has matrix units, roughly.
_SINGLE = 12.0
_BEST, NEEDED = 2, 6


def moved(m: Any, n: Any, k: Any, precision: str) -> Any:
    """Bytes that a GEMM reads and writes at least [B]."""
    return WIDTHS[precision] * (m * k + k * n) + RESULTS[precision] * m * n


def points(device: Device, speed: Speed, quick: bool) -> list[Point]:
    """Offer the shapes worth timing on a device of this speed."""
    precisions = ["bfloat16", "float32", *(["fp8"] if device.float8 else [])]
    longest = 0.2 * _LONGEST if quick else _LONGEST
    largest = (0.003 if quick else 0.1) * device.usable
    slower = 1.0 if device.platform == "cpu" else _SINGLE
    chosen: list[Point] = []
    for precision in precisions:
        grid = []
        for m, n, k in itertools.product(_ROWS, _COLUMNS, _COLUMNS):
            size = moved(m, n, k, precision)
            work = 2.0 * m * n * k * (slower if precision == "float32" else 1.0)
            seconds = max(work / speed.rate, size / speed.bandwidth)
            if size < largest:
                sizes = {"precision": precision, "m": m, "n": n, "k": k}
                grid.append(Point(SECTION, sizes, seconds))
        count = (_QUICK if quick else _COUNTS)[precision]
        grid = bearable(grid, _SHORTEST, longest, count)
        # Balanced shapes show the best rate; the others tell where it is lost.
        grid.sort(key=_intensity, reverse=True)
        apart = spread_out(grid[_BEST:], count - _BEST)
        chosen += required(
            [*grid[:_BEST], *apart], NEEDED if precision == "bfloat16" else 0
        )
    return chosen


def _intensity(point: Point) -> float:
    m, n, k = (float(point.sizes[side]) for side in "mnk")
    return m * n * k / moved(m, n, k, str(point.sizes["precision"]))


def run(point: Point, bench: Bench) -> tuple[Timing, float]:
    """Time one shape; also return how many operand sets took turns."""
    m, n, k = (int(point.sizes[side]) for side in "mnk")
    precision = str(point.sizes["precision"])
    turns = float(bench.sets(moved(m, n, k, precision)))
    return time_gemm(m, n, k, precision, bench), turns


def time_gemm(m: int, n: int, k: int, precision: str, bench: Bench) -> Timing:
    """Time an M x K by K x N product."""
    dtype = jnp.float8_e4m3fn if precision == "fp8" else jnp.dtype(precision)
    result = jnp.float32 if precision == "float32" else jnp.bfloat16
    # Otherwise accelerators would round single precision to fewer bits.
    exact = jax.lax.Precision.HIGHEST if precision == "float32" else None

    def multiply(a: Any, b: Any) -> Any:
        sides = (((1,), (0,)), ((), ()))
        return jax.lax.dot_general(
            a, b, sides, precision=exact, preferred_element_type=result
        )

    count = bench.sets(moved(m, n, k, precision))
    operands = [
        (bench.operand((m, k), dtype, 2 * i), bench.operand((k, n), dtype, 2 * i + 1))
        for i in range(count)
    ]
    return measure(Repeated(multiply, operands), bench.window, bench.meter)
