"""Scenarios from the catalog and random designs over the whole box."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from supernode_opt import catalog
from supernode_opt.problem.build import build_design
from supernode_opt.system.design import CHOICES, Design
from supernode_opt.system.evaluate import evaluate
from supernode_opt.workload.model import Training
from supernode_opt.workload.split import SIZES, SWITCHES, enumerate_splits

TRAINING = Training(sequence_length=4096.0, global_batch=4608.0)
PLAN = {
    "tensor_parallel": 1.0,
    "pipeline_parallel": 1.0,
    "context_parallel": 1.0,
    "expert_parallel": 1.0,
    "interleave": 1.0,
    "micro_batch": 1.0,
    "recompute": "none",
    "optimizer_sharding": "zero1",
    "sequence_parallel": "off",
}
CONTINUOUS = {
    "scale_up_bandwidth": (1e9, 4e12),
    "scale_out_bandwidth": (1e9, 4e11),
    "oversubscription": (1.0, 8.0),
    "clock": (0.3, 1.0),
    "coolant_flow": (4e-6, 7e-5),
    "inlet_temperature": (288.15, 318.15),
}
COUNTS = {
    "chips": (8.0, 16384.0),
    "tensor_parallel": (1.0, 64.0),
    "pipeline_parallel": (1.0, 61.0),
    "context_parallel": (1.0, 16.0),
    "expert_parallel": (1.0, 256.0),
    "interleave": (1.0, 16.0),
    "micro_batch": (1.0, 16.0),
    "scale_up_domain": (1.0, 4096.0),
}


# Operation by operation a model compiles slower than as a whole.
evaluated = jax.jit(evaluate)


@functools.cache
def scenario(system="cloudmatrix384", model="pangu_ultra_moe_718b", training=TRAINING):
    return catalog.scenario(system, model, training)


def as_built(system="cloudmatrix384", where=None, **changes):
    """The system's own machine with a plain plan, or with `changes`."""
    where = scenario(system) if where is None else where
    values = {**PLAN, **dict(catalog.system(system).design), **changes}
    return build_design(values, where)


def mixture(rng, kinds, count):
    return jnp.asarray(rng.dirichlet(np.ones(kinds), count).T)


def one_of(rng, kinds, count):
    return jnp.asarray(np.eye(kinds)[rng.integers(0, kinds, count)].T)


def random_designs(count, seed, links):
    """Designs anywhere in the box: fractional counts, mixed choices."""
    rng = np.random.default_rng(seed)
    numbers = {
        name: jnp.asarray(np.exp(rng.uniform(np.log(low), np.log(high), count)))
        for name, (low, high) in {**COUNTS, **CONTINUOUS}.items()
    }
    mixtures = {
        name: mixture(rng, len(options) or links, count)
        for name, options in CHOICES.items()
    }
    return Design(**numbers, **mixtures)


def legal_designs(where, count, seed, chips=(256, 384, 512)):
    """Legal splits at random hardware."""
    rng = np.random.default_rng(seed)
    ranges = {"micro_batch": (1.0, 4.0), "context_parallel": (1.0, 4.0)}
    switches = {name: range(len(CHOICES[name])) for name in SWITCHES}
    rows = enumerate_splits(where.model, where.training, chips, ranges, switches)
    pick = rng.integers(0, len(rows["chips"]), count)
    sizes = {name: jnp.asarray(rows[name][pick], float) for name in SIZES}
    chosen = {
        name: jnp.asarray(np.eye(len(CHOICES[name]))[rows[name][pick]].T)
        for name in SWITCHES
    }
    numbers = {
        name: jnp.asarray(np.exp(rng.uniform(np.log(low), np.log(high), count)))
        for name, (low, high) in CONTINUOUS.items()
    }
    domains = jnp.asarray(8.0 * 2.0 ** rng.integers(0, 6, count))
    kinds = len(where.links)
    return Design(
        **sizes,
        **chosen,
        **numbers,
        scale_up_domain=domains,
        scale_up_link=one_of(rng, kinds, count),
        scale_out_link=one_of(rng, kinds, count),
    )
