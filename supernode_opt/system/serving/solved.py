"""The most requests that a limit on time per token allows: a root, solved inside.

Exactly, it is the largest whole number of requests of a group that keeps the limit and
fits in memory: between two that do and do not, the next to try is where a straight line
crosses the limit, and every third time the middle (Dekker's safeguarded secant; Brent,
Algorithms for Minimization without Derivatives, 1973, chapter 4).  Relaxed, it is the
crossing itself: found without slopes, then one step of Newton's, which gives the slopes
of the implicit function (Krantz and Parks 2013, The Implicit Function Theorem).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

# Steps, halvings of the logarithm and then Newton's: from a thousandth to 65,536
# requests to within half a per cent, then to the last digit.
_HALVINGS, _STEPS = 12, 2
# Trials of whole numbers; more than any needs.
_TRIALS = 60
MOST = 65536.0
_LEAST = 1e-3
# A time so little above its limit is rounding.
_ROUNDED = 1e-12


class Found(NamedTuple):
    """Requests of a group in decode.

    Attributes:
      batch: of them [1].
      least: time per token with one, or with those that are given [s].
      pause: time per token that newcomers wait at most: the limit, or what memory
        allows if that takes less [s].
    """

    batch: Array
    least: Array
    pause: Array


def most_within(
    seconds: Callable[[Array], Array],
    limit: Array,
    most: Array,
    given: Array,
    flying: Array,
    relaxed: ArrayLike,
) -> Found:
    """Return how many requests of a group decode at once.

    Args:
      seconds: time per token of so many; it never falls as they grow.
      limit: on it; infinite for none [s].
      most: that fit in memory [1].
      given: to be taken as it is where it is above 0 [1].
      flying: that there are; infinite if as many as it takes [1].
      relaxed: return the crossing instead of the whole number below it.

    Returns:
      At least one, where `relaxed` is false: who cannot serve one breaks a limit.
    """
    if relaxed is not True and relaxed is not False:
        smooth, whole = (
            most_within(seconds, limit, most, given, flying, r) for r in (True, False)
        )
        return Found(
            *(jnp.where(relaxed, a, b) for a, b in zip(smooth, whole, strict=True))
        )
    shape = jnp.broadcast_shapes(*(x.shape for x in (limit, most, given, flying)))
    limit, most, given, flying = (
        jnp.broadcast_to(x, shape) for x in (limit, most, given, flying)
    )
    known = given > 0.0
    fit = jnp.clip(most, _LEAST if relaxed else 1.0, MOST)
    most = fit if relaxed else jnp.floor(fit + 1e-9)
    asked = jnp.stack([jnp.where(known, given, 1.0), jnp.minimum(fit, flying), most])
    # Side by side, as one program.
    mine, full, above = jax.vmap(seconds)(asked)
    if relaxed:
        free = _crossing(seconds, limit, most, above)
    else:
        free = _whole(seconds, limit, most, known, mine, above)
    batch = jnp.where(known, given, jnp.minimum(free, flying))
    pause = jnp.where(known, mine, jnp.minimum(full, jnp.maximum(limit, mine)))
    return Found(batch, mine, pause)


def _whole(
    seconds: Callable[[Array], Array],
    limit: Array,
    most: Array,
    known: Array,
    least: Array,
    above: Array,
) -> Array:
    """Close in on the whole number: `low` keeps the limit or is one, `high` does not.

    With `known` ones there is nothing to do.
    """
    limit = limit * (1.0 + _ROUNDED)
    done = known | (above <= limit) | (least > limit)
    low = jnp.where(above <= limit, most, 1.0)
    high = jnp.where(done, low, most)

    def live(state: tuple[Array, ...]) -> Array:
        order, low, high, _, _ = state
        return jnp.any(high - low > 1.5) & (order < _TRIALS)

    def trial(state: tuple[Array, ...]) -> tuple[Array, ...]:
        order, low, high, below, above = state
        middle = 0.5 * (low + high)
        share = (limit - below) / jnp.maximum(above - below, 1e-30)
        line = low + share * (high - low)
        tried = jnp.where(order % 3 == 2, middle, line)
        tried = jnp.clip(jnp.floor(tried + 1e-9), low + 1.0, high - 1.0)
        found = seconds(jnp.maximum(tried, 1.0))
        open_, keeps = high - low > 1.5, found <= limit
        rises, falls = open_ & keeps, open_ & ~keeps
        return (
            order + 1,
            jnp.where(rises, tried, low),
            jnp.where(falls, tried, high),
            jnp.where(rises, found, below),
            jnp.where(falls, found, above),
        )

    start = jnp.zeros((), int), low, high, least, above
    return lax.stop_gradient(lax.while_loop(live, trial, lax.stop_gradient(start))[1])


def _crossing(
    seconds: Callable[[Array], Array], limit: Array, most: Array, above: Array
) -> Array:
    """Return where the limit is crossed, or `most` where that keeps it."""
    bound = jnp.where(jnp.isfinite(limit), limit, 0.0)
    ends = jnp.full_like(most, jnp.log(_LEAST)), jnp.log(most)
    fixed = lax.stop_gradient(bound)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        above = seconds(jnp.exp(middle)) > fixed
        return jnp.where(above, ends[0], middle), jnp.where(above, middle, ends[1])

    ends = lax.stop_gradient(ends)
    low, high = lax.fori_loop(0, _HALVINGS, halve, ends)
    at = jnp.exp(0.5 * (low + high))
    for _ in range(_STEPS):
        found, slope = jax.jvp(seconds, (at,), (jnp.ones_like(at),))
        at = jnp.clip(at - (found - fixed) / _some(slope), jnp.exp(low), jnp.exp(high))
        at = lax.stop_gradient(at)
    free = lax.stop_gradient(above) <= limit
    _, slope = jax.jvp(seconds, (at,), (jnp.ones_like(at),))
    crossed = at - (seconds(at) - bound) / lax.stop_gradient(_some(slope))
    return jnp.where(free, most, jnp.clip(crossed, _LEAST, most))


def _some(slope: Array) -> Array:
    return jnp.maximum(slope, 1e-18)
