"""A step of decode: one token, and drafts, of every request of a group."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from supernode_opt.system.serving.attention import context_of, decode_core
from supernode_opt.system.serving.forward import (
    Pass,
    PassCosts,
    layer_time,
    pass_costs,
    plus,
    whole_pass,
)
from supernode_opt.system.serving.setting import Setting


def decode_costs(setting: Setting) -> PassCosts:
    """Return what steps of the pool cost that the requests do not change."""
    scenario, pool, design = setting.scenario, setting.pool, setting.design
    queries = 1.0 + jnp.asarray(design.pools.draft_tokens)
    context = context_of(scenario.serving)
    core = decode_core(scenario, pool, setting.formats, queries, context, design.clock)
    return pass_costs(setting, core, prefill=False)


def decode_pass(costs: PassCosts, requests: ArrayLike) -> Pass:
    """Time one step of a group with so many requests.

    A pipeline has as many micro-batches under way as stages, so that a request waits
    for all of them while its own passes through.  Drafts are made one after the other
    by a layer that predicts ahead, which takes in what was accepted, and checked by the
    next step.  A model without such a layer has one trained for it (EAGLE,
    arXiv:2401.15077).
    """
    setting = costs.setting
    scenario, software = setting.scenario, setting.scenario.software
    drafts = jnp.asarray(setting.design.pools.draft_tokens)
    each = requests / setting.pool.pipeline
    tokens = each * (1.0 + drafts)
    step = whole_pass(costs, tokens, each, tokens)
    own = layer_time(step.time, scenario) + step.time.head + step.joint
    host = software.step_time + software.request_time * requests
    host = host + jnp.minimum(drafts, 1.0) * software.draft_time
    time = plus(step.time, draft=drafts * own, overhead=host)
    return step._replace(time=time)
