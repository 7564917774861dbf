"""The power of CloudMatrix384 under everything that is not known about it."""

import numpy as np
import pytest

from supernode_opt.uncertainty import variance
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
    report = drawn_reports(*machine, seed=1, count=variance.DRAWS).report
    low, middle, high = np.percentile(np.asarray(report.power), (5.0, 50.0, 95.0))
    assert 461e3 < low < 500e3
    assert 510e3 < middle < 550e3
    assert 560e3 < high < 601e3


def test_the_package_leads_the_variance(machine):
    shares = variance.variance_shares(*machine, "power")
    assert next(iter(shares)) == "chip.tdp"
    package = sum(s for path, s in shares.items() if path.startswith("chip."))
    others = {
        part: sum(s for path, s in shares.items() if path.startswith(part))
        for part in ("host.", "rack.", "cooling.", "scale_up_switch.", "links.")
    }
    assert package > 0.45
    assert package > 3.0 * max(others.values())
    assert 0.7 < sum(shares.values()) < 1.05
    assert shares["facility.energy_price"] < 0.01
