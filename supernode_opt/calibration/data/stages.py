"""How a stack cuts a model into pipeline stages where it weighs the LM head."""

import dataclasses

from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.data.stacks import Stack
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.parameters import (
    attention_parameters,
    dense_ffn_parameters,
    embedding_parameters,
)


def weighed_stages(model: Model, stages: int) -> list[int]:
    """Cut layers and head into stages of like weight; return the layers of each [1].

    A stage is closed by the block that exceeds its share of all weights, as nanotron
    does (`build_and_set_rank`); blocks without weight follow the last layer (norm) and
    the head (cast, loss).  Fewer than `stages` are returned where the last ones would
    get nothing: then nothing runs.
    """
    layer = float(attention_parameters(model) + dense_ffn_parameters(model))
    head = float(embedding_parameters(model))
    blocks = [layer] * int(model.layers) + [0.0, head, 0.0, 0.0]
    share, weight, rank = sum(blocks) / stages, 0.0, 0
    counts: list[int] = []
    for index, block in enumerate(blocks):
        counts += [0] * (rank + 1 - len(counts))
        counts[rank] += index < model.layers
        weight += block
        if weight > share * (rank + 1) and rank + 1 < stages:
            rank += 1
    return counts


def as_cut(run: Run, model: Model, stack: Stack, training: Training) -> Training:
    """Return `training` with a first stage as long as the stack of a row cuts it."""
    stages = int(run.size("pp"))
    if stages == 1 or not stack.head_weighed or training.first_stage_layers:
        return training
    first = float(weighed_stages(model, stages)[0])
    return dataclasses.replace(training, first_stage_layers=first)
