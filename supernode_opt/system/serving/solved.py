"""The most requests that a limit on time per token allows: a root, solved inside.

Exactly, it is the largest whole number of requests of a group that keeps the limit and
fits in memory, found by halving.  Relaxed, it is the crossing itself: halved without
slopes, then one step of Newton's, which makes the last digits right and gives the
slopes of the implicit function (Krantz and Parks 2013, The Implicit Function Theorem).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

# Halvings of the logarithm: from one to 65,536 requests to within a tenth of a per cent
# relaxed; exactly, whole numbers below that are told apart.
_RELAXED, _EXACT = 26, 16
MOST = 65536.0
_LEAST = 1e-3


def most_within(
    seconds: Callable[[Array], Array],
    limit: ArrayLike,
    most: ArrayLike,
    relaxed: ArrayLike,
) -> Array:
    """Return how many requests of a group decode at once [1].

    Args:
      seconds: time per token of so many; it never falls as they grow.
      limit: on it; infinite for none [s].
      most: that fit in memory [1].
      relaxed: return the crossing instead of the whole number below it.

    Returns:
      At least one, where `relaxed` is false: who cannot serve one breaks a limit.
    """
    limit = jnp.asarray(limit, float)
    if relaxed is not True and relaxed is not False:
        smooth, whole = (most_within(seconds, limit, most, r) for r in (True, False))
        return jnp.where(relaxed, smooth, whole)
    if relaxed:
        return _crossing(seconds, limit, jnp.clip(most, _LEAST, MOST))
    return _whole(seconds, limit, jnp.clip(jnp.floor(most + 1e-9), 1.0, MOST))


def _whole(seconds: Callable[[Array], Array], limit: ArrayLike, most: Array) -> Array:
    """Halve whole numbers: `low` keeps the limit or is one, `high` does not."""

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = jnp.floor(0.5 * (low + high))
        keeps = seconds(jnp.maximum(middle, 1.0)) <= limit * (1.0 + 1e-12)
        open_ = high - low > 1.5
        return (
            jnp.where(open_ & keeps, middle, low),
            jnp.where(open_ & ~keeps, middle, high),
        )

    like = 0.0 * seconds(most) + most
    start = jnp.ones_like(like), like + 1.0
    low, _ = lax.fori_loop(0, _EXACT, halve, lax.stop_gradient(start))
    return lax.stop_gradient(low)


def _crossing(
    seconds: Callable[[Array], Array], limit: ArrayLike, most: Array
) -> Array:
    like = 0.0 * seconds(most) + most
    ends = jnp.full_like(like, jnp.log(_LEAST)), jnp.log(like)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        above = seconds(jnp.exp(middle)) > limit
        return jnp.where(above, ends[0], middle), jnp.where(above, middle, ends[1])

    ends = lax.stop_gradient(ends)
    low, high = lax.fori_loop(0, _RELAXED, halve, ends)
    free = lax.stop_gradient(seconds(like)) <= limit
    root = lax.stop_gradient(jnp.exp(0.5 * (low + high)))
    _, slope = jax.jvp(lambda b: seconds(b), (root,), (jnp.ones_like(root),))
    slope = lax.stop_gradient(jnp.maximum(slope, 1e-18))
    bound = jnp.where(jnp.isfinite(limit), limit, 0.0)
    crossed = root - (seconds(root) - bound) / slope
    return jnp.where(free, like, jnp.clip(crossed, _LEAST, like))
