"""Parameters that a rank holds and trains, each worked by hand."""

import dataclasses

import jax.numpy as jnp

from supernode_opt.workload.shards import Spread, shards
from tests.plain import DENSE, EXPERTS, same


def sharded(level, dense_layers, expert_layers, pipeline=3.0, model=EXPERTS, rank=0.0):
    over = Spread(pipeline, tensor=2.0, expert=4.0, replicas=8.0, routed_replicas=4.0)
    layers = jnp.asarray(dense_layers), jnp.asarray(expert_layers)
    return shards(model, *layers, over, jnp.eye(4)[level], rank)


# Attention 428 / 2 and FFN 288 / 2; a shared expert of 72 and the router of 128 whole;
# 16 experts of 72 over four ranks; half a table.
PLAIN_LAYER, EXPERT_LAYER, ROUTED_LAYER, TABLE = 358.0, 414.0, 288.0, 400.0


def test_parameters_of_a_rank():
    held = sharded(1, [2.0, 0.0, 0.0], [1.0, 2.0, 1.0])
    same(held.dense_layer, PLAIN_LAYER)
    same(held.expert_layer, EXPERT_LAYER)
    same(held.routed_layer, ROUTED_LAYER)
    # First: 2 * 358 + 414 and the embedding; second: two expert layers; last: one, the
    # prediction layer and the head.
    same(held.stages, [1130.0 + TABLE, 828.0, 828.0 + TABLE])
    same(held.routed, [288.0, 576.0, 576.0])
    same([*held.trained, *held.trained_routed], [*held.stages, *held.routed])
    same([held.stage, held.stage_routed], [1530.0, 576.0])
    # ZeRO spreads states over 8 ranks, those of routed experts over 4.
    same(held.updated, 1530.0 / 8.0 + 576.0 / 4.0)
    same(sharded(2, [2, 0, 0], [1, 2, 1]).updated, 1530.0 / 8.0 + 576.0 / 4.0)
    same(sharded(0, [2, 0, 0], [1, 2, 1]).updated, 1530.0 + 576.0)


def test_parameters_of_a_full_second_stage():
    held = sharded(0, [0.0, 0.0, 0.0], [1.0, 3.0, 2.0])
    last = 3.0 * EXPERT_LAYER + TABLE
    same(held.stages, [EXPERT_LAYER + TABLE, 3.0 * EXPERT_LAYER, last])
    same(held.routed, [288.0, 864.0, 864.0])
    # Most gradients are those of the last stage.
    same([held.stage, held.stage_routed], [last, 864.0])


def test_one_stage_holds_both_tables():
    stages = ([0.0, 0.0, 2.0], [0.0, 0.0, 1.0])
    layers = 2.0 * PLAIN_LAYER + 2.0 * EXPERT_LAYER
    same(sharded(0, *stages, pipeline=1.0).stages[2], layers + 2.0 * TABLE)
    tied = sharded(
        0, *stages, model=dataclasses.replace(EXPERTS, tied=1.0), pipeline=1.0
    )
    same(tied.stages[2], layers + TABLE)
    # Six layers and one that predicts ahead gather both, or the one.
    same(sharded(0, *stages, pipeline=1.0).tables, 2.0 * TABLE / 7.0)
    same(tied.tables, TABLE / 7.0)
    same(sharded(0, *stages, pipeline=2.0).stages[2], layers + TABLE)


def test_adapters_of_a_rank():
    # Of rank 2, see `test_parameters_of_adapters`: half of 198 + 104 in a dense layer;
    # half of 198 and a shared expert's 50 in an expert layer; 16 * 50 over four ranks.
    # No table is adapted, and weights are held as before.
    held = sharded(1, [2.0, 0.0, 0.0], [1.0, 2.0, 1.0], rank=2.0)
    same(held.trained, [2.0 * 151.0 + 149.0, 2.0 * 149.0, 2.0 * 149.0])
    same(held.trained_routed, [200.0, 400.0, 400.0])
    same(held.stages, sharded(1, [2.0, 0.0, 0.0], [1.0, 2.0, 1.0]).stages)
    same([held.stage, held.stage_routed], [451.0, 400.0])
    same(held.updated, 451.0 / 8.0 + 400.0 / 4.0)
    # A dense model has adapters of 80 + 104 in a layer, over two ranks.
    bare = sharded(0, [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], model=DENSE, rank=2.0)
    same([*bare.trained, *bare.trained_routed], [184.0] * 3 + [0.0] * 3)
