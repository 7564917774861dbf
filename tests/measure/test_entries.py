"""Entries of made-up devices: whole, in range, from a data sheet where there is one."""

import csv
import dataclasses
import io

import jax
import pytest
import yaml

from supernode_opt import Training, build_design, catalog, evaluate
from supernode_opt.calibration.step_time.constants import EAGER
from supernode_opt.calibration.written import text
from supernode_opt.catalog.read import RECORDS
from supernode_opt.measure.entries import About, entries, source
from supernode_opt.measure.findings import find
from supernode_opt.measure.tables import COLLECTIVE, GEMM, tables
from supernode_opt.units import quantities
from tests.catalog.test_entries import check_ranges
from tests.measure.conftest import PLAN, entry, made_up
from tests.measure.test_parts import device

ABOUT = About("mine", "2026-01-01", "0.0")


def write(found, folder, own_catalog):
    for file, written in entries(found, ABOUT).items():
        (folder / file).write_text(text(written, "made up"))
    own_catalog(folder)


@pytest.fixture
def h100(tmp_path, own_catalog):
    """Write the entries of an H100 with 0.85 of peak * clock and 0.9 of its memory."""
    sheet = catalog.load("chip", "h100_sxm")
    described = device(
        "gpu", kind="NVIDIA H100 80GB HBM3", chip="h100_sxm", memory=81559 * 2**20
    )
    made = made_up(
        sheet.peak_bf16 * sheet.sustained_clock,
        0.9 * sheet.hbm_bandwidth,
        efficiency=0.85,
        attention_efficiency=0.6,
        fp8=0.9 * sheet.peak_fp8 * sheet.sustained_clock,
        port=0.8 * sheet.scale_up_bandwidth,
        watts=690.0,
    )
    found = find(described, made, fused=True, limit=700.0, meter="nvidia-smi")
    write(found, tmp_path, own_catalog)
    return found


def test_a_recognised_chip_keeps_its_data_sheet(h100):
    mine, sheet = catalog.load("chip", "mine"), catalog.load("chip", "h100_sxm")
    measured = {"array_efficiency", "hbm_efficiency", "hbm_capacity", "tdp"}
    for field, _ in quantities(RECORDS["chip"]):
        traced = catalog.provenance("chip", "mine")[field]
        if field in measured:
            assert traced.confidence == "measured"
            assert "measured on 8 x NVIDIA H100 80GB HBM3, 2026-01-01" in traced.source
        else:
            assert getattr(mine, field) == pytest.approx(getattr(sheet, field))
            assert traced.source.endswith("(catalog chip h100_sxm)")
    assert mine.array_efficiency == pytest.approx(0.85, rel=0.01)
    assert mine.hbm_efficiency == pytest.approx(0.9, rel=0.01)
    assert mine.tdp == 700.0


def test_software_is_what_the_points_were_made_with(h100):
    mine = catalog.load("software", "mine")
    wanted = {
        "gemm_width": 60.0,
        "gemm_tokens": 120.0,
        "attention_efficiency": 0.6,
        "attention_tokens": 300.0,
        "fp8_efficiency": 0.9,
        "launch_time": 2e-6,
        "kernel_time": 2e-6,
        "scale_up_efficiency": 0.8,
        "collective_latency": 1e-5,
        "board_latency": 2e-6,
        "step_overhead": 2e-5,
    }
    for field, value in wanted.items():
        assert getattr(mine, field) == pytest.approx(value, rel=0.03), field
        traced = catalog.provenance("software", "mine")[field]
        assert traced.confidence == "measured"
        assert "residual" in traced.source or field == "step_overhead"
    assert (mine.score_bytes, mine.score_traffic) == (0.0, 0.0)


def test_every_number_is_whole(h100):
    for kind in ("chip", "host", "software"):
        traced = catalog.provenance(kind, "mine")
        check_ranges(traced)
        # What it times is queued: it has no constants of an eager stack.
        every = {field for field, _ in quantities(RECORDS[kind])}
        assert set(traced) == every - set(EAGER)
        assert catalog.load(kind, "mine").name == "mine"
        for number in traced.values():
            if number.source.startswith("engineering estimate"):
                assert number.confidence == "estimate"
    check_ranges(catalog.system("mine").provenance)
    assert catalog.system("mine").design["chips"] == 8.0


