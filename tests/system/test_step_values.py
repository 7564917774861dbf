"""From layers to a step and to the memory of a chip, each part worked by hand."""

import dataclasses

import jax.numpy as jnp
import pytest

from supernode_opt.system.communication import Communication
from supernode_opt.system.job import rank_share
from supernode_opt.system.layer_times import LayerTimes
from supernode_opt.system.pipeline import (
    Passes,
    Stages,
    micro_batches,
    place_layers,
    step_time,
)
from tests.plain import DENSE, EXPERTS, design, same, scenario
from tests.system.test_layer_values import HELD

EXACT = jnp.inf


@pytest.mark.parametrize(
    ("pipeline", "chunks", "dense", "expert"),
    [
        # Six layers, two of them dense: first, middle and last stage.
        (3.0, 1.0, [2, 0, 0], [0, 2, 2]),
        # Two chunks of two layers on the first of two stages, the rest on the last.
        (2.0, 2.0, [2, 0, 0], [2, 2, 2]),
        (6.0, 1.0, [1, 1, 0], [0, 0, 1]),
        (1.0, 1.0, [2, 0, 2], [4, 0, 4]),
        (4.0, 1.0, [2, 0, 0], [0, 2, 0]),
    ],
)
def test_layers_on_stages(pipeline, chunks, dense, expert):
    placed = place_layers(EXPERTS, pipeline, chunks, False)
    same(placed.dense, dense)
    same(placed.expert, expert)


@pytest.mark.parametrize(
    ("pipeline", "chunks", "ends", "dense", "expert"),
    [
        # 61 layers, three of them dense: sixteen stages of four, one on the last.
        (16.0, 1.0, (0.0, 0.0), [3, 0, 0], [1, 4, 1]),
        # 2 + 14 * 4 + 3; the second stage has the third dense layer.
        (16.0, 1.0, (2.0, 3.0), [2, 1, 0], [0, 3, 3]),
        # 1 + 15 * 4, at either end.
        (16.0, 1.0, (1.0, 0.0), [1, 2, 0], [0, 2, 4]),
        (16.0, 1.0, (0.0, 1.0), [3, 0, 0], [1, 4, 1]),
        # 59 on 15 others are four on each, of which the last has 61 - 2 - 14 * 4.
        (16.0, 1.0, (2.0, 0.0), [2, 1, 0], [0, 3, 3]),
        # Eight chunks of ceil(61 / 16) = 4 layers, and the rest.
        (2.0, 8.0, (0.0, 0.0), [3, 0, 0], [29, 29, 29]),
        # 60 on 15 others are two chunks of two.
        (16.0, 2.0, (1.0, 0.0), [1, 2, 0], [0, 2, 4]),
        # One stage has no ends.
        (1.0, 1.0, (2.0, 3.0), [3, 0, 3], [58, 0, 58]),
    ],
)
def test_layers_between_short_ends(pipeline, chunks, ends, dense, expert):
    deep = dataclasses.replace(EXPERTS, layers=61.0, dense_layers=3.0)
    placed = place_layers(deep, pipeline, chunks, False, ends)
    same(placed.dense, dense)
    same(placed.expert, expert)
    given = {
        "training__first_stage_layers": ends[0],
        "training__last_stage_layers": ends[1],
    }
    chosen = design(chips=64.0, pipeline_parallel=pipeline, interleave=chunks)
    _, stages, _, _ = rank_share(chosen, scenario(deep, **given), False)
    same([*stages.dense[:3], *stages.expert[:3]], [*dense, *expert])


def test_shares_of_a_rank():
    chosen = design(
        tensor_parallel=2.0,
        context_parallel=4.0,
        expert_parallel=2.0,
        micro_batch=2.0,
        sequence_parallel="on",
        optimizer_sharding="zero1",
    )
    # 16 / (2 * 4) = 2 replicas of 32 sequences: eight micro-batches of two.
    same(micro_batches(chosen, scenario()), 8.0)
    split, _, held, (replicas, routed) = rank_share(chosen, scenario(EXPERTS), False)
    same([split.tensor, split.context, split.expert, split.sequence], [2, 4, 2, 1])
    # Two sequences of 16 tokens over four context ranks.
    same(split.tokens, 8.0)
    # Two replicas times four; routed experts: those times 2 tensor over 2 expert ranks.
    same([replicas, routed], [8.0, 8.0])
    # Two dense layers of 358, four and a predicting one of 414, two halves of a table.
    same(held.stages[2], 2.0 * 358.0 + 5.0 * 414.0 + 2.0 * 400.0)
    same(rank_share(design(), scenario(), False)[3], [16.0, 16.0])
    limited = scenario(EXPERTS, training__shard_ranks=4.0)
    narrow = rank_share(chosen, limited, False)
    same(narrow[3], [4.0, 8.0])
    assert float(narrow[2].updated) > float(held.updated)
    spread = rank_share(dataclasses.replace(chosen, expert_parallel=16.0), limited, 0)
    same(spread[3][1], 1.0)


