"""Devices and their watts, as drivers and data sheets tell them."""

import os
import stat
import time
import types

import pytest

from supernode_opt.measure import watts
from supernode_opt.measure.devices import describe, recognise


def test_rapl_counts_joules_over_a_wrap(tmp_path):
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "energy_uj").write_text("9000000\n")
    (zone / "max_energy_range_uj").write_text("10000000\n")
    (zone / "constraint_0_power_limit_uw").write_text("120000000\n")
    cpu = types.SimpleNamespace(platform="cpu")
    with watts.meter_of(cpu, tmp_path) as meter:
        assert meter.limit == 120.0
        meter.start()
        time.sleep(0.1)
        (zone / "energy_uj").write_text("1000000\n")
        # Two joules in a tenth of a second and a little.
        assert 0.5 < meter.stop() <= 20.0
    with watts.meter_of(cpu, tmp_path / "nowhere") as meter:
        assert meter is None


SMI = """#!/bin/sh
case "$*" in
  *-i?GPU-7*power.draw*--loop-ms=*) while true; do echo 455.5; sleep 0.02; done ;;
  *-i?GPU-7*power.draw*) echo 450.0 ;;
  *-i?GPU-7*power.limit*) echo 700.00 ;;
  *-i?GPU-7*memory.total*) echo 81559 ;;
  *) echo "[N/A]" ;;
esac
"""


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """Return a made-up H100 whose driver answers like `nvidia-smi`."""
    script = tmp_path / "nvidia-smi"
    script.write_text(SMI)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-3,GPU-7")
    return types.SimpleNamespace(
        platform="gpu",
        device_kind="NVIDIA H100 80GB HBM3",
        local_hardware_id=1,
        memory_stats=lambda: {"bytes_limit": 6e10},
        compute_capability="9.0",
    )


def test_a_gpu_is_read_from_its_driver(gpu, monkeypatch):
    found = describe([gpu, gpu])
    assert (found.chip, found.alike, found.count) == ("h100_sxm", "dgx_h100", 2)
    assert found.memory == 81559 * 2**20
    assert found.usable == 6e10
    assert found.float8
    monkeypatch.setattr(watts.NvidiaSmi, "least", 0.3)
    with watts.meter_of(gpu) as meter:
        assert meter.limit == 700.0
        meter.start()
        assert meter.stop() is None  # too short to say anything
        meter.start()
        time.sleep(0.4)
        assert meter.stop() == 455.5
    assert meter._process.poll() is not None


def test_unknown_gpus_are_measured_without_a_data_sheet(gpu):
    gpu.device_kind, gpu.local_hardware_id = "NVIDIA Something 9", 0
    found = describe([gpu])
    assert (found.chip, found.alike) == ("", "dgx_h100")
    assert (found.memory, found.memory_source) == (6e10, "JAX memory statistics")
    assert found.float8
    gpu.compute_capability = "8.0"
    assert not describe([gpu]).float8
    with watts.meter_of(gpu) as meter:
        assert meter is None


@pytest.mark.parametrize(
    ("kind", "chip"),
    [
        ("NVIDIA H200", "h200_sxm"),
        ("NVIDIA A100-SXM4-40GB", "a100_sxm_40gb"),
        ("TPU v5 lite", "tpu_v5e"),
        ("TPU v5", "tpu_v5p"),
        ("NVIDIA H100 PCIe", ""),
        ("cpu", ""),
    ],
)
def test_data_sheets_are_found_by_the_whole_name(kind, chip):
    assert recognise(kind)[0] == chip
