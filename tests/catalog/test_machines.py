"""Every machine of the catalog evaluates, and its chips agree with data sheets."""

import csv
from pathlib import Path

import jax
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.system.evaluate import evaluate
from supernode_opt.workload.model import Training
from tests.system.designs import as_built, scenario

SYSTEMS = catalog.names("system")
TABLE = Path(__file__).parents[3] / "shared" / "facts" / "accelerators.csv"

# Chip entries by the name of the accelerator in the table of data sheets.
ACCELERATORS = {
    "NVIDIA A100 SXM 80GB": "a100_sxm_80gb",
    "NVIDIA A100 SXM 40GB": "a100_sxm_40gb",
    "NVIDIA H100 SXM5 80GB": "h100_sxm",
    "NVIDIA H100 SXM 96GB HBM2e, 500 W cap (Meta Grand Teton)": "h100_sxm_96gb_500w",
    "NVIDIA H200 SXM 141GB": "h200_sxm",
    "NVIDIA H800 SXM": "h800_sxm",
    "NVIDIA B200 SXM (HGX/DGX)": "b200",
    "NVIDIA B300 SXM (HGX/DGX)": "b300",
    "NVIDIA GB200 (NVL72)": "gb200",
    "NVIDIA GB300 (NVL72)": "gb300",
    "Google TPU v4": "tpu_v4",
    "Google TPU v5e": "tpu_v5e",
    "Google TPU v5p": "tpu_v5p",
    "Google TPU v6e (Trillium)": "tpu_v6e",
    "Google TPU v7x (Ironwood)": "tpu_v7x",
    "AMD MI300X": "mi300x",
    "AMD MI325X": "mi325x",
    "AMD MI350X": "mi350x",
    "AMD MI355X": "mi355x",
    "Intel Gaudi2": "gaudi2",
    "Huawei Ascend 910B (Atlas 800T/900 A2)": "ascend_910b",
    "Huawei Ascend 910C (CloudMatrix384)": "ascend_910c",
}
COLUMNS = {
    "peak_bf16_dense_tflops": ("peak_bf16", 1e12),
    "peak_fp8_dense_tflops": ("peak_fp8", 1e12),
    "peak_fp4_dense_tflops": ("peak_fp4", 1e12),
    "hbm_gb": ("hbm_capacity", 1e9),
    "hbm_bw_gbytes_s": ("hbm_bandwidth", 1e9),
    "scaleup_bw_uni_gbytes_s_per_chip": ("scale_up_bandwidth", 1e9),
    "scaleout_nic_gbit_s_per_chip": ("scale_out_bandwidth", 1e9 / 8.0),
    "power_w": ("tdp", 1.0),
}
# Where the catalog means something else than the table: a package limit of 1,100 W for
# B300 (the table has 1,000 W and names the other), 850 W for 910C (bottom-up), whose
# table entry is the FP16 rate, and the 21 ports of Gaudi2 that stay in the node (the
# table counts all 24, and 3 again).
DIFFERENT = {
    ("b300", "tdp"),
    ("ascend_910c", "tdp"),
    ("ascend_910c", "peak_bf16"),
    ("tpu_v6e", "hbm_bandwidth"),
    ("gaudi2", "scale_up_bandwidth"),
}
# The table has the memory of the data sheet, the catalog what the device reports.
NEAR = {"hbm_capacity": 0.09}
# Power over the chips' and MFU of machines whose chips are served like faster ones: an
# H20 has memory, links and host of an H100 beside 15 % of its arrays.
OUTSIZED = {"hgx_h20": (2.4, 0.75), "hgx_h20_141gb": (2.4, 0.75)}
# Machines whose domain needs a second tier of switches.
TWO_TIERS = {"cloudmatrix384", "atlas_950_superpod", "atlas_960_superpod"}