# (dense, expert) layer: kernels forward and backward, exposed communication.
TIMES = LayerTimes(
    gemm=jnp.asarray([[1.0, 2.0], [3.0, 4.0]]),
    attention=jnp.asarray([[0.25, 0.75], [0.5, 0.5]]),
    elementwise=jnp.asarray([[0.5, 1.5], [1.0, 1.0]]),
    launch=jnp.asarray([[0.0, 0.0], [0.5, 0.5]]),
    recompute=jnp.asarray([[0.0, 0.0], [0.0, 1.0]]),
)
EXPOSED = jnp.asarray(
    [
        [[0.5, 0.5], [0.25, 0.25]],
        [[0.0, 0.0], [0.25, 0.25]],
        [[0.0, 0.0], [1.0, 2.0]],
        [[0.5, 0.5], [0.5, 0.5]],
    ]
)
# Together a dense layer takes 8 s and an expert layer 17 s.
HEAD = jnp.asarray([4.0, 6.0])
STAGES = Stages(jnp.asarray([2.0, 0.0, 0.0]), jnp.asarray([0.0, 2.0, 2.0]))
# Three stages, two dense, four expert and a prediction layer, two heads
# and a projection.
MEAN = (2.0 * 8.0 + 5.0 * 17.0 + 4.0 + 6.0) / 3.0
# The last stage: two expert layers, the prediction layer, both heads.
LAST = 3.0 * 17.0 + 4.0 + 6.0


def exchanged(dense=0.0, routed=0.0, copies=0.0, stage=0.0):
    none = jnp.zeros(())
    parts = (none,) * 7 + tuple(map(jnp.asarray, (dense, routed, copies, stage)))
    return Communication(*parts)


def assembled(chosen, where, stages, head=HEAD, comm=None):
    comm = exchanged() if comm is None else comm
    passes, ends = Passes(TIMES, EXPOSED, head), {"sharding_ranks": 4.0}
    return step_time(chosen, where, stages, passes, comm, HELD, **ends, sharpness=EXACT)


def step(comm=None, chunks=1.0, chips=6.0, level="zero0", batch=32.0, **software):
    changes = {f"software__{name}": value for name, value in software.items()}
    chosen = design(
        chips=chips,
        pipeline_parallel=3.0,
        interleave=chunks,
        optimizer_sharding=level,
    )
    where = scenario(EXPERTS, training__global_batch=batch, **changes)
    return assembled(chosen, where, STAGES, comm=comm)


def test_parts_of_a_step():
    """Two replicas of 32 sequences: sixteen micro-batches through the mean stage."""
    parts, bubble = step(bubble_share=0.5, step_overhead=3.0)
    # Two dense and five expert layers a pipeline of three stages.
    each = 16.0 / 3.0
    same(parts.gemm, each * (2.0 * 3.0 + 5.0 * 7.0))
    same(parts.attention, each * 7.0)
    same(parts.elementwise, each * 14.0)
    same(parts.launch, each * 5.0)
    same(parts.recompute, each * 5.0)
    same(parts.tensor_parallel, each * (2.0 * 1.0 + 5.0 * 0.5))
    same(parts.context_parallel, each * 5.0 * 0.5)
    same(parts.expert_parallel, each * 5.0 * 3.0)
    same(parts.parameter_gather, each * 7.0)
    same(parts.head, each * 10.0)
    same(parts.stage_imbalance, 16.0 * (LAST - MEAN))
    # Two stages are filled and drained, half of it hidden by the schedule.
    same(parts.bubble, 0.5 * 2.0 * MEAN)
    same(bubble, MEAN / (16.0 * MEAN + MEAN))
    same(parts.overhead, 3.0)
    same([parts.data_parallel, parts.optimizer, parts.straggler], 0.0)


def test_interleaving_shortens_the_bubble_and_sends_more():
    parts, _ = step(exchanged(stage=2.0), chunks=4.0, pipeline_exposed=0.25)
    same(parts.bubble, 2.0 / 4.0 * MEAN)
    # 16 micro-batches, forward and back, four chunks, a quarter of two seconds each.
    same(parts.pipeline_transfer, 16.0 * 2.0 * 4.0 * 0.25 * 2.0)


