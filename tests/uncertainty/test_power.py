"""The power of CloudMatrix384 under everything that is not known about it."""

import dataclasses

import numpy as np
import pytest

from supernode_opt.catalog.origins import assumed
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.uncertainty.intervals import drawn_reports
from supernode_opt.workload.model import Training
from tests.system.designs import as_built, scenario


@pytest.fixture(scope="module")
def machine():
    training = Training(sequence_length=4096.0, global_batch=2048.0)
    where = scenario("cloudmatrix384", "llama3_70b", training)
    return as_built("cloudmatrix384", where), where


def test_power_stays_within_its_published_range(machine):
    """Bottom-up Monte Carlo over component priors: 461-601 kW, 5-95 %."""
    as_sold = dataclasses.replace(assumed(machine[1]), follows=frozenset(FOLLOWS))
    report = drawn_reports(*machine, seed=1, count=4096, origins=as_sold).report
    low, middle, high = np.percentile(np.asarray(report.power), (5.0, 50.0, 95.0))
    assert 461e3 < low < 500e3
    assert 510e3 < middle < 550e3
    assert 560e3 < high < 601e3
