"""Voltage against clock: the alpha-power law and its inverse for power.

With threshold voltage `t` and voltage `x`, both over that at the sustained clock,
the clock over the sustained one is

    r = ((x - t) / (1 - t)) ** alpha / x

(Sakurai and Newton 1990) and dynamic power over that at the sustained clock is `r x^2`.
The threshold follows from the measured slope n = d ln(power) / d ln(clock) there:
`alpha / (1 - t) = 1 + 2 / (n - 1)`; alpha 1.3 and n = 2.8 put its voltage at 2.6
times the threshold.  Both curves are solved by Newton's method in the logarithm of `x`,
which converges from below because they are concave in it, and differentiated
implicitly.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import raised

_STEPS = 6
_BUDGET_STEPS = 6
# A threshold of nothing or of everything has no curve; slopes beyond are cut off.
_LEAST = 0.02


def threshold(exponent: ArrayLike, alpha: ArrayLike) -> Array:
    """Threshold over sustained voltage, from the slope of power with clock [1].

    >>> round(float(threshold(2.8, 1.3)), 3)
    0.384
    """
    slope = jnp.maximum(jnp.asarray(exponent) - 1.0, _LEAST)
    return jnp.clip(1.0 - alpha / (1.0 + 2.0 / slope), _LEAST, 1.0 - _LEAST)


def voltage_of_clock(ratio: ArrayLike, t: ArrayLike, alpha: ArrayLike) -> Array:
    """Voltage over the sustained one at `ratio` of the sustained clock [1]."""
    return jnp.exp(_solve(jnp.log(ratio), jnp.asarray(t), jnp.asarray(alpha), -1.0))


def voltage_of_power(ratio: ArrayLike, t: ArrayLike, alpha: ArrayLike) -> Array:
    """Voltage over the sustained one at `ratio` of its dynamic power [1]."""
    return jnp.exp(_solve(jnp.log(ratio), jnp.asarray(t), jnp.asarray(alpha), 1.0))


def clock_of_voltage(x: ArrayLike, t: ArrayLike, alpha: ArrayLike) -> Array:
    """Clock over the sustained one at a voltage over the sustained one [1]."""
    return raised((jnp.asarray(x) - t) / (1.0 - jnp.asarray(t)), alpha) / x


@jax.custom_jvp
def voltage_of_budget(
    budget: ArrayLike,
    leaking: ArrayLike,
    t: ArrayLike,
    alpha: ArrayLike,
    exponent: ArrayLike,
) -> Array:
    """Voltage at which dynamic power and leakage together take a budget [1].

    Newton's method in the logarithms of voltage and power, in which both curves are
    almost straight, from where the slope at the sustained voltage leads.

    Args:
      budget: over the dynamic power at the sustained clock [1].
      leaking: leakage at the sustained voltage, over the same [1].
      t, alpha: threshold and exponent of the alpha-power law [1].
      exponent: of the voltage in leakage power [1].

    >>> round(float(voltage_of_budget(1.2, 0.2, 0.384, 1.3, 3.0)), 6)
    1.0
    """
    t, alpha = jnp.asarray(t), jnp.asarray(alpha)
    wanted, leaks = jnp.log(budget), jnp.log(leaking)
    # What leaks more than the budget below the threshold never gets there.
    least = jnp.log((1.0 + _LEAST) * t)
    u = jnp.maximum(wanted / (1.0 + alpha / (1.0 - t)), least)
    for _ in range(_BUDGET_STEPS):
        x = jnp.exp(u)
        dynamic = u + alpha * jnp.log((x - t) / (1.0 - t))
        # Of both powers the share that is leakage, and the logarithm of their sum.
        odds = jnp.exp(leaks + exponent * u - dynamic)
        share = odds / (1.0 + odds)
        rise = (1.0 - share) * (1.0 + alpha * x / (x - t)) + share * exponent
        u = u - (dynamic + jnp.log1p(odds) - wanted) / rise
        u = jnp.maximum(u, least)
    return jnp.exp(u)


@voltage_of_budget.defjvp
def _voltage_of_budget_jvp(
    primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    x = voltage_of_budget(*primals)
    _, slope = jax.jvp(lambda v: _over(v, *primals), (x,), (jnp.ones_like(x),))
    _, moved = jax.jvp(lambda *given: _over(x, *given), primals, tangents)
    return x, -moved / slope


def _over(
    x: ArrayLike,
    budget: ArrayLike,
    leaking: ArrayLike,
    t: ArrayLike,
    alpha: ArrayLike,
    exponent: ArrayLike,
) -> Array:
    """Power at voltage `x` beyond the budget, over the dynamic power of one [1]."""
    dynamic = clock_of_voltage(x, t, alpha) * jnp.square(x)
    return dynamic + leaking * jnp.power(x, exponent) - budget


@jax.custom_jvp
def _solve(log: ArrayLike, t: ArrayLike, alpha: ArrayLike, weight: float) -> Array:
    """Solve `weight u + alpha ln((e^u - t) / (1 - t)) = log` for u = ln x."""
    # Below the solution, where the curve lies above its tangents: Newton climbs.
    bound = jnp.minimum(log, 0.0) + jnp.where(weight < 0.0, jnp.log(t), 0.0)
    u = jnp.log(t + (1.0 - t) * jnp.exp(bound / alpha))

    # Unrolled: the compiler sees when two callers ask for the same voltage.
    for _ in range(_STEPS):
        x = jnp.exp(u)
        value = weight * u + alpha * jnp.log((x - t) / (1.0 - t)) - log
        u = u - value / (weight + alpha * x / (x - t))
    return u


@_solve.defjvp
def _solve_jvp(
    primals: tuple[Array, Array, Array, float],
    tangents: tuple[Array, Array, Array, float],
) -> tuple[Array, Array]:
    log, t, alpha, weight = primals
    u = _solve(log, t, alpha, weight)
    x = jnp.exp(u)
    slope = weight + alpha * x / (x - t)
    by_t = alpha * (1.0 / (1.0 - t) - 1.0 / (x - t))
    by_alpha = jnp.log((x - t) / (1.0 - t))
    change = tangents[0] - by_t * tangents[1] - by_alpha * tangents[2]
    return u, change / slope
