"""The catalog reproduces what is published about its systems, chips and models."""

import math

import pytest

from supernode_opt import catalog
from supernode_opt.workload.parameters import (
    active_parameters,
    embedding_parameters,
    mtp_parameters,
    parameters,
)

# Best measured large BF16 GEMM [TFLOP/s], stas00/ml-engineering; the Ascend figures are
# an energy analogy (910C) and AIBench's 84 % of peak (910).
LARGE_GEMM = {
    "a100_sxm_80gb": 271.2,
    "h100_sxm": 794.5,
    "h200_sxm": 794.5,
    "h800_sxm": 794.5,
    "b200": 1745.0,
    "b300": 1769.0,
    "gb200": 1822.0,
    "mi300x": 668.4,
    "mi325x": 784.9,
    "mi355x": 1565.0,
    "gaudi2": 418.7,
    "ascend_910c": 540.0,
    "ascend_910b": 0.84 * 353.0,
}

# Model cards differ: these count the embedding table among the active parameters, the
# others, such as DeepSeek-V3 and Pangu Ultra MoE, only the LM head.
COUNTS_EMBEDDING = {
    "mixtral_8x7b",
    "qwen3_235b_a22b",
    "deepseek_v4_pro",
    "llama4_maverick_400b",
    "llama4_scout_109b",
    "pangu_pro_moe_72b",
    "grok2_270b",
}
ACTIVE = [
    name
    for name in catalog.names("model")
    if "active_parameters" in catalog.published("model", name)
]


def system_totals(name):
    """Peaks [flop/s], HBM [B, B/s] and both bandwidths [B/s] of a default machine."""
    system = catalog.system(name)
    chip = catalog.load("chip", system.chip)
    fields = {
        "peak_bf16": chip.peak_bf16,
        "peak_fp8": chip.peak_fp8,
        "hbm_capacity": chip.hbm_capacity,
        "hbm_bandwidth": chip.hbm_bandwidth,
        "scale_up_bandwidth": chip.scale_up_bandwidth,
        "scale_out_bandwidth": chip.scale_out_bandwidth,
    }
    return {field: system.design["chips"] * value for field, value in fields.items()}


def test_clock_of_gb300_follows_power_as_capped_gemms_do():
    """No sweep of it is public; 1.20 times the power buys 1.075 times the speed."""
    old, new = (catalog.load("chip", name) for name in ("gb200", "gb300"))
    exponent = math.log(1.075) / math.log(1.20)
    ratio = new.peak_bf16 * new.sustained_clock / (old.peak_bf16 * old.sustained_clock)
    assert ratio == pytest.approx((new.tdp / old.tdp) ** exponent, abs=0.005)


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("h100_sxm", 85.02),
        ("a100_sxm_40gb", 42.40),
        ("h200_sxm", 150.1),
        ("b200", 191.5),
        ("gb200", 197.9),
        ("mi300x", 206.1),
        ("tpu_v5e", 16.91),
        ("ascend_910b", 65.47),
        ("ascend_910c", 131.6),
    ],
)
def test_memory_is_what_the_device_reports(name, gigabytes):
    """GiB of out-of-memory messages, 1.0737 GB each: 79.18 of an H100, and so on."""
    found = catalog.load("chip", name).hbm_capacity
    assert found == pytest.approx(gigabytes * 1e9, rel=1e-3)


def test_exponentials_beside_the_arrays():
    """FLOPs per clock and multiprocessor over four times the exponentials."""
    for name, flops, exponentials in (
        ("a100_sxm_80gb", 2048, 16),
        ("h100_sxm", 4096, 16),
        ("gb200", 8192, 16),
        ("gb300", 8192, 32),
    ):
        chip = catalog.load("chip", name)
        assert chip.softmax_channels == flops / (4 * exponentials)


