"""Racks of one domain against boxes of eight, same silicon and software, as published.

Release notes of Megatron-Bridge print both for the same job.  What one rack is worth
comes out of bandwidths and domains; nothing is fitted to a ratio.
"""

import itertools

import numpy as np
import pytest

from supernode_opt.calibration.data.interpret import interpret_all
from supernode_opt.calibration.data.runs import shipped as shipped_runs
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.fit import predict, table

JOB = ("release_or_date", "model", "precision", "n_accel", "gbs", "seq_len")
PLAN = ("tp", "pp", "vpp", "cp", "ep", "mbs")
BOXES_AND_RACKS = (("B200", "GB200"), ("B300", "GB300"))


@pytest.fixture(scope="module")
def pairs():
    """Return (name, same plan, one domain, measured ratio, predicted ratio)."""
    runs = [run for run in shipped_runs() if "Bridge" in run.text("source")]
    jobs = interpret_all(runs).jobs
    predicted = predict(table(jobs), shipped.judged())[0][:, 0]
    by_job: dict = {}
    for job, seconds in zip(jobs, predicted, strict=True):
        key = tuple(job.run.text(column) for column in JOB)
        by_job.setdefault(key, {}).setdefault(job.run.text("accelerator"), []).append(
            (job, seconds)
        )
    found = []
    for machines in by_job.values():
        for box, rack in BOXES_AND_RACKS:
            for one, other in itertools.product(
                machines.get(box, ()), machines.get(rack, ())
            ):
                plans = [[j.run.text(c) for c in PLAN] for j in (one[0], other[0])]
                name = f"{one[0].run.name}/{other[0].run.name}"
                measured = one[0].seconds / other[0].seconds
                chips = float(one[0].run.number("n_accel") or 0.0)
                told = float(one[1] / other[1])
                found.append((name, plans[0] == plans[1], chips <= 8, measured, told))
    return found


def test_most_pairs_are_told_within_fifteen_per_cent(pairs):
    assert len(pairs) >= 30
    off = np.asarray([told / measured - 1.0 for *_, measured, told in pairs])
    assert np.median(np.abs(off)) < 0.055
    assert abs(np.median(off)) < 0.03
    assert (np.abs(off) < 0.15).mean() > 0.89


def test_where_the_job_fits_one_domain_of_both_the_rack_is_worth_little(pairs):
    for name, same, alone, measured, told in pairs:
        if same and alone:
            assert 0.95 < measured < 1.12, name
            assert 0.95 < told < 1.1, name


def test_where_it_does_not_fit_the_rack_wins_and_the_plan_decides_how_much(pairs):
    wide = [pair for pair in pairs if not pair[2]]
    assert len(wide) >= 12
    for name, _, _, measured, told in wide:
        if measured > 1.04:
            assert told > 1.0, name
    forced = [p for p in wide if p[1] and p[3] > 1.5]
    assert len(forced) == 1
    assert 1.7 < forced[0][4] < 2.4
    tuned = [p for p in wide if not p[1] and 1.1 < p[3] < 1.3]
    assert len(tuned) >= 4
    assert all(abs(told / measured - 1.0) < 0.15 for *_, measured, told in tuned)
    assert np.median([told for *_, told in tuned]) == pytest.approx(1.3, abs=0.05)
