"""What kernels cost that a framework issues one by one while the device runs.

An eager program has nothing queued ahead: the host issues a layer's kernels, those of
its communication among them, and the longer of the two decides.  The forms are those
that 1,025 runs of nanotron on 8 to 512 H100 show (the sweep of the Ultra-Scale
Playbook, `scripts/scaling_benchmarks.py`); their constants are fitted, and a stack that
does not run so has none of them in its program.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import excess, raised, stack
from supernode_opt.system.design import Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.operators import BACKWARD_KERNELS, FORWARD_KERNELS
from supernode_opt.workload.placement import Group, crossings, place

# Chips and tensor ranks at which `Software.exchange_wait` is stated.
WAIT_CHIPS, WAIT_RANKS = 512.0, 32.0
# Gradients are reduced in FP32, by DDP in buckets of this size (PyTorch's default and
# `ddp_bucket_cap_mb` of nanotron's configurations) [B].
REDUCED_BYTES, BUCKET = 4.0, 25.0 * 2.0**20


class Reach(NamedTuple):
    """What of an eager job leaves a domain.

    Attributes:
      staged: whether stages of the pipeline exchange over the network [1].
      spanned: domains over which one copy of sharded states is spread [1].
    """

    staged: Array
    spanned: Array


def reach(
    design: Design, scenario: Scenario, sharding_ranks: ArrayLike, relaxed: ArrayLike
) -> Reach:
    """Tell what of an eager job leaves a domain."""
    parted = crossings(
        design.pipeline_parallel,
        design.chips / design.pipeline_parallel,
        design.scale_up_domain,
        relaxed,
    )
    group = place(
        sharding_ranks,
        design.tensor_parallel,
        design.scale_up_domain,
        scenario.host.chips_per_board,
        design.chips,
        relaxed,
    )
    return Reach(jnp.clip(parted, 0.0, 1.0), group.outside)


def ring_time(group: Group, scenario: Scenario) -> Array:
    """Latency of one collective whose ring leaves its domain: of every member [s]."""
    across = jnp.clip(group.outside - 1.0, 0.0, 1.0)
    return scenario.software.ring_latency * across * group.size


def host_wait(
    design: Design,
    scenario: Scenario,
    busy: Array,
    full: ArrayLike,
    staged: ArrayLike,
    sharpness: ArrayLike,
) -> Array:
    """How long the device waits for the host in a layer pass [layer, pass, *batch] [s].

    Args:
      design, scenario: the job.
      busy: kernels and exposed communication [layer, pass, *batch] [s].
      full: whether the backward pass issues the forward one again [1].
      staged: see `Reach`.
      sharpness: of the maximum.
    """
    software = scenario.software
    ranks = jnp.asarray(design.tensor_parallel)
    ranks = ranks * jnp.clip(ranks - 1.0, 0.0, 1.0)
    kernels = stack(FORWARD_KERNELS, BACKWARD_KERNELS + FORWARD_KERNELS * full)
    issued = software.kernel_time * kernels + software.staged_latency * staged * ranks
    return excess(busy, jnp.broadcast_to(issued[None], busy.shape), sharpness)


def exchange_time(
    design: Design, scenario: Scenario, count: ArrayLike, staged: ArrayLike
) -> Array:
    """Time of a step that exchanges between stages take beyond what they move [s].

    In each of the slots of 1F1B, `count` micro-batches and the filling of the pipeline,
    a stage waits for every exchange: two per neighbour, of which all but the first and
    the last stage have two.
    """
    software, stages = scenario.software, jnp.asarray(design.pipeline_parallel)
    neighbours = jnp.clip(stages - 1.0, 0.0, 2.0)
    size = jnp.maximum(design.chips / WAIT_CHIPS, design.tensor_parallel / WAIT_RANKS)
    wait = raised(size, software.wait_growth)
    wait = 2.0 * neighbours * software.exchange_wait * wait
    return staged * (count + stages - 1.0) * wait


def bucket_time(
    design: Design, scenario: Scenario, parameters: ArrayLike, spanned: ArrayLike
) -> Array:
    """Latency of reducing the gradients of `parameters` bucket by bucket [s].

    A tree has as many hops over the network as it doubles domains.  Sharded states wait
    for their parameters one by one as well, `Software.shard_latency`.
    """
    buckets = REDUCED_BYTES * parameters / BUCKET
    latency = scenario.software.bucket_latency * jnp.log2(spanned)
    once = design.optimizer_sharding[0] + design.optimizer_sharding[1]
    return once * buckets * latency