@pytest.mark.parametrize("name", sorted(LARGE_GEMM))
def test_clock_times_array_efficiency_is_the_best_gemm(name):
    chip = catalog.load("chip", name)
    rate = chip.peak_bf16 * chip.sustained_clock * chip.array_efficiency
    assert rate == pytest.approx(LARGE_GEMM[name] * 1e12, rel=0.005)


@pytest.mark.parametrize(
    "name",
    ["cloudmatrix384", "gb200_nvl72", "dgx_h100", "hgx_b200", "vera_rubin_nvl72"],
)
def test_chips_add_up_to_published_totals(name):
    published = catalog.published("system", name)
    for field, total in system_totals(name).items():
        # What devices report of their memory is up to 8 % from the data sheet's figure.
        near = 0.08 if field == "hbm_capacity" else 0.003
        if field in published:
            assert total == pytest.approx(published[field].value, rel=near), field


@pytest.mark.parametrize(
    ("name", "published_fields"),
    [
        ("atlas_950_superpod", {"peak_fp8", "hbm_capacity", "scale_up_bandwidth"}),
        ("atlas_960_superpod", {"peak_fp8", "hbm_capacity", "scale_up_bandwidth"}),
    ],
)
def test_announced_totals_are_rounded_sums(name, published_fields):
    """The keynote prints 8 and 30 EFLOP/s, 16.3 and 34 PB/s both ways, and 4,460 TB."""
    published, totals = catalog.published("system", name), system_totals(name)
    assert published_fields == set(totals) & set(published)
    for field in published_fields:
        known = published[field]
        assert known.low <= totals[field] <= known.high, field


def test_memory_of_atlas_950_is_announced_in_units_of_1024():
    """8,192 x 144 GB are 1,180 TB; divided by 1,024 they are the keynote's 1,152."""
    published = catalog.published("system", "atlas_950_superpod")["hbm_capacity"]
    total = system_totals("atlas_950_superpod")["hbm_capacity"]
    assert total / 1.024 == pytest.approx(published.value, rel=1e-9)


def test_racks_of_the_atlas_pods_hold_their_chips():
    """32 of 160 racks hold switches alone; as large a share of 220 leaves 176 x 88."""
    small, large = (f"atlas_{year}_superpod" for year in (950, 960))
    known = catalog.published("system", small)
    share = known["compute_racks"].value / known["racks"].value
    for name in (small, large):
        system = catalog.system(name)
        rack = catalog.load("rack", system.rack)
        compute = share * catalog.published("system", name)["racks"].value
        assert compute * rack.chips_per_rack == system.design["chips"]
        switch = catalog.load("switch", system.scale_up_switch)
        assert switch.first_tier_chips == rack.chips_per_rack
        assert switch.radix == compute
    rack = catalog.load("rack", catalog.system(small).rack)
    area = known["compute_racks"].value * rack.floor_area
    assert area == pytest.approx(known["floor_area"].value, rel=0.01)


def test_seed_claim_peak_ratios():
    """384 x 2 x 353.9 TFLOP/s of BF16 = 271.8 PFLOP/s, 1.510 x NVL72; 255 chips break
    even.  In FP16, the 752 TFLOP/s usually quoted, it would be 1.604 x and 240 chips.
    """
    ours, theirs = system_totals("cloudmatrix384"), system_totals("gb200_nvl72")
    assert ours["peak_bf16"] == pytest.approx(271.8e15, rel=2e-4)
    assert theirs["peak_bf16"] == pytest.approx(180e15)
    assert ours["peak_bf16"] / theirs["peak_bf16"] == pytest.approx(1.510, abs=5e-4)
    chip = catalog.load("chip", "ascend_910c").peak_bf16
    assert math.ceil(theirs["peak_bf16"] / chip) == 255
    ratio = chip / catalog.load("chip", "gb200").peak_bf16
    assert ratio == pytest.approx(0.283, abs=5e-4)
    fp16 = 752.0 / 707.8
    assert fp16 * ours["peak_bf16"] / theirs["peak_bf16"] == pytest.approx(
        1.604, abs=1e-3
    )


