"""Time and watts of one GEMM on one package under a power limit.

Time is launch, operand cast and a roofline of arithmetic and memory.  Arithmetic is
slowed by filling and draining the pipeline of every tile (elements of K) and by the
part-filled last wave of tiles (elements of the output).  Power is idle, clocks, energy
per FLOP and energy per byte; what the clock drives rises with it as voltage does.
Where that exceeds the limit, the clock falls until power meets it.

The roofline is that of Williams, Waterman and Patterson (2009); tiles and waves are
those of NVIDIA's "Matrix Multiplication Background User's Guide".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from supernode_opt.record import record, static
from supernode_opt.smooth import maximum
from supernode_opt.units import (
    Efficiency,
    FlopPerSecond,
    JoulePerByte,
    NonNegative,
    Number,
    Second,
    Share,
    Watt,
    quantity,
)

OUTPUT_BYTES = 2.0
# Bandwidth of the cache over that of memory (A100 white paper: 5,120 B per clock are
# 3.5 times its memory), and the energy of a byte from it over one from memory (half of
# the way from the stack to a register is spent inside the stack and its interface).
_CACHE_SPEED, _CACHE_ENERGY = 3.0, 0.5
# Hits fall off around capacity as this power of what is held over it: caches that hash
# addresses do not forget everything at once.
_FALL = 4.0
# Clocks considered: the lowest, over reference, is that of a package at rest; the
# highest, over boost, lies so far above it that a limit that just allows boost is
# interior.
_LOWEST, _HIGHEST = 0.1, 4.0
_HALVINGS = 26
# Power above idle that any limit leaves [W]: keeps time finite at no power.
_LEAST = 1e-4


@record
class GemmKernel:
    """Kernel library on one architecture at one precision, fitted to measurements.

    Attributes:
      operand_bytes: of one operand value in memory [B].
      cast_bytes: traffic of casting one activation from BF16 beforehand [B].
      cast_row: values' worth of time that a cast spends on every row [1].
      cast_efficiency: bandwidth of the cast over that of streaming [1].
      array_efficiency: rate of an endless GEMM over `peak` at boost clock [1].
      inner: elements of K whose time filling and draining a tile takes [1].
      wave: output elements whose time the part-filled last wave takes [1].
      launch_time: from one kernel to the next in a captured graph [s].
      overlap: exponent of the p-norm of arithmetic and memory time [1].
      cache: last level on the package, 0 for none [B].
      idle_power: that does not follow the clock [W].
      clock_power: of clocks and waiting arrays, at reference [W].
      flop_energy: above both, at reference [J/flop].
      byte_energy: of memory traffic from stack to register [J/B].
      reference_rate: nominal peak whose boost clock is the reference [flop/s].
      power_exponent: d ln(power that follows the clock) / d ln(clock) [1].
      voltage_floor: clock over reference below which voltage no longer falls [1].
      limit_share: power that the regulator settles at, over its limit [1].
      architecture: family of chips that it was fitted on.
      precision: of the operands.
      residual: whether a fitted network stands beside it.
    """

    operand_bytes: Number
    cast_bytes: NonNegative
    cast_row: NonNegative
    cast_efficiency: Efficiency
    array_efficiency: Efficiency
    inner: NonNegative
    wave: NonNegative
    launch_time: Second
    overlap: Number
    cache: quantity("B", zero=True)
    idle_power: Watt
    clock_power: quantity("W", zero=True)
    flop_energy: quantity("J/flop")
    byte_energy: JoulePerByte
    reference_rate: FlopPerSecond
    power_exponent: Number
    voltage_floor: Share
    limit_share: Efficiency
    architecture: str = static()
    precision: str = static()
    residual: bool = static(default=False)
    name: str = static(default="kernel")


class Package(NamedTuple):
    """What a GEMM needs to know of the package that runs it.

    Attributes:
      peak: nominal dense peak at the kernel's precision [flop/s].
      bandwidth: achieved memory bandwidth when streaming [B/s].
      power_limit: enforced by the regulator [W].
    """

    peak: ArrayLike
    bandwidth: ArrayLike
    power_limit: ArrayLike


class Shape(NamedTuple):
    """`m` tokens times `k` features onto `n` columns, each [*batch] [1]."""

    m: ArrayLike
    n: ArrayLike
    k: ArrayLike

    @property
    def flops(self) -> Array:
        """Multiplications and additions [flop]."""
        return 2.0 * jnp.asarray(self.m) * self.n * self.k


class GemmCost(NamedTuple):
    """Cost of GEMMs that run back to back, each [*batch].

    Attributes:
      time: from one kernel to the next [s].
      power: mean of the package [W].
      clock: over boost clock [1].
      demand: power that boost clock would draw [W].
    """

    time: Array
    power: Array
    clock: Array
    demand: Array


class _Case(NamedTuple):
    kernel: GemmKernel
    shape: Shape
    package: Package
    repeat: ArrayLike
    work: ArrayLike


def gemm(
    kernel: GemmKernel,
    shape: Shape,
    package: Package,
    *,
    repeat: ArrayLike = 0.0,
    work: ArrayLike = 1.0,
    sharpness: ArrayLike = jnp.inf,
) -> GemmCost:
    """Return time and watts of GEMMs of `shape` on `package`.

    Args:
      kernel: constants of the library, for the architecture and precision.
      shape: tokens, columns and inner length.
      package: rates and power limit.
      repeat: one over the number of weights that take turns: a benchmark that runs
        the same few again and again finds them in the cache; 0 where every weight is
        new, as in training [1].
      work: factor on the time and on the energy of everything but launch and clocks,
        such as a residual network's [1].
      sharpness: exponent that joins boost clock and the clock that the limit allows;
        infinity is exact.
    """
    case = _Case(kernel, shape, package, repeat, work)
    idle = kernel.idle_power
    left = _left(case)
    clock = 1.0 / maximum(1.0, jnp.exp(-_allowed(case, left)), sharpness)
    demand = idle + _dynamic(case, 1.0)
    dynamic = _dynamic(case, clock)
    # Below the lowest clock the package pauses between kernels.
    pauses = jnp.maximum(dynamic / left, 1.0)
    return GemmCost(_time(case, clock) * pauses, idle + dynamic / pauses, clock, demand)


def fill(kernel: GemmKernel, shape: Shape) -> Array:
    """Return the array's slots over FLOPs: pipeline fill and the last wave [1]."""
    m, n, k = (jnp.asarray(side, float) for side in shape)
    return 1.0 + kernel.inner / k + kernel.wave / (m * n)


