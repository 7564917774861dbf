"""Published sweeps that are not part of the project; skipped where they are absent."""

import dataclasses
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.calibration.data.interpret import interpret_all
from supernode_opt.calibration.data.runs import read
from supernode_opt.calibration.step_time import batch, score, shipped
from supernode_opt.calibration.step_time.constants import software
from supernode_opt.calibration.step_time.fit import predict, table
from supernode_opt.calibration.step_time.posterior import selection
from supernode_opt.system.job import run_job

SWEEPS = Path(__file__).resolve().parents[4] / "shared" / "bulk" / "plan_sweeps.csv"
pytestmark = pytest.mark.skipif(
    not SWEEPS.exists(), reason="the published plan sweeps are not at hand"
)


@pytest.fixture(scope="module")
def sweeps():
    return interpret_all(read(SWEEPS)).jobs


def test_peak_memory_of_measured_ranks(sweeps):
    """Allocated bytes of 43 B200 runs: within 5 % at the median, not 3 % low."""
    known = shipped.judged()
    off = []
    for job in sweeps:
        found = re.search(
            r"real alloc ([\d.]+) GiB", job.run.text("source_quote_or_cell")
        )
        if not found:
            continue
        case = batch.case(job, job.plans[0])
        logs = selection(known.names, "blackwell", "simumax") @ known.mean
        stack = software(case.scenario.software, jnp.asarray(logs), case.practice)
        scenario = dataclasses.replace(case.scenario, software=stack)
        memory = run_job(case.design, scenario, jnp.inf, False).memory
        # What the allocator hands out holds neither context nor library buffers.
        outside = ("framework", "buffers")
        own = sum(
            float(getattr(memory, f.name))
            for f in dataclasses.fields(memory)
            if f.name not in outside
        )
        off.append(own / (float(found[1]) * 2**30) - 1.0)
    assert len(off) == 43
    assert np.median(np.abs(off)) < 0.05
    assert np.median(off) > -0.03


def test_plans_of_a_model_that_was_never_fitted_are_ranked(sweeps):
    """The vTrain A100 sweep of its 3.6B model (MICRO 2024)."""
    jobs = [job for job in sweeps if job.run.text("model") == "vTrain-3.6B"]
    assert not {job.run.name for job in jobs} & set(shipped.judged().rows)
    told = predict(table(jobs), shipped.judged())[0][:, 0]
    measured = np.asarray([job.seconds for job in jobs])
    assert np.abs(told / measured - 1.0).mean() < 0.09
    for group in score.rankings(jobs, told, measured):
        assert group.spearman > 0.75
        assert group.regret < 0.03
