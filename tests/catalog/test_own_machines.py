"""Machines that only a user's own YAML describes load and give sane numbers."""

from pathlib import Path

import jax
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.catalog import read
from supernode_opt.system.evaluate import evaluate
from supernode_opt.workload.model import Training
from tests.system.designs import as_built

OWN = Path(__file__).parent / "own"
PLAN = {"tensor_parallel": 8.0, "sequence_parallel": "on"}


def forget():
    """Drop what the catalog has read."""
    catalog.forget()


@pytest.fixture
def own(monkeypatch):
    forget()
    monkeypatch.setenv(read.OWN_CATALOG, str(OWN))
    yield
    forget()


def report(name, **changes):
    chips = float(catalog.system(name).design["chips"])
    training = Training(sequence_length=4096.0, global_batch=max(1152.0, chips))
    where = catalog.scenario(name, "llama3_70b", training)
    return evaluate(as_built(name, where, **PLAN, **changes), where)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "kilowatts", "tiers", "optical"),
    [
        # Two ends in each of the two tiers of the network; copper in the rack.
        ("rubin_144", (330.0, 480.0), 1.0, 144.0 * 2.0 * 2.0),
        # Three switch tiers, two of them cabled, and a two-tier network.
        ("optical_8192", (12e3, 18e3), 3.0, None),
        ("torus_2048", (900.0, 2500.0), 1.0, None),
    ],
)
def test_machine_from_yaml_is_sane(name, kilowatts, tiers, optical):
    built = report(name)
    for path, value in jax.tree_util.tree_leaves_with_path(built):
        assert np.isfinite(value).all(), jax.tree_util.keystr(path)
    low, high = kilowatts
    assert low < float(built.power) / 1e3 < high
    assert float(built.switch_tiers) == tiers
    assert float(built.scale_up_reach) == float(built.scale_out_reach) == 0.0
    assert float(built.rack_power_fraction) <= 1.0
    assert float(built.junction_fraction) < 1.0
    assert 0.05 < float(built.mfu) < 0.7
    assert 0.2 < float(built.cost_per_chip_hour) < 10.0
    assert 0.5 < float(built.goodput) < 1.0
    if optical is not None:
        assert float(built.optical_modules) == optical


@pytest.mark.usefixtures("own")
def test_switches_of_machines_from_yaml():
    """Eighteen planes of one chip; or ports over ports; or circuits for torus cubes."""
    assert float(report("rubin_144").scale_up_leaf_chips) == 18.0
    pod = report("optical_8192")
    ports = 8192.0 * 1000.0 * 5.0 / 3200.0
    hosts = 1024.0 * 640.0 / 3200.0
    chips = float(pod.scale_up_leaf_chips + pod.scale_up_spine_chips)
    assert chips == pytest.approx(ports + hosts)
    # 32 cubes with 96 fibres each, on 128 ports.
    assert float(report("torus_2048").scale_up_leaf_chips) == pytest.approx(24.0)


@pytest.mark.usefixtures("own")
def test_an_own_machine_goes_by_its_own_other_names():
    assert catalog.system("rubin ultra 144").name == "rubin_144"
    assert catalog.called("system", "H100-80GB") == "dgx_h100"


@pytest.mark.usefixtures("own")
def test_copper_cannot_span_the_optical_pod():
    assert float(report("optical_8192", scale_up_link="copper").scale_up_reach) > 1.0
    mixed = report("optical_8192", scale_up_link="copper_cpo")
    assert float(mixed.scale_up_reach) == 0.0
    assert 0.0 < float(mixed.scale_up_short_fraction) < 0.1


def test_the_shipped_catalog_is_itself_again():
    assert "rubin_144" not in catalog.names("system")
