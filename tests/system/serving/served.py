"""Machines that serve, for tests: one stack of round constants and a bare one."""

import dataclasses

import jax
import jax.numpy as jnp

from supernode_opt import catalog
from supernode_opt.record import replace
from supernode_opt.system.design import (
    CHOICES,
    SERVING_NUMBERS,
    SWITCHED,
    TRAINING_ALONE,
    assemble,
    one_hot,
)
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.workload.model import Training
from supernode_opt.workload.serving import Serving

TRAINING = Training(sequence_length=4096.0, global_batch=512.0)
STACK = ServingStack(
    memory_efficiency=0.9,
    gemm_efficiency=0.75,
    launch_time=2e-6,
    kernel_time=40e-6,
    collective_latency=6e-6,
    request_time=10e-6,
    step_time=1e-3,
)
# Nothing but products, caches and elementwise kernels, at even load.
BARE = dataclasses.replace(
    STACK,
    memory_efficiency=1.0,
    gemm_efficiency=1.0,
    expert_efficiency=1.0,
    cache_efficiency=1.0,
    expert_popularity=0.0,
    attention_tokens=0.0,
    interference=0.0,
    **{
        name: 0.0
        for name in (
            "launch_time",
            "kernel_time",
            "collective_latency",
            "request_time",
            "step_time",
            "draft_time",
            "first_time",
            "exchange_time",
            "exchange_growth",
            "network_exchange_time",
            "scale_out_latency",
        )
    },
)
evaluated = jax.jit(evaluate)


def scenario(
    system="cloudmatrix384",
    model="deepseek_v3_671b",
    stack=STACK,
    constants=(),
    **asked,
):
    """A catalog machine that serves 4,096 tokens in and 1,024 out, or as `asked`."""
    # Some models are served alone.
    where = catalog.scenario(system, "llama3_8b", TRAINING)
    where = dataclasses.replace(where, model=catalog.load("model", model))
    asked = {"input_length": 4096.0, "output_length": 1024.0, **asked}
    where = dataclasses.replace(
        where, training=None, serving=Serving(**asked), software=stack
    )
    for path, value in dict(constants).items():
        where = replace(where, path, value)
    return where


def design(where, system="cloudmatrix384", dual_batch="off", **changes):
    """The system's own machine, its chips unsplit unless `changes` say otherwise."""
    usual = {
        name: value
        for name, value in dict(catalog.system(system).design).items()
        if not isinstance(value, str)
    }
    numbers = {
        "tensor_parallel": 1.0,
        "pipeline_parallel": 1.0,
        "expert_parallel": 1.0,
        **{k: v for k, v in TRAINING_ALONE.items() if not isinstance(v, str)},
        **SERVING_NUMBERS,
        **usual,
        **changes,
    }
    links = [link.name for link in where.links]
    weights = {"dual_batch": one_hot(dual_batch, SWITCHED)}
    for name, options in CHOICES.items():
        chosen = TRAINING_ALONE.get(name, catalog.system(system).design.get(name))
        chosen = links[0] if not options and chosen not in links else chosen
        weights[name] = one_hot(chosen, options or tuple(links))
    return assemble({k: jnp.asarray(v, float) for k, v in numbers.items()}, weights)
