"""A step of decode: one token, and drafts, of every request of a group."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.system.parts import total
from supernode_opt.system.serving.attention import decode_core
from supernode_opt.system.serving.forward import Pass, plus, whole_pass
from supernode_opt.system.serving.setting import Setting

# What every layer has a part of.
_OF_LAYERS = (
    "projections",
    "attention",
    "experts",
    "elementwise",
    "launch",
    "tensor_parallel",
    "expert_parallel",
)


def decode_pass(setting: Setting, requests: ArrayLike) -> Pass:
    """Time one step of a group with so many requests.

    A pipeline has as many micro-batches under way as stages, so that a request waits
    for all of them while its own passes through.  Drafts are made by the layers that
    predict ahead, one after the other, and checked by the next step.
    """
    scenario, pool, design = setting.scenario, setting.pool, setting.design
    serving, model = scenario.serving, scenario.model
    drafts = jnp.asarray(design.pools.draft_tokens)
    each = requests / pool.pipeline
    queries = 1.0 + drafts
    context = serving.input_length + 0.5 * serving.output_length
    core = decode_core(
        scenario, pool, setting.formats, each, queries, context, design.clock
    )
    step = whole_pass(setting, each * queries, core, each * queries, prefill=False)
    # One layer of experts and the head once more for every token drafted.
    layer = sum(getattr(step.time, name) for name in _OF_LAYERS)
    own = layer / model.layers / queries + step.time.head
    software = scenario.software
    host = software.step_time + software.request_time * requests
    host = host + jnp.minimum(drafts, 1.0) * software.draft_time
    return step._replace(time=plus(step.time, draft=drafts * own, overhead=host))


def step_seconds(step: Pass) -> Array:
    """Time of the step [s]."""
    return total(step.time)
