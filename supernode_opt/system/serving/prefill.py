"""A pass of prefill over a chunk of prompts, and what one prompt takes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import ceiling, maximum
from supernode_opt.system.kernels import KERNEL_OVERLAP
from supernode_opt.system.parts import total
from supernode_opt.system.serving.attention import prefill_core
from supernode_opt.system.serving.forward import Pass, whole_pass
from supernode_opt.system.serving.launch import kernels
from supernode_opt.system.serving.setting import Setting


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


def prefill_pass(setting: Setting, tokens: ArrayLike) -> Pass:
    """Time a pass over `tokens` of each group, whole prompts or parts of them."""
    scenario, pool = setting.scenario, setting.pool
    serving = scenario.serving
    cached = serving.input_length * serving.cached_share
    core = prefill_core(
        scenario,
        pool,
        setting.formats,
        tokens,
        serving.input_length,
        cached,
        setting.design.clock,
    )
    heads = tokens / jnp.maximum(serving.input_length - cached, 1.0)
    return whole_pass(setting, tokens, core, heads, prefill=True)


def prompts(setting: Setting) -> Prompt:
    """Return what prompts cost the pool of `setting`."""
    serving, pool = setting.scenario.serving, setting.pool
    new = serving.input_length * (1.0 - serving.cached_share)
    new = jnp.maximum(new, 1.0)
    most = setting.design.pools.prefill_tokens
    full = prefill_pass(setting, most)
    seconds = total(full.time)
    # Stages work on different chunks at once.
    rate = pool.data * pool.pipeline * most / seconds
    size = jnp.minimum(new, most)
    passes = ceiling(new / size, setting.relaxed)
    single = total(prefill_pass(setting, new / passes).time)
    scenario = setting.scenario
    count = scenario.model.layers * kernels(scenario.model, setting.formats)
    host = count * scenario.software.kernel_time
    alone = passes * maximum(single, host, KERNEL_OVERLAP)
    return Prompt(full, new / rate, host + 0.0 * seconds, alone, new)
