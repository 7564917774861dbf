"""Scenarios without distance, which bound every domain at once."""

import jax.numpy as jnp
import pytest

from supernode_opt.search.relaxations import BOUNDLESS, without_distance
from supernode_opt.system.job import run_job
from supernode_opt.system.parts import total
from tests import plain


def test_an_eager_stack_sees_no_domainwithout_distance():
    """With boundless ports what remains of its step is the same in any domain."""
    constants = {
        "ring_latency": 1.5,
        "staged_latency": 0.25,
        "exchange_wait": 7.0,
        "bucket_latency": 3.0,
        "shard_latency": 0.5,
    }
    told = {f"software__{name}": value for name, value in constants.items()}
    where = plain.scenario(software__eager=True, **told)
    wide = {"scale_up_bandwidth": BOUNDLESS, "scale_out_bandwidth": BOUNDLESS}
    split = {"tensor_parallel": 4.0, "pipeline_parallel": 2.0}
    designs = [
        plain.design("none", "zero1", scale_up_domain=domain, **split, **wide)
        for domain in (2.0, 16.0)
    ]

    def steps(scenario):
        jobs = [run_job(one, scenario, jnp.inf, False) for one in designs]
        return [float(total(job.step)) for job in jobs]

    small, large = steps(where)
    assert small > 1.01 * large
    small, large = steps(without_distance(where))
    assert small == pytest.approx(large, rel=1e-9)
