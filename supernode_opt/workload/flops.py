"""Model FLOPs: what MFU counts, without recompute.

A matrix of `m x k` by `k x n` is `2 m n k`, and training three times the forward pass
(Narayanan et al. 2021, arXiv:2104.04473); what recompute repeats is not counted, after
PaLM's definition of MFU (Chowdhery et al. 2022, arXiv:2204.02311).
"""

import jax.numpy as jnp
from jax import Array

from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.operators import (
    Split,
    attention_flops,
    layer_gemms,
)


def token_flops(model: Model, training: Training) -> Array:
    """FLOPs of one token, forward and backward [flop].

    Three times the forward pass of every GEMM, the LM head and attention over the
    whole sequence or its causal half (`training.attention_flops`).  Multi-token
    prediction layers are trained, so they count, each as a layer, a head and the
    projection before them.
    """
    whole = Split(tensor=1.0, context=1.0, expert=1.0, sequence=0.0, tokens=1.0)
    gemms, parts = layer_gemms(model, whole)
    flops = 2.0 * gemms.rows * gemms.groups * gemms.columns * gemms.inner
    common, dense, expert, head, ahead = (
        jnp.sum(flops[parts[name]], axis=0)
        for name in ("attention", "dense", "expert", "head", "ahead")
    )
    scores = attention_flops(model, training, whole)
    if training.attention_flops == "full":
        scores = 2.0 * scores
    common = common + scores
    experts = model.layers - model.dense_layers + model.mtp_layers
    forward = model.dense_layers * (common + dense) + experts * (common + expert)
    return 3.0 * (forward + head + model.mtp_layers * (head + ahead))


def step_flops(model: Model, training: Training) -> Array:
    """Model FLOPs of one optimizer step [flop]."""
    tokens = training.global_batch * training.sequence_length
    return tokens * token_flops(model, training)
