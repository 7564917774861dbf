"""Designs that serve, drawn from all that can be built, and from anywhere."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from supernode_opt import catalog
from supernode_opt.system.design import (
    CHOICES,
    SERVING_NUMBERS,
    TRAINING_ALONE,
    assemble,
)
from tests.system.serving.served import STACK, scenario

LINKS = ("copper_lpo", "dsp", "cpo")
NEAR = {
    "scale_up_bandwidth": (1 / 4, 4.0),
    "scale_out_bandwidth": (1 / 4, 4.0),
    "coolant_flow": (1 / 2, 4.0),
}
OWN = {"oversubscription": (1.0, 4.0), "inlet_temperature": (290.0, 316.0)}
INERT = {k: v for k, v in TRAINING_ALONE.items() if not isinstance(v, str)}


def given(system, model, stack=STACK, **asked):
    """A scenario of numbers alone and without names, so that few programs serve all."""
    asked = {"tpot_limit": 0.06, "weight_precision": "int8", **asked}
    where = scenario(system, model, stack, **asked)
    links = tuple(dataclasses.replace(catalog.load("link", n), name="") for n in LINKS)
    parts = {
        f.name: dataclasses.replace(getattr(where, f.name), name="")
        for f in dataclasses.fields(where)
        if hasattr(getattr(where, f.name), "name")
    }
    where = dataclasses.replace(where, links=links, **parts)
    return jax.tree.map(lambda x: jnp.asarray(x, float), where)


def _continuous(values, where, system, random, count):
    usual = catalog.system(system).design
    for name, ends in NEAR.items():
        values[name] = usual[name] * np.exp(random.uniform(*np.log(ends), count))
    for name, ends in OWN.items():
        values[name] = random.uniform(*ends, count)
    values["clock"] = random.uniform(0.4, float(where.chip.maximum_clock), count)


def _built(values, weights):
    return assemble(
        {k: jnp.asarray(v, float) for k, v in values.items()},
        {k: jnp.asarray(v, float) for k, v in weights.items()},
    )


def drawn(where, count, seed, system="cloudmatrix384"):
    """Whole layouts of both pools, or of one that does both."""
    random = np.random.default_rng(seed)
    values = {
        name: np.full(count, v) for name, v in {**SERVING_NUMBERS, **INERT}.items()
    }
    _continuous(values, where, system, random, count)
    sparse = float(where.model.experts) > 0.0
    for prefix in ("", "prefill_"):
        tensor = random.choice([1, 2, 4, 8], count)
        groups = random.choice([1, 4, 16, 64] if sparse else [1], count)
        stages = random.choice([1, 1, 2], count)
        spread = random.random(count) < 0.7
        values[f"{prefix}tensor_parallel"] = tensor
        values[f"{prefix}attention_data_parallel"] = groups
        values[f"{prefix}pipeline_parallel"] = stages
        values[f"{prefix}expert_parallel"] = np.where(
            spread & sparse, tensor * groups, 1
        )
        values[f"{prefix}instance"] = tensor * groups * stages
    ranks = float(where.chip.ranks_per_chip)
    copies = random.choice([1, 2, 4], (2, count))
    apart = random.integers(0, 2, count)
    # Whole packages: two copies of an instance of an odd number of ranks.
    ours, theirs = (
        np.ceil(values.pop(f"{p}instance") * c / ranks)
        for p, c in zip(("", "prefill_"), copies, strict=True)
    )
    values["prefill_chips"] = apart * theirs
    values["chips"] = ours + values["prefill_chips"]
    values["scale_up_domain"] = random.choice([8, 72, 384], count)
    values["draft_tokens"] = random.choice([0, 1, 2], count)
    values["redundant_experts"] = random.choice([0, 32], count) * sparse
    values["prefill_tokens"] = random.choice([1024, 8192, 16384], count)
    weights = {}
    for name in (*CHOICES, "dual_batch"):
        width = len(CHOICES.get(name, (0, 1))) or len(where.links)
        weights[name] = np.eye(width)[random.integers(width, size=count)].T
    return _built(values, weights)


ENDS = {
    "chips": (16.0, 1024.0),
    "tensor_parallel": (1.0, 16.0),
    "pipeline_parallel": (1.0, 8.0),
    "expert_parallel": (1.0, 300.0),
    "scale_up_domain": (1.0, 1024.0),
    "attention_data_parallel": (1.0, 128.0),
    "redundant_experts": (0.0, 64.0),
    "draft_tokens": (0.0, 3.0),
    "prefill_tensor_parallel": (1.0, 16.0),
    "prefill_attention_data_parallel": (1.0, 64.0),
    "prefill_expert_parallel": (1.0, 64.0),
    "prefill_pipeline_parallel": (1.0, 4.0),
    "prefill_tokens": (256.0, 32768.0),
}


def anywhere(where, count, seed, system="cloudmatrix384"):
    """Fractions of everything, mixtures of every choice; half solve for the batch."""
    random = np.random.default_rng(seed)
    values = {name: np.full(count, v) for name, v in INERT.items()}
    _continuous(values, where, system, random, count)
    for name, (low, high) in ENDS.items():
        values[name] = random.uniform(low, high, count)
    values["decode_batch"] = random.choice([0.0, 1.0], count) * random.uniform(
        0.5, 200.0, count
    )
    values["prefill_chips"] = random.choice([0.0, 0.4], count) * values["chips"]
    weights = {}
    for name in (*CHOICES, "dual_batch"):
        width = len(CHOICES.get(name, (0, 1))) or len(where.links)
        weights[name] = random.dirichlet(np.ones(width), count).T
    return _built(values, weights)
