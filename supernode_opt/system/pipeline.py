"""From layer passes to a step: stages, micro-batches, bubble, gradient reduction.

The step is the sum of the parts of `StepTime`, in this order of reasoning: the mean
stage's kernels and exposed communication for every micro-batch, the excess of the
slowest stage, the fill and drain of the pipeline, the part of the gradient reduction
that no backward pass hides, the optimizer, fixed overhead and stragglers.

The bubble is `(p - 1) / v` passes of a mean stage for `p` stages in `v` chunks each
(Narayanan et al. 2021, arXiv:2104.04473).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import ceiling, excess, rows, stack, summed, surplus
from supernode_opt.system.communication import Communication
from supernode_opt.system.design import Design, data_parallel
from supernode_opt.system.eager import Reach, bucket_time, exchange_time
from supernode_opt.system.kernels import memory_rate
from supernode_opt.system.layer_times import LayerTimes
from supernode_opt.system.parts import StepTime
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Model
from supernode_opt.workload.shards import Shards


class Stages(NamedTuple):
    """Layers on the (first, second, last) pipeline stage, and on later ones.

    Attributes:
      dense, expert: layers of each kind, of three stages or more [stage, *batch].
      before: stages in front of each of the later ones [1].
    """

    dense: Array
    expert: Array
    before: tuple[Array, ...] = ()


def place_layers(
    model: Model,
    pipeline: ArrayLike,
    interleave: ArrayLike,
    relaxed: ArrayLike,
    ends: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
    alone: tuple[bool, bool, bool] = (False, False, False),
) -> Stages:
    """Fill stages front to back with equal numbers of layers; the last takes the rest.

    With interleave, layers come in chunks.  The embedding is free, the head is on the
    last stage, dense layers of a mixture-of-experts model come first.

    Args:
      model: the transformer.
      pipeline, interleave: stages, and chunks of each [1].
      relaxed: whether layers may be parted.
      ends: layers of the first and the last stage where they are stated, else 0 [1].
      alone: whether the first, the last and the last but one have no layers.
    """
    several = jnp.clip(jnp.asarray(pipeline) - 1.0, 0.0, 1.0)
    first, last = (several * jnp.asarray(end) for end in ends)
    others = pipeline - jnp.clip(first, 0.0, 1.0) - jnp.clip(last, 0.0, 1.0)
    if any(alone):
        others = others - several * sum(alone)
    left = jnp.maximum(model.layers - first - last, 0.0)
    chunks = jnp.maximum(others, 1.0) * interleave
    full = jnp.minimum(interleave * ceiling(left / chunks, relaxed), left)
    first = jnp.where(first > 0.0, first, full)
    if alone[0]:
        first = (1.0 - several) * first
    before = first + jnp.maximum(pipeline - 2.0, 0.0) * full * several
    rest = jnp.where(several > 0.0, model.layers - before, model.layers)
    if alone[2]:
        rest = rest + several * full
    rest = jnp.where(last > 0.0, last, jnp.maximum(rest, 0.0))
    if alone[1]:
        rest = (1.0 - several) * rest
    middle = jnp.minimum(full, jnp.maximum(model.layers - first, 0.0))
    layers = stack(first, middle, rest)
    before = stack(0.0 * full, first, several * before)
    dense = jnp.clip(model.dense_layers - before, 0.0, layers)
    return Stages(dense, layers - dense)


def with_later(
    model: Model,
    stages: Stages,
    pipeline: ArrayLike,
    relaxed: ArrayLike,
    own: bool = False,
) -> Stages:
    """Add the stage where the dense layers end, and the first behind them.

    And one for layers that predict ahead, if they have their `own`: the last but one.

    All stages between the ends have as many layers, and dense ones come first.  So of
    anything that grows with the layers of either kind and with the micro-batches in
    flight, the second stage or one of these has the most.  A relaxed model goes without
    them.
    """
    if relaxed is True and not own:
        return stages
    first, full = (stages.dense[k] + stages.expert[k] for k in (0, 1))
    most = jnp.maximum(jnp.asarray(pipeline) - 3.0 - own, 0.0)
    left = model.dense_layers - first
    rest = left / jnp.maximum(full, 1e-6)
    most = jnp.where(relaxed, 0.0, most)
    ends = jnp.floor(rest + 1e-9), jnp.ceil(rest - 1e-9)
    skipped = [jnp.clip(end, 0.0, most) for end in ends]
    # Where there is none, it is the second once more.
    dense = [
        jnp.where(k > 0.0, jnp.clip(left - k * full, 0.0, full), stages.dense[1])
        for k in skipped
    ]
    expert = [full - one for one in dense]
    before = [1.0 + k for k in skipped]
    if own:
        none = jnp.zeros_like(full)
        last = jnp.maximum(jnp.asarray(pipeline) - 2.0, 1.0)
        dense, expert, before = [*dense, none], [*expert, none], [*before, last]
    return Stages(
        stack(*stages.dense, *dense), stack(*stages.expert, *expert), tuple(before)
    )


def micro_batches(design: Design, scenario: Scenario) -> Array:
    """Micro-batches per replica and step [1]."""
    per_step = data_parallel(design) * design.micro_batch
    return scenario.training.global_batch / per_step


def alone_share(design: Design, scenario: Scenario) -> Array:
    """Share of the passes without one of the other kind beside them, 1F1B [1].

    Of `m v` forward passes a rank does `p - 1 - r` before its first backward one, and
    `2 (p - 1 - r) + (v - 1) p` with `v` chunks (Megatron-Core, `schedules.py`); as many
    backward ones remain.  This is the mean over the ranks.
    """
    stages, chunks = jnp.asarray(design.pipeline_parallel), design.interleave
    interleaved = jnp.clip(jnp.asarray(chunks) - 1.0, 0.0, 1.0)
    first = (0.5 + 0.5 * interleaved) * (stages - 1.0) + (chunks - 1.0) * stages
    return jnp.minimum(first / (micro_batches(design, scenario) * chunks), 1.0)


def _slowest(
    mean: Array, more: Array, stage_count: ArrayLike, sharpness: ArrayLike
) -> Array:
    """How much longer than the mean stage the slowest one takes [s].

    Args:
      mean: time of the mean stage [s].
      more: time of the (first, second, last) stage and of later ones beyond the mean
        [s]; given as a difference, because it may be tiny beside the mean.
      stage_count: pipeline stages [1].
      sharpness: of the maximum.
    """
    # With one stage the last is all there is; a first one beside it would only blur.
    several = jnp.clip(jnp.asarray(stage_count) - 1.0, 0.0, 1.0)
    if len(more) > 3:
        more = stack(more[0], jnp.maximum(more[1], jnp.max(more[3:], 0)), more[2])
    first, middle, last = (jnp.maximum(mean + one, 0.0) for one in more)
    first = several * first
    early = jnp.where(first > middle, several * more[0], more[1])
    early = early - jnp.where(first > middle, (1.0 - several) * mean, 0.0)
    blur = jnp.maximum(first, middle) * surplus(first, middle, sharpness)
    early, earlier = early + blur, jnp.maximum(first, middle) + blur
    late = jnp.maximum(earlier, last) * surplus(earlier, last, sharpness)
    # Only a split with fractional stages could have none as slow as the mean.
    return jnp.maximum(jnp.maximum(early, more[2]) + late, 0.0)


class Passes(NamedTuple):
    """What one micro-batch takes on an average stage.

    Attributes:
      times: kernel times [layer, pass, *batch].
      exposed: exposed communication [kind, layer, pass, *batch].
      head: LM head and loss, both passes, and the same with the projection of a layer
        that predicts ahead [2, *batch] [s].
    """

    times: LayerTimes
    exposed: Array
    head: Array


def step_time(
    design: Design,
    scenario: Scenario,
    stages: Stages,
    passes: Passes,
    comm: Communication,
    shards: Shards,
    *,
    sharding_ranks: ArrayLike,
    left: Reach | None = None,
    sharpness: ArrayLike,
) -> tuple[StepTime, Array]:
    """Assemble the step.

    Args:
      sharding_ranks: ranks over which one copy of sharded states is spread [1].
      left: of an eager stack, what leaves its domain.

    Returns:
      The named parts and the bubble's share of the pipelined time.
    """
    model, software = scenario.model, scenario.software
    head, ahead = rows(passes.head)
    stage_count, chunks = design.pipeline_parallel, design.interleave
    count = micro_batches(design, scenario)
    # Both passes of every part, [part, layer, *batch].
    kernel_parts = jnp.stack(jnp.broadcast_arrays(*passes.times))
    parts = jnp.sum(jnp.concatenate([kernel_parts, passes.exposed]), axis=2)
    layer = jnp.sum(parts, axis=0)
    expert_layers = model.layers - model.dense_layers
    extra = model.mtp_layers * (layer[1] + ahead)
    often = model.dense_layers, expert_layers + model.mtp_layers
    mean_parts = summed(
        jnp.stack([n / stage_count * parts[:, kind] for kind, n in enumerate(often)])
    )
    mean_head = (head + model.mtp_layers * ahead) / stage_count
    mean = jnp.sum(mean_parts, axis=0) + mean_head
    more = (stages.dense - model.dense_layers / stage_count) * layer[0]
    more = more + (stages.expert - expert_layers / stage_count) * layer[1]
    more = (more - (head + extra) / stage_count).at[2].add(head + extra)
    if scenario.training.mtp_stage == "own":
        # Their logits and loss stay with the head.
        moved = model.mtp_layers * (layer[1] + ahead - head)
        moved = jnp.clip(jnp.asarray(stage_count) - 1.0, 0.0, 1.0) * moved
        more = more.at[2].add(-moved).at[-1].add(moved)
    imbalance = _slowest(mean, more, stage_count, sharpness)
    slowest = mean + imbalance
    # Filling and draining passes every stage once, fast and slow ones alike.
    bubble = software.bubble_share * (stage_count - 1.0) / chunks * mean
    # What hides still takes compute units from what it hides behind.
    taken = software.communication_share
    exposed = software.pipeline_exposed + taken * (1.0 - software.pipeline_exposed)
    transfer = count * exposed * 2.0 * chunks * comm.stage
    if left is not None:
        transfer = transfer + exchange_time(design, scenario, count, left.staged)
        sharding_ranks = left.spanned
    # ZeRO-3 has nothing left to exchange at the end of a step, but between copies.
    once = 1.0 - design.optimizer_sharding[3]
    reduction = once * (comm.data_dense + comm.data_routed) + comm.data_copies
    reduction = reduction + design.optimizer_sharding[1] * (
        software.shard_latency * model.layers / stage_count * sharding_ranks
    )
    if left is not None:
        late = bucket_time(design, scenario, shards.stage, left.spanned)
        reduction = reduction + late
    # Backward chunks that still run while the first gradients are reduced; with
    # interleaving all but the last chunk's wait until its own backward pass is done.
    window = 1.0 / chunks + jnp.minimum(count, stage_count) * (1.0 - 1.0 / chunks)
    open_ = software.data_exposed
    if left is not None:
        # DDP reduces under the last backward pass; of sharded states nothing hides.
        open_ = 1.0 - design.optimizer_sharding[0] * (1.0 - open_)
    window = jnp.minimum(window, count) * (1.0 - open_)
    busy = count * slowest
    visible = open_ * reduction
    waiting = (count - window) * slowest + reduction
    seen = busy + visible
    unhidden = visible + excess(seen, waiting, sharpness)
    unhidden = unhidden + taken * (reduction - unhidden)
    optimizer = software.optimizer_traffic * shards.updated / memory_rate(scenario)
    pipelined = busy + unhidden + bubble + transfer + optimizer
    doublings = jnp.log2(
        jnp.maximum(design.chips / scenario.chip.ranks_per_chip / 8.0, 1.0)
    )
    gemm, attention, elementwise, launch, again, tensor, context, expert, shard = rows(
        count * mean_parts
    )
    step = StepTime(
        gemm=gemm,
        attention=attention,
        elementwise=elementwise,
        head=count * mean_head,
        launch=launch,
        recompute=again,
        tensor_parallel=tensor,
        context_parallel=context,
        expert_parallel=expert,
        parameter_gather=shard,
        pipeline_transfer=transfer,
        stage_imbalance=count * imbalance,
        bubble=bubble,
        data_parallel=unhidden,
        optimizer=optimizer,
        overhead=jnp.asarray(software.step_overhead),
        straggler=software.straggler * doublings * pipelined,
    )
    return step, bubble / (count * mean + bubble)
