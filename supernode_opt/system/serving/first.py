"""How long a request takes to its first token, beside the passes of prefill."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri
from jax.typing import ArrayLike

from supernode_opt.system.collectives import MINIMUM_RATE
from supernode_opt.system.serving.attention import cache_bytes
from supernode_opt.system.serving.prefill import Prompt
from supernode_opt.system.serving.queue import (
    FULL,
    waiting_at,
    waiting_share,
    waiting_time,
)
from supernode_opt.system.serving.setting import Setting
from supernode_opt.workload.serving import Serving


class Arrival(NamedTuple):
    """What a request waits for before its first token, beside a step of decode [s].

    Attributes:
      mean: on average.
      later: how much later than that the request at the percentile of its limit is; 0
        where the mean is limited.
    """

    mean: Array
    later: Array


def arrival(
    setting: Setting, prompt: Prompt, load: Array, readers: Array, own: Array
) -> Arrival:
    """Return what a request waits for.

    Args:
      setting: of the pool of prefill.
      prompt: what one prompt costs it.
      load: share of the time that what reads prompts is busy; 0 where nobody says how
        often requests arrive [1].
      readers: instances that read [1].
      own: 1 where they do nothing else [1].
    """
    scenario, serving = setting.scenario, setting.scenario.serving
    variation = serving.input_variation**2
    queued = waiting_time(jnp.minimum(load, FULL), readers, prompt.seconds, variation)
    before = (1.0 + serving.prompts_ahead) * prompt.alone
    moved = handed_over(setting, own)
    mean = scenario.software.first_time + before + moved + queued
    share = jnp.asarray(serving.ttft_percentile, float)
    some = share > 0.0
    safe = jnp.where(some, share, 0.5)
    at = waiting_at(safe, queued, waiting_share(load, readers))
    longer = prompt.alone * (_longer(serving, safe) - 1.0)
    later = jnp.where(some, jnp.maximum(at - queued, 0.0) + longer, 0.0)
    return Arrival(mean, jnp.maximum(later, 0.0))


def _longer(serving: Serving, share: ArrayLike) -> Array:
    """Length of the prompt at a percentile over the mean, lognormal lengths [1]."""
    spread = jnp.log1p(jnp.square(jnp.asarray(serving.input_variation)))
    some = spread > 0.0
    sigma = jnp.where(some, jnp.sqrt(jnp.where(some, spread, 1.0)), 0.0)
    return jnp.exp(ndtri(share) * sigma - 0.5 * spread)


def handed_over(setting: Setting, own: ArrayLike) -> Array:
    """Time to hand the cache of one prompt to decode, and to fetch what is pooled [s].

    Every rank of a group of prefill sends what it has.  The plane is the scale-up
    fabric where one domain holds all chips and nothing else is said, else the network.
    What was found in pooled memory comes over the scale-up fabric, what was found in
    that of hosts over the hosts' own ports on it.
    """
    scenario, design = setting.scenario, setting.design
    serving, software = scenario.serving, scenario.software
    model, pool = scenario.model, setting.pool
    each = cache_bytes(model, pool.tensor, setting.formats, serving.input_length)
    whole = each * model.layers / pool.pipeline
    inner = design.scale_up_bandwidth * software.transfer_efficiency
    outer = design.scale_out_bandwidth / design.oversubscription
    outer = outer * software.transfer_efficiency
    inside = jnp.asarray(design.chips) <= design.scale_up_domain
    named = serving.cache_plane == "scale_up"
    rate = jnp.where(inside, inner, outer) if named else outer
    handed = own * whole / jnp.maximum(rate, MINIMUM_RATE)
    found = serving.cached_share * serving.slow_cache_share
    found = cache_bytes(
        model, pool.tensor, setting.formats, serving.input_length * found
    )
    slow = inner
    if serving.cache_tier == "host":
        shared = scenario.host.scale_up_bandwidth / scenario.host.chips_per_board
        slow = jnp.where(shared > 0.0, jnp.minimum(inner, shared), outer)
    some = jnp.where(jnp.asarray(serving.slow_cache_share) > 0.0, 1.0, 0.0)
    fetched = some * found * model.layers / pool.pipeline
    return handed + fetched / jnp.maximum(slow, MINIMUM_RATE)