def traffic(kernel: GemmKernel, shape: Shape) -> Array:
    """Return bytes that operands and result of the GEMM proper have [B]."""
    m, n, k = shape
    return kernel.operand_bytes * (m * k + n * k) + OUTPUT_BYTES * m * n


def cached(kernel: GemmKernel, shape: Shape, repeat: ArrayLike) -> Array:
    """Return the share of `traffic` that the cache serves [1].

    `repeat` is one over the number of weights that take turns with one activation.
    """
    m, n, k = (jnp.asarray(side, float) for side in shape)
    width = kernel.operand_bytes
    held = width * n * k + repeat * (width * m * k + OUTPUT_BYTES * m * n)
    fits = (kernel.cache * repeat / held) ** _FALL
    return fits / (1.0 + fits)


def cast_time(kernel: GemmKernel, shape: Shape, package: Package) -> Array:
    """Return the time of casting the activations beforehand [s]."""
    values = jnp.asarray(shape.m) * (shape.k + kernel.cast_row)
    return kernel.cast_bytes * values / (kernel.cast_efficiency * package.bandwidth)


def _left(case: _Case) -> Array:
    """Power above idle that the limit leaves [W]."""
    kernel = case.kernel
    left = kernel.limit_share * case.package.power_limit - kernel.idle_power
    return jnp.maximum(left, _LEAST)


def _allowed(case: _Case, left: Array) -> Array:
    """Logarithm of the clock at which demand meets the limit, over boost clock.

    Found by bisection without slopes; one Newton step afterwards makes the last digits
    right and gives the slopes of the implicit function.
    """

    def excess(case: _Case, left: Array, log_clock: Array) -> Array:
        return jnp.log(_dynamic(case, jnp.exp(log_clock))) - jnp.log(left)

    fixed = lax.stop_gradient((case, left))
    start = jnp.zeros_like(excess(*fixed, jnp.asarray(0.0)))
    lowest = _LOWEST * case.kernel.reference_rate / case.package.peak
    floor = start + jnp.log(jnp.minimum(lowest, 1.0))
    roof = start + jnp.log(_HIGHEST)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        above = excess(*fixed, middle) > 0.0
        return jnp.where(above, ends[0], middle), jnp.where(above, middle, ends[1])

    ends = lax.stop_gradient((floor, roof))
    low, high = lax.fori_loop(0, _HALVINGS, halve, ends)
    root = lax.stop_gradient(0.5 * (low + high))
    # Where even the lowest clock exceeds the limit, or nothing does, it stays there.
    inside = (low > floor) & (high < roof)
    _, slope = jax.jvp(lambda u: excess(*fixed, u), (root,), (jnp.ones_like(root),))
    slope = lax.stop_gradient(jnp.where(inside, slope, 1.0))
    beyond = excess(case, left, root)
    end = jnp.where(low > floor, roof, floor)
    return jnp.where(inside, root - beyond / slope, end)


def _time(case: _Case, clock: ArrayLike) -> Array:
    kernel, shape, package, repeat, work = case
    rate = kernel.array_efficiency * package.peak * clock
    arithmetic = shape.flops * fill(kernel, shape) / rate
    hits = cached(kernel, shape, repeat)
    served = (1.0 - hits + hits / _CACHE_SPEED) / package.bandwidth
    memory = traffic(kernel, shape) * served
    working = maximum(arithmetic, memory, kernel.overlap)
    return kernel.launch_time + work * (cast_time(kernel, shape, package) + working)


def _dynamic(case: _Case, clock: ArrayLike) -> Array:
    """Power above idle while kernels run without pause [W]."""
    kernel, shape, package, repeat, work = case
    ratio = clock * package.peak / kernel.reference_rate
    exponent = kernel.power_exponent - 1.0
    # Energy follows the square of voltage, voltage nearly the clock.
    voltage = maximum(ratio**exponent, kernel.voltage_floor**exponent, 8.0)
    hits = cached(kernel, shape, repeat)
    moved = traffic(kernel, shape) * (1.0 - hits + hits * _CACHE_ENERGY)
    moved = moved + kernel.cast_bytes * shape.m * shape.k
    energy = kernel.flop_energy * voltage * shape.flops + kernel.byte_energy * moved
    return kernel.clock_power * ratio * voltage + work * energy / _time(case, clock)