def test_a_first_stage_may_be_the_slowest():
    chosen = design(chips=6.0, pipeline_parallel=3.0)
    stages = Stages(jnp.asarray([2.0, 0.0, 0.0]), jnp.asarray([4.0, 0.0, 0.0]))
    where = scenario(EXPERTS, model__mtp_layers=0.0)
    parts, _ = assembled(chosen, where, stages, 0.0 * HEAD)
    same(parts.stage_imbalance, 16.0 * (84.0 - 84.0 / 3.0))


def test_stages_that_are_alike_wait_for_none():
    # Three stages of two dense layers each, and no head.
    chosen = design(chips=6.0, pipeline_parallel=3.0)
    stages = Stages(jnp.full(3, 2.0), jnp.zeros(3))
    parts, _ = assembled(chosen, scenario(DENSE), stages, 0.0 * HEAD)
    same(parts.stage_imbalance, 0.0)


def test_a_middle_stage_may_be_the_slowest():
    chosen = design(chips=6.0, pipeline_parallel=3.0)
    # 2 and 1 dense layers beside 3 in the middle: one more than the mean.
    stages = Stages(jnp.asarray([2.0, 3.0, 1.0]), jnp.zeros(3))
    parts, _ = assembled(chosen, scenario(DENSE), stages, 0.0 * HEAD)
    same(parts.stage_imbalance, 16.0 * 8.0)


def test_a_single_stage_waits_for_none():
    # Its layers count as the last stage's.
    chosen = design(chips=2.0)
    stages = Stages(jnp.asarray([6.0, 0.0, 6.0]), jnp.zeros(3))
    parts, bubble = assembled(chosen, scenario(DENSE), stages)
    same([parts.stage_imbalance, parts.bubble, bubble], 0.0)
    same(parts.gemm, 16.0 * 6.0 * 3.0)


def test_gradients_hide_behind_the_last_backward_pass():
    # 10 + 5 + 3 s; a quarter never hides, and the rest does behind 3/4 of a pass.
    short, _ = step(exchanged(10.0, 5.0, 3.0), data_exposed=0.25)
    same(short.data_parallel, 0.25 * 18.0)
    # Of 100 s only what the window, 3/4 of 59 s, does not hide.
    long, _ = step(exchanged(80.0, 15.0, 5.0), data_exposed=0.25)
    same(long.data_parallel, 100.0 - 0.75 * LAST)
    # In two chunks the first gradients are ready after half a pass, and three
    # micro-batches still have their other half to go: a window of 2 passes.
    chunked, _ = step(exchanged(200.0), chunks=2.0, data_exposed=0.25)
    same(chunked.data_parallel, 200.0 - 0.75 * 2.0 * LAST)
    # Never more than all micro-batches: one.
    single, _ = step(exchanged(200.0), chunks=2.0, data_exposed=0.25, batch=2.0)
    same(single.data_parallel, 200.0 - 0.75 * LAST)


def test_what_each_sharding_exchanges_at_the_end():
    parts = exchanged(10.0, 5.0, 3.0)
    same(step(parts)[0].data_parallel, 18.0)
    # ZeRO-3 has nothing left but between copies.
    same(step(parts, level="zero3")[0].data_parallel, 3.0)
    # Rank by rank, optimizer states cost 0.1 s for each of two layers and four ranks.
    one, _ = step(parts, level="zero1", shard_latency=0.1)
    same(one.data_parallel, 18.0 + 0.1 * 2.0 * 4.0)
    same(step(parts, level="zero2", shard_latency=0.1)[0].data_parallel, 18.0)


def test_optimizer_and_stragglers():
    # 400 parameters of 2 B at 80 B/s.
    parts, _ = step(exchanged(1.0, stage=3.0), pipeline_exposed=0.5, straggler=0.01)
    same(parts.straggler, 0.0)
    parts, _ = step(
        exchanged(1.0, stage=3.0),
        chips=48.0,
        pipeline_exposed=0.5,
        optimizer_traffic=2.0,
        straggler=0.01,
    )
    same(parts.optimizer, 10.0)
    # 48 chips are log2(6) doublings beyond eight; two micro-batches of the slowest
    # stage, the bubble of two mean ones, 6 s of transfers, a gradient second.
    whole = 2.0 * LAST + 2.0 * MEAN + 2.0 * 0.5 * 2.0 * 3.0 + 1.0 + 10.0
    same(parts.straggler, 0.01 * float(jnp.log2(6.0)) * whole)
