"""Maxima with one `sharpness`; at infinity they are the exact maxima.

Two kinds of smoothing are kept apart.  *Time maxima* (roofline, overlap, slowest
stage) become p-norms, which keep log-convexity and are never below the exact value.
*Counts* (ranks inside a domain, layers per stage) are exact unless the caller relaxes
them, because a smoothed count breaks log-convexity.

Every function works elementwise on arrays of any shape and has finite gradients for
finite arguments.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtri
from jax.typing import ArrayLike

# Below this an argument of a p-norm counts as zero: 1e-12 s is a thousandth of a clock
# tick, and its logarithm keeps gradients finite.
TINY = 1e-12
# Of products on accelerators, which else round factors.
_FULL = jax.lax.Precision.HIGHEST
# An exponent whose power and root need no logarithm; GEMM kernels have it.
_QUARTIC = 4.0


def namespace(*values: ArrayLike) -> Any:
    """Return `jax.numpy` if any value is JAX's, else `numpy`.

    Outside of a program, JAX compiles every operation anew for every shape.
    """
    return jnp if any(isinstance(value, jax.Array) for value in values) else np


def maximum(a: ArrayLike, b: ArrayLike, sharpness: ArrayLike) -> Array:
    """Return the p-norm of two non-negative values with exponent `sharpness`.

    `sharpness` is a positive number; infinity gives the exact maximum.  The result is
    at least the exact maximum and at most 2**(1/sharpness) times it.
    """
    high = jnp.maximum(a, b)
    if is_exact(sharpness):
        return high
    if isinstance(sharpness, float) and sharpness == _QUARTIC:
        return _quartic(*jnp.broadcast_arrays(a, b))
    return high + high * surplus(a, b, sharpness)


@jax.custom_jvp
def _quartic(a: Array, b: Array) -> Array:
    high = jnp.maximum(a, b)
    ratio = jnp.maximum(jnp.minimum(a, b), TINY) / jnp.maximum(high, TINY)
    return high * jnp.sqrt(jnp.sqrt(1.0 + jnp.square(jnp.square(ratio))))


@_quartic.defjvp
def _quartic_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Slopes by the value: `(a / y)^3` and `(b / y)^3`; equal ones of nothing."""
    norm = _quartic(*primals)
    some = norm > TINY
    inverse = 1.0 / jnp.where(some, norm, 1.0)
    slopes = (
        jnp.where(some, one * inverse, 2.0 ** (-1.0 / _QUARTIC)) ** 3 for one in primals
    )
    of_a, of_b = (s * t for s, t in zip(slopes, tangents, strict=True))
    return norm, of_a + of_b


def excess(base: ArrayLike, other: ArrayLike, sharpness: ArrayLike) -> Array:
    """Return `maximum(base, other) - base` to the last digit."""
    high = jnp.maximum(base, other)
    if is_exact(sharpness):
        return high - base
    return (high - base) + high * surplus(base, other, sharpness)


def surplus(a: ArrayLike, b: ArrayLike, sharpness: ArrayLike) -> Array:
    """How far the p-norm of two values exceeds the greater, relative to it [1]."""
    if is_exact(sharpness):
        return jnp.zeros(jnp.broadcast_shapes(jnp.shape(a), jnp.shape(b)))
    high, low = jnp.maximum(a, b), jnp.minimum(a, b)
    finite = jnp.isfinite(sharpness)
    exponent = jnp.where(finite, sharpness, 1.0)
    power = (jnp.maximum(low, TINY) / jnp.maximum(high, TINY)) ** exponent
    return jnp.where(finite, jnp.expm1(jnp.log1p(power) / exponent), 0.0)


def is_exact(sharpness: ArrayLike) -> bool:
    """Tell whether `sharpness` is known to be infinite before anything runs.

    Then no smoothing need be traced: it would be computed only to be thrown away, and
    quantities would seem to depend on what they do not.
    """
    return isinstance(sharpness, float) and sharpness == math.inf


def root(value: ArrayLike) -> Array:
    """Square root of non-negative values; its slope at zero is taken as zero."""
    positive = jnp.asarray(value) > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, value, 1.0)), 0.0)


def raised(base: ArrayLike, exponent: ArrayLike) -> Array:
    """Raise positive values to a power; compilers take much longer for any base."""
    return jnp.exp(exponent * jnp.log(base))


def ceiling(value: ArrayLike, relaxed: ArrayLike) -> Array:
    """Round `value` up to a whole count, or leave it alone where `relaxed` is true.

    Values within 1e-9 above a whole number count as that number, so that 48 / 48 with
    rounding noise stays one.
    """
    whole = jnp.ceil(jnp.asarray(value) - 1e-9)
    if isinstance(relaxed, bool):
        return jnp.asarray(value) if relaxed else whole
    return jnp.where(relaxed, value, whole)


def stack(*values: ArrayLike) -> Array:
    """Stack values of any mutually broadcastable shapes along a new leading axis."""
    return jnp.stack(jnp.broadcast_arrays(*values))


def rows(values: Array) -> tuple[Array, ...]:
    """Take `values` apart along the first axis.

    Backwards the slopes of the rows are stacked, while those of single indices are each
    padded to the whole and added.
    """
    parts = jax.lax.split(values, (1,) * len(values), axis=0)
    return tuple(jnp.squeeze(part, 0) for part in parts)


def summed(values: Array) -> Array:
    """Add `values` over their first axis.

    As a product with ones: the operands of a product are computed once and kept, while
    sums are fused with, and all their terms computed anew for, whatever needs them.
    """
    return jnp.tensordot(
        jnp.ones(len(values), values.dtype), values, axes=1, precision=_FULL
    )


def added(values: Array) -> Array:
    """Add `values` over a first axis of a few entries, fused with what needs them.

    A reduction would be a loop of its own, which takes several times longer.
    """
    first, *others = rows(values)
    return sum(others, start=first)


def combined(weights: Sequence[Sequence[bool]], values: Array) -> Array:
    """Add `values` over their first axis, once for every row of `weights`.

    Nothing may be simplified across the product: of slopes that are put together before
    it compilers make outer products, which no vector unit is fast on.
    """
    values = jax.lax.optimization_barrier(values)
    ones = jnp.asarray(weights, values.dtype)
    sums = jnp.tensordot(ones, values, axes=1, precision=_FULL)
    return jax.lax.optimization_barrier(sums)


def greatest_normal(count: ArrayLike) -> Array:
    """Expected greatest of `count` independent standard normals [1].

    Blom's approximation (1958, "Statistical Estimates and Transformed Beta-Variables"):
    0 of one, as it is; 4.5 % above the 0.5642 of two, 0.5 % above the 1.5388 of ten and
    0.4 % below the 2.5076 of a hundred (Harter 1961).

    >>> [round(float(greatest_normal(n)), 2) for n in (1.0, 10.0, 100.0)]
    [0.0, 1.55, 2.5]
    """
    count = jnp.maximum(jnp.asarray(count, float), 1.0)
    return ndtri((count - 0.375) / (count + 0.25))