@pytest.mark.parametrize(
    ("field", "ratio"),
    [
        # 2 x 61.27 GiB against 184.31 GiB; by data sheets 128 and 186 GB, 3.67.
        ("hbm_capacity", 3.546),
        ("hbm_bandwidth", 2.13),
        ("scale_up_bandwidth", 2.32),
        ("scale_out_bandwidth", 5.33),
    ],
)
def test_seed_claim_memory_and_bandwidth_ratios(field, ratio):
    ours, theirs = system_totals("cloudmatrix384"), system_totals("gb200_nvl72")
    assert ours[field] / theirs[field] == pytest.approx(ratio, abs=0.005)


def test_link_modules_of_cloudmatrix_close():
    """Seven modules per scale-up end, four scale-out ends per NPU, 6,912 in all."""
    system = catalog.system("cloudmatrix384")
    published = catalog.published("system", "cloudmatrix384")
    chip = catalog.load("chip", system.chip)
    inner = catalog.load("switch", system.scale_up_switch)
    outer = catalog.load("switch", system.scale_out_switch)
    assert chip.scale_up_bandwidth / inner.module_bandwidth == pytest.approx(7.0)
    assert chip.scale_up_bandwidth / inner.lane_rate == pytest.approx(14.0)
    up = 384 * 2 * chip.scale_up_bandwidth / inner.module_bandwidth
    out = 384 * 2 * 2 * chip.scale_out_bandwidth / outer.module_bandwidth
    assert up == pytest.approx(published["scale_up_modules"].value)
    assert out == pytest.approx(published["scale_out_modules"].value)
    assert up + out == pytest.approx(published["optical_modules"].value)
    assert inner.first_tier_chips * inner.radix == 384


def test_nvswitch_energy_and_count_follow_the_rack():
    switch = catalog.load("switch", "nvswitch5")
    chip = catalog.load("chip", "gb200")
    ports = 72 * chip.scale_up_bandwidth
    assert switch.energy * ports == pytest.approx(18 * 420.0, rel=0.005)
    assert ports / switch.chip_bandwidth == pytest.approx(18.0)


def test_failure_rates_add_up_to_llama_3():
    """Package, board, silent and other rates are the 419 stops less network ones."""
    chip = catalog.load("chip", "h100_sxm").failure_rate
    board = catalog.load("host", "x86_dgx_h100").failure_rate / 8
    odds = catalog.load("reliability", "llama3")
    other = odds.other_failure_rate + odds.corruption_rate
    assert odds.corruption_rate * 3600 == pytest.approx(6 / 21.233664e6, rel=0.005)
    per_gpu_hour = (chip + board + other) * 3600
    assert per_gpu_hour == pytest.approx((419 - 35) / 21.233664e6, rel=0.005)


@pytest.mark.parametrize("name", catalog.names("model"))
def test_parameter_count(name):
    """Embedding and LM head are included, multi-token prediction is not."""
    published = catalog.published("model", name)["parameters"]
    derived = float(parameters(catalog.load("model", name)))
    assert derived == pytest.approx(published.value, rel=0.01)
    assert published.low <= derived <= published.high


@pytest.mark.parametrize("name", ACTIVE)
def test_active_parameter_count(name):
    model = catalog.load("model", name)
    derived = float(active_parameters(model))
    if name not in COUNTS_EMBEDDING:
        derived -= float(embedding_parameters(model))
    published = catalog.published("model", name)["active_parameters"]
    assert derived == pytest.approx(published.value, rel=0.011)


def test_multi_token_prediction_of_deepseek():
    """The card's 14 B of MTP holds copies of embedding and head (1.85 B), ours not."""
    model = catalog.load("model", "deepseek_v3_671b")
    copies = 2 * float(embedding_parameters(model))
    assert float(mtp_parameters(model)) + copies == pytest.approx(14e9, rel=0.05)
