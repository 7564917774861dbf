"""What a parallel size may be, whatever the others are."""

import math

from supernode_opt.workload.model import Model, Training


def divisors(number: int) -> list[int]:
    """Return the divisors of `number` in rising order.

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    low = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*low, *(number // d for d in low)})


def options(model: Model, training: Training) -> dict[str, list[int]]:
    """List what a size may be whatever the others are."""
    layers = int(model.layers)
    ends = training.first_stage_layers or training.last_stage_layers
    ends = ends or any(training.alone)
    return {
        "tensor_parallel": divisors(int(model.heads)),
        "pipeline_parallel": list(range(1, layers + 1)),
        "context_parallel": divisors(int(training.sequence_length)),
        "micro_batch": divisors(int(training.global_batch)),
        # Of two stages one may be short, and the other have almost all layers.
        "interleave": list(range(1, layers + 1 if ends else (layers + 1) // 2 + 1)),
        "expert_parallel": divisors(max(int(model.experts), 1)),
    }