def test_the_machine_trains(h100):
    job = Training(sequence_length=4096.0, global_batch=64.0)
    scenario = catalog.scenario("mine", "llama3_8b", job)
    plan = PLAN | {"optimizer_sharding": "zero3"}
    design = build_design(catalog.system("mine").design | plan, scenario)
    assert 0.3 < float(jax.jit(evaluate)(design, scenario).mfu) < 0.75


def test_an_unknown_chip_is_what_it_reached(tmp_path, own_catalog):
    made = made_up(4e14, 2e12, attention_efficiency=0.4, traffic=14.0, softmax=0.0)
    found = find(device("gpu", count=1, memory_source=""), made, fused=False)
    write(found, tmp_path, own_catalog)
    mine = catalog.load("chip", "mine")
    assert mine.peak_bf16 == pytest.approx(found.rates["bfloat16"], rel=1e-4)
    assert mine.peak_fp8 == 0.0
    assert mine.array_efficiency <= 1.0
    traced = catalog.provenance("chip", "mine")
    assert "for want of a data sheet" in traced["peak_bf16"].source
    for field in ("price", "die_area", "tdp", "failure_rate", "hbm_capacity"):
        known = traced[field]
        assert known.confidence == "estimate"
        assert known.source == "engineering estimate: as chip h100_sxm; not measured"
        assert known.low <= 0.51 * known.value
        assert known.high >= 1.99 * known.value
    software = catalog.load("software", "mine")
    assert software.score_bytes == 5.0
    # Its exponentials are in the bytes per score, and not counted once more.
    assert mine.softmax_channels == 0.0
    assert "score_traffic" in traced["softmax_channels"].source
    assert software.score_traffic == pytest.approx(14.0, rel=0.03)
    for kind in ("chip", "host", "software"):
        check_ranges(catalog.provenance(kind, "mine"))


def test_watts_without_a_limit_are_a_lower_end(tmp_path):
    made = made_up(1e12, 1e11, watts=95.0)
    found = find(device("cpu", count=1, alike="dgx_a100"), made, True, None, "RAPL")
    tdp = entries(found, ABOUT)["chips.yaml"]["mine"]["tdp"]
    assert (tdp["value"], tdp["low"]) == (95.0, 95.0)
    assert tdp["high"] > 95.0
    assert "RAPL" in tdp["source"]


def test_tables_have_the_columns_of_public_measurements():
    made = made_up(4e14, 2e12, port=1e11, watts=500.0)
    sizes = {
        "width": 512,
        "layers": 4,
        "length": 1024,
        "batch": 2,
        "devices": 8,
        "vocabulary": 2048,
        "micro_batches": 4,
    }
    made.append(entry("training", sizes, 0.5))
    found = find(device("gpu"), made, fused=True, limit=700.0, meter="nvidia-smi")
    written = tables(found, "mine", source(found, ABOUT))
    read = {
        name: list(csv.DictReader(io.StringIO(one))) for name, one in written.items()
    }
    assert tuple(read["gemm.csv"][0]) == GEMM
    row = read["gemm.csv"][0]
    flops = 2.0 * float(row["m"]) * float(row["n"]) * float(row["k"])
    seconds = 1e-3 * float(row["latency_ms"])
    assert float(row["tflops"]) == pytest.approx(flops / seconds / 1e12, rel=1e-4)
    assert (row["power_w"], row["power_limit_w"]) == ("500.0", "700.0")
    assert row["weights_in_turn"] == "3"
    assert tuple(read["collectives.csv"][0]) == COLLECTIVE
    (run,) = read["runs.csv"]
    assert run["accelerator"] == run["run_id"].rpartition("-")[0] == "mine"
    assert (run["gbs"], run["mbs"], run["n_accel"], run["dp"]) == ("64", "2", "8", "8")
    rate = 64 * 1024 / 0.5 / 8
    assert float(run["tokens_per_s_per_accel"]) == pytest.approx(rate, rel=1e-5)


def test_files_hold_no_alias_and_no_folder(h100, tmp_path):
    for path in tmp_path.glob("*.yaml"):
        written = path.read_text()
        assert "&id" not in written
        assert yaml.safe_load(written).keys() == {"sources", "mine"}
    assert dataclasses.is_dataclass(h100)
