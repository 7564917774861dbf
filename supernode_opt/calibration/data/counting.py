"""FLOPs per token of many models, counted once each."""

import functools

import jax

from supernode_opt.workload.flops import token_flops
from supernode_opt.workload.model import Model, Training

_count = jax.jit(token_flops)


@functools.cache
def flops_per_token(model: Model, length: float) -> float:
    """Model FLOPs of one token, all attention scores counted [flop].

    Args:
      model: the transformer.
      length: tokens per sequence [1].
    """
    training = Training(
        sequence_length=length, global_batch=1.0, attention_flops="full"
    )
    return float(_count(model, training))
