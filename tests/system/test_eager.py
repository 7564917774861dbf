"""What an eager stack waits for, worked by hand on the plain machine."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.system.eager import (
    bucket_time,
    exchange_time,
    host_wait,
    reach,
    ring_time,
)
from supernode_opt.system.footprint import with_allocator
from supernode_opt.system.job import run_job
from supernode_opt.system.parts import MemoryParts, StepTime, total
from supernode_opt.workload.placement import place
from tests.plain import design, same, scenario

EAGER = {"software__eager": True}
CONSTANTS = {
    "ring_latency": 1.5,
    "staged_latency": 0.25,
    "exchange_wait": 7.0,
    "wait_growth": 2.0,
    "bucket_latency": 3.0,
    "thrash": 2.0,
}
WITH = {f"software__{name}": value for name, value in CONSTANTS.items()}
STAGED = {"pipeline_parallel": 2.0, "tensor_parallel": 2.0}


def job(built, where):
    return run_job(built, where, jnp.inf, False)


def test_the_longer_of_host_and_device_decides():
    where = scenario(**EAGER, **WITH, software__kernel_time=0.1)
    built = design(tensor_parallel=4.0)
    # 20 kernels forward take the host 2 s, 34 backward 3.4 s; the device, with its
    # communication, 1.5 and 5 s.
    busy = jnp.asarray([[1.5, 5.0], [2.5, 3.0]])
    wait = host_wait(built, where, busy, 0.0, 0.0, jnp.inf)
    same(wait, [[0.5, 0.0], [0.0, 0.4]])
    # Where stages exchange over the network, 0.25 s more for each of four ranks.
    wait = host_wait(built, where, busy, 0.0, 1.0, jnp.inf)
    same(wait, [[1.5, 0.0], [0.5, 1.4]])
    # A rank without others has none to wait for; recompute issues the forward again.
    wait = host_wait(design(), where, busy, 1.0, 1.0, jnp.inf)
    same(wait, [[0.5, 0.4], [0.0, 2.4]])


def test_a_layer_waits_for_the_host_once_whatever_it_sends():
    """Tensor traffic hides in the wait for the host, where others add it."""
    built = design(tensor_parallel=2.0)
    slow = {"software__kernel_time": 1e3}
    silent = {
        "software__collective_latency": 0.0,
        "software__board_latency": 0.0,
    }

    def layers(**more):
        step = job(built, scenario(**slow, **more)).step
        return step.launch + step.tensor_parallel

    same(layers(**EAGER), layers(**EAGER, **silent))
    assert layers() > layers(**silent)


@pytest.mark.parametrize(
    ("size", "latency"),
    # A group of eight fills a domain; one of sixteen goes round all its members.
    [(4.0, 0.0), (8.0, 0.0), (16.0, 16.0 * 1.5)],
)
def test_a_ring_that_leaves_its_domain(size, latency):
    group = place(size, 1.0, 8.0, 4.0, 16.0)
    same(ring_time(group, scenario(**EAGER, **WITH)), latency)


def test_tensor_groups_across_domains_pay_for_their_ring():
    """Six layers of eight gathers and scatters for each of 32 micro-batches."""
    built = design(tensor_parallel=16.0)
    without, with_ring = (
        job(built, scenario(**EAGER, software__ring_latency=latency)).step
        for latency in (0.0, 1.5)
    )
    more = with_ring.tensor_parallel - without.tensor_parallel
    same(more, 32.0 * 6.0 * 8.0 * 16.0 * 1.5)


def test_what_leaves_a_domain():
    # Two stages of eight chips each fill a domain; four ranks share states across two.
    found = reach(design(**STAGED), scenario(), 4.0, False)
    same(found.staged, 1.0)
    same(found.spanned, 1.0)
    found = reach(design(tensor_parallel=4.0), scenario(), 4.0, False)
    same(found.staged, 0.0)
    same(found.spanned, 2.0)
    # Both stages in one domain.
    inside = design(chips=8.0, pipeline_parallel=2.0)
    same(reach(inside, scenario(), 4.0, False).staged, 0.0)


def test_exchanges_between_stages_wait():
    where = scenario(**EAGER, **WITH)
    # Sixteen tensor ranks of 32 are half, 16 chips of 512 less: 7 s / 4 an exchange.
    built = design(pipeline_parallel=2.0, tensor_parallel=16.0, chips=32.0)
    # 8 micro-batches in 9 slots, two exchanges with the one neighbour.
    same(exchange_time(built, where, 8.0, 1.0), 9.0 * 2.0 * 7.0 / 4.0)
    same(exchange_time(built, where, 8.0, 0.0), 0.0)
    # 1,024 chips: four times the wait; inner stages have two neighbours.
    built = design(pipeline_parallel=4.0, chips=1024.0)
    same(exchange_time(built, where, 8.0, 1.0), 11.0 * 4.0 * 7.0 * 4.0)


def test_buckets_of_gradients():
    """Of 25 MiB and in FP32: 13,107,200 parameters are two of them."""
    where = scenario(**EAGER, **WITH)
    # Two buckets, 3 s for each of the two doublings of four domains.
    for sharding in ("zero0", "zero1"):
        same(bucket_time(design("none", sharding), where, 13107200.0, 4.0), 12.0)
    same(bucket_time(design("none", "zero3"), where, 13107200.0, 4.0), 0.0)


def test_of_sharded_states_nothing_hides():
    """What an eager stack reduces waits for the backward pass, but under DDP."""
    hidden = {"software__data_exposed": 0.0}
    for sharding, exposed in (("zero0", 0.0), ("zero1", 1.0)):
        built = design("none", sharding)
        eager = job(built, scenario(**EAGER, **hidden)).step
        plain = job(built, scenario(software__data_exposed=exposed)).step
        same(eager.data_parallel, plain.data_parallel)


def test_gradients_that_wait_in_bf16_are_not_reduced():
    """6 B a parameter are kept, 4 B reduced."""
    kept = {"training__gradient_bytes": 6.0}
    eager = job(design(), scenario(**EAGER, **kept)).step
    plain = job(design(), scenario(training__gradient_bytes=4.0)).step
    same(eager.data_parallel, plain.data_parallel)


def test_an_allocator_runs_short_by_the_odds():
    step = StepTime(**{f.name: jnp.asarray(1.0) for f in dataclasses.fields(StepTime)})
    parts = {f.name: jnp.asarray(0.0) for f in dataclasses.fields(MemoryParts)}
    where = scenario(**EAGER, **WITH)
    # As much as there is fits by half: of 17 s a sixteenth is lost twice.
    short = MemoryParts(**parts | {"weights": where.chip.hbm_capacity})
    same(with_allocator(step, short, where).launch, 1.0 + 2.0 * 17.0 / 16.0)
    plenty = MemoryParts(**parts | {"weights": jnp.asarray(1.0)})
    same(with_allocator(step, plenty, where).launch, 1.0)


def test_other_stacks_have_none_of_it():
    built = design(**STAGED)
    plain, told = (job(built, where) for where in (scenario(), scenario(**WITH)))
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, plain, told)))


def test_slopes_are_finite():
    where = scenario(**EAGER, **WITH, software__kernel_time=0.1)

    def time(software, sizes):
        built = design(**sizes)
        changed = dataclasses.replace(where, software=software)
        return total(run_job(built, changed, 20.0, False).step)

    slopes = jax.jit(jax.grad(time, argnums=(0, 1)))(where.software, STAGED)
    assert all(np.isfinite(slope).all() for slope in jax.tree.leaves(slopes))
    assert slopes[0].exchange_wait > 0.0
