"""How long requests wait for prefill.

The mean wait of a queue with `m` servers is that of Allen and Cunneen (Allen,
Probability, Statistics and Queueing Theory, 1990, section 5.4), with Sakasegawa's
approximation of Erlang's (Annals of the Institute of Statistical Mathematics 29, 1977):

    W = (c_a^2 + c_s^2) / 2 * rho^(sqrt(2 (m + 1)) - 1) / (m (1 - rho)) * S

It is exact for M/M/1 and M/G/1.  Beside Erlang's own formula it is within 6 % for two
to sixteen servers from a load of 0.9 on, where waits matter; at 0.7 it is 8 % too long
for four servers and 38 % for sixteen, whose requests then wait for a twenty-fifth of
their service.  It holds in steady state alone: below the whole capacity.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

# Loads from here on have no steady state; the wait there keeps its slope finite.
FULL = 0.999


def waiting_share(load: ArrayLike, servers: ArrayLike) -> Array:
    """Probability that a request has to wait [1].

    Sakasegawa's approximation of Erlang's; `rho` for one server, where it is exact.
    """
    load = jnp.clip(jnp.asarray(load, float), 0.0, FULL)
    exponent = jnp.sqrt(2.0 * (jnp.maximum(servers, 1.0) + 1.0)) - 1.0
    some = load > 0.0
    power = jnp.exp(exponent * jnp.log(jnp.where(some, load, 1.0)))
    return jnp.where(some, power, 0.0)


def waiting_time(
    load: ArrayLike,
    servers: ArrayLike,
    service: ArrayLike,
    variation: ArrayLike,
    arrivals: ArrayLike = 1.0,
) -> Array:
    """Mean time in the queue [s].

    Args:
      load: share of the time that servers are busy [1].
      servers: side by side, at least one [1].
      service: time that one request keeps one [s].
      variation: squared coefficient of variation of that time [1].
      arrivals: the same of the time between arrivals; one if they are independent [1].

    >>> float(waiting_time(0.5, 1.0, 2.0, 1.0))
    2.0
    """
    load = jnp.clip(jnp.asarray(load, float), 0.0, FULL)
    servers = jnp.maximum(servers, 1.0)
    share = waiting_share(load, servers)
    factor = 0.5 * (arrivals + variation) * share / (servers * (1.0 - load))
    # pyrefly: ignore[bad-return]
    return factor * service


def waiting_at(percentile: ArrayLike, mean: ArrayLike, share: ArrayLike) -> Array:
    """Wait of the request at a percentile [s].

    Waits are exponential given that there is one: exactly for M/M/m, in heavy traffic
    for others (Kingman 1962): with the probability `P` of waiting `W / P ln(P / (1 -
    p))`, none where less than `1 - p` wait.

    Args:
      percentile: share of the requests that wait no longer, below 1 [1].
      mean: of all waits [s].
      share: of the requests, those that wait at all [1].
    """
    share = jnp.maximum(share, 1e-12)
    beyond = jnp.log(share / (1.0 - jnp.asarray(percentile, float)))
    # pyrefly: ignore[bad-return]
    return mean / share * jnp.maximum(beyond, 0.0)
