"""A pass of prefill over a chunk of prompts, and what one prompt takes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import ceiling, maximum
from supernode_opt.system.kernels import KERNEL_OVERLAP
from supernode_opt.system.parts import total
from supernode_opt.system.serving.attention import SHORTEST, prefill_core
from supernode_opt.system.serving.forward import (
    Pass,
    PassCosts,
    pass_costs,
    whole_pass,
)
from supernode_opt.system.serving.launch import kernels
from supernode_opt.system.serving.setting import Setting
from supernode_opt.workload.serving import Serving


class Prompt(NamedTuple):
    """What prompts cost a pool.

    Attributes:
      step: a full pass.
      seconds: of an instance that one prompt takes when passes are full [s].
      host: that the host takes to start its kernels [s].
      alone: from its start to its first token, nothing else running [s].
      new: tokens of a prompt that are computed [1].
    """

    step: Pass
    seconds: Array
    host: Array
    alone: Array
    new: Array


def computed_tokens(serving: Serving) -> Array:
    """Tokens of a prompt that no cache has; one at least, which asks [1]."""
    new = jnp.asarray(serving.input_length) * (1.0 - serving.cached_share)
    return jnp.maximum(new, SHORTEST)


def prefill_costs(setting: Setting) -> PassCosts:
    """Return what passes of the pool cost that their tokens do not change.

    Where lengths differ a token finds itself in a longer prompt than the mean one, by
    `1 + cv^2` (see `attention.context_of`).
    """
    scenario, serving = setting.scenario, setting.scenario.serving
    length = serving.input_length * (1.0 + serving.input_variation**2)
    cached = length * serving.cached_share
    core = prefill_core(
        scenario,
        setting.pool,
        setting.formats,
        length,
        cached,
        setting.design.clock,
        setting.sharpness,
    )
    again = serving.input_length / computed_tokens(serving)
    return pass_costs(setting, core, prefill=True, again=jnp.maximum(again, 1.0))


def prefill_pass(costs: PassCosts, tokens: ArrayLike) -> Pass:
    """Time a pass over `tokens` of each group, whole prompts or parts of them."""
    tokens = jnp.asarray(tokens, float)
    heads = tokens / computed_tokens(costs.setting.scenario.serving)
    return whole_pass(costs, tokens, tokens, heads)


def prompts(setting: Setting) -> Prompt:
    """Return what prompts cost the pool of `setting`."""
    serving, pool = setting.scenario.serving, setting.pool
    new = computed_tokens(serving)
    most = setting.design.pools.prefill_tokens
    costs = prefill_costs(setting)
    passes = ceiling(new / jnp.minimum(new, most), setting.relaxed)
    both = jnp.stack(jnp.broadcast_arrays(most, new / passes))
    # Side by side, as one program.
    made = jax.vmap(lambda tokens: prefill_pass(costs, tokens))(both)
    full, lone = (jax.tree.map(lambda x, k=k: x[k], made) for k in (0, 1))
    seconds, single = total(full.time), total(lone.time)
    # Stages work on different chunks at once.
    rate = pool.data * pool.pipeline * most / seconds
    scenario = setting.scenario
    count = scenario.model.layers * kernels(scenario.model, setting.formats)
    host = count * scenario.software.kernel_time
    # The next part of a prompt is in the first stage when the last one leaves it.
    turns = 1.0 + (passes - 1.0) / pool.pipeline
    alone = turns * maximum(single, host, KERNEL_OVERLAP)
    return Prompt(full, new / rate, host + 0.0 * seconds, alone, new)
