"""What kernels cost that a framework issues one by one while the device runs.

An eager program has nothing queued ahead: the host issues a layer's kernels, those of
its communication among them, and the longer of the two decides.  The forms are those
that 1,025 runs of nanotron on 8 to 512 H100 show (the sweep of the Ultra-Scale
Playbook, `scripts/scaling_benchmarks.py`); their constants are fitted, and a stack that
does not run so has none of them in its program.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import excess, raised, stack
from supernode_opt.system.design import Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.operators import BACKWARD_KERNELS, FORWARD_KERNELS
from supernode_opt.workload.placement import Group, crossings

# Chips at which `Software.exchange_wait` is stated.
WAIT_CHIPS = 512.0


def leaving(
    design: Design, scenario: Scenario, relaxed: ArrayLike
) -> Array:
    """Whether stages of the pipeline exchange over the network [1]."""
    parted = crossings(
        design.pipeline_parallel,
        design.chips / design.pipeline_parallel,
        design.scale_up_domain,
        relaxed,
    )
    return jnp.clip(parted, 0.0, 1.0)


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
      staged: see `leaving`.
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
    a stage starts its exchanges once for every tensor rank, and waits for each: two per
    neighbour, of which all but the first and the last stage have two.
    """
    software, stages = scenario.software, jnp.asarray(design.pipeline_parallel)
    neighbours = jnp.clip(stages - 1.0, 0.0, 2.0)
    wait = raised(design.chips / WAIT_CHIPS, software.wait_growth)
    wait = 2.0 * neighbours * software.exchange_wait * wait
    slot = software.exchange_latency * design.tensor_parallel + wait
    return staged * (count + stages - 1.0) * slot