def report(name, **changes):
    chips = float(catalog.system(name).design["chips"])
    training = Training(sequence_length=4096.0, global_batch=max(512.0, 4.0 * chips))
    where = scenario(name, "llama3_8b", training)
    plan = {"tensor_parallel": 4.0, "sequence_parallel": "on", **changes}
    return evaluate(as_built(name, where, **plan), where)


@pytest.mark.parametrize("name", SYSTEMS)
def test_machine_evaluates_finite_cool_and_within_its_power(name):
    built = report(name)
    for path, value in jax.tree_util.tree_leaves_with_path(built):
        assert np.all(np.isfinite(value)), jax.tree_util.keystr(path)
    system = catalog.system(name)
    chip = catalog.load("chip", system.chip)
    inlet = float(system.design["inlet_temperature"])
    assert inlet < float(built.junction_temperature)
    assert float(built.junction_fraction) < 1.0
    assert 0.8 < float(built.chip_power) / chip.tdp < 1.0
    # Provisioned is what the data sheet says: 1,200 W for GB200, 850 W for the 910C.
    chips = float(system.design["chips"])
    assert float(built.power_parts.chips) / chips == pytest.approx(chip.tdp)
    # Host, network, fans and supplies add a tenth to nine tenths of the chips' power.
    each = float(built.power) / chips
    most, fastest = OUTSIZED.get(name, (2.2, 0.65))
    assert 1.1 < each / float(built.chip_power) < most
    assert 0.05 < float(built.mfu) < fastest
    assert float(built.switch_tiers) == (2.0 if name in TWO_TIERS else 1.0)


@pytest.mark.parametrize("name", SYSTEMS)
def test_default_machine_is_one_that_can_be_wired(name):
    built = report(name)
    assert float(built.scale_up_reach) <= 1.0
    assert float(built.rack_power_fraction) <= 1.0


def test_board_of_b200_lies_between_measured_and_maximum_power():
    published = catalog.published("system", "hgx_b200")["power"]
    assert published.low < float(report("hgx_b200").power) < published.high


@pytest.mark.parametrize(
    ("capped", "free", "ratio"),
    [
        ("h100_sxm_96gb_500w", "h100_sxm", 1.0),
        ("mi350x", "mi355x", 2500.0 / 2300.0),
    ],
)
def test_clock_of_a_capped_part_lies_below_the_power_law(capped, free, ratio):
    """Its root of the dynamic power the cap leaves, the peak aside, is the most."""
    low, high = catalog.load("chip", capped), catalog.load("chip", free)
    leaking = high.leakage_share * high.tdp
    static = high.static_share * high.tdp
    rest = static + leaking
    left = (low.tdp - rest) / (high.tdp - rest)
    clock = low.sustained_clock / (high.sustained_clock * ratio)
    assert low.tdp / high.tdp < clock < left ** (1.0 / high.power_exponent)
    assert low.static_share * low.tdp == pytest.approx(static)
    assert low.leakage_share * low.tdp == pytest.approx(leaking)


def test_every_chip_has_a_machine():
    used = {catalog.system(name).chip for name in SYSTEMS}
    assert used == set(catalog.names("chip"))


@pytest.mark.skipif(
    not TABLE.exists(), reason="no table of data sheets beside the tree"
)
def test_chips_agree_with_the_table_of_data_sheets():
    with TABLE.open(encoding="utf-8", newline="") as text:
        rows = {row["accelerator"]: row for row in csv.DictReader(text)}
    assert set(ACCELERATORS) <= set(rows)
    found = set()
    for accelerator, name in ACCELERATORS.items():
        chip = catalog.load("chip", name)
        for column, (field, unit) in COLUMNS.items():
            if rows[accelerator][column]:
                wanted = float(rows[accelerator][column]) * unit
                near = NEAR.get(field, 1e-3)
                if getattr(chip, field) != pytest.approx(wanted, rel=near):
                    found.add((name, field))
    assert found == DIFFERENT
