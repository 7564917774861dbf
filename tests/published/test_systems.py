"""Published figures of whole systems, reproduced from the catalog's parts."""

import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.record import replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.package import allowed_clock
from supernode_opt.workload.model import Training
from tests.system.designs import as_built, scenario

TRAINING = Training(sequence_length=4096.0, global_batch=2048.0)


def report(system, model="llama3_70b", **changes):
    where = scenario(system, model, TRAINING)
    return evaluate(as_built(system, where, **changes), where)


def published(system, quantity):
    return catalog.published("system", system)[quantity]


def test_cloudmatrix_against_nvl72_in_flops():
    """353.9 TFLOP/s of BF16 per die: 271.8 PFLOP/s; 1.510 times NVL72; 255 chips break
    even.  The 288.8 PFLOP/s, 1.604 times and 240 chips in circulation are FP16.
    """
    large, small = report("cloudmatrix384"), report("gb200_nvl72")
    assert float(large.peak_flops) == pytest.approx(271.8e15, rel=1e-3)
    assert float(large.peak_flops / small.peak_flops) == pytest.approx(1.510, abs=5e-4)
    ours, theirs = catalog.load("chip", "ascend_910c"), catalog.load("chip", "gb200")
    assert np.ceil(small.peak_flops / ours.peak_bf16) == 255
    assert ours.peak_bf16 / theirs.peak_bf16 == pytest.approx(0.283, abs=5e-4)


def test_cloudmatrix_against_nvl72_in_bytes():
    """Ratios of capacity, memory bandwidth, scale-up and scale-out of the systems."""
    ours, theirs = catalog.load("chip", "ascend_910c"), catalog.load("chip", "gb200")
    chips = 384.0 / 72.0
    for field, ratio in (
        # As devices report it; by data sheets 3.67.
        ("hbm_capacity", 3.546),
        ("hbm_bandwidth", 2.13),
        ("scale_up_bandwidth", 2.32),
        ("scale_out_bandwidth", 5.33),
    ):
        found = chips * getattr(ours, field) / getattr(theirs, field)
        assert found == pytest.approx(ratio, abs=6e-3), field


def test_optical_modules_of_cloudmatrix():
    """14 and 4 per chip, from port widths, lanes and tiers."""
    built = report("cloudmatrix384")
    for quantity in ("scale_up_modules", "scale_out_modules", "optical_modules"):
        wanted = published("cloudmatrix384", quantity).value
        assert float(getattr(built, quantity)) == pytest.approx(wanted, abs=0.5)
    assert wanted == 6912


def test_switch_chips_of_cloudmatrix():
    """Seven planes: one chip per plane and board, sixteen per plane above them."""
    built = report("cloudmatrix384")
    assert float(built.scale_up_lanes) == pytest.approx(14.0)
    assert float(built.scale_up_leaf_chips) == pytest.approx(336.0)
    assert float(built.scale_up_spine_chips) == pytest.approx(112.0)


@pytest.mark.parametrize(
    ("system", "chips"),
    [
        ("gb200_nvl72", 18.0),
        ("dgx_h100", 4.0),
        ("hgx_b200", 2.0),
        ("vera_rubin_nvl72", 36.0),
    ],
)
def test_switch_chips_of_one_tier(system, chips):
    built = report(system)
    assert float(built.scale_up_leaf_chips) == pytest.approx(chips)
    assert float(built.scale_up_spine_chips) == 0.0


def test_circuit_switches_of_tpu_v4():
    """arXiv:2304.01433: a quarter of a cube's link ends leave it, to 48 switches."""
    built = report("tpu_v4_pod")
    assert float(built.scale_up_leaf_chips) == pytest.approx(48.0)
    assert float(built.scale_up_short_fraction) == pytest.approx(0.75)
    ends = 4096.0 * 6.0 / 4.0
    assert float(built.optical_modules - built.scale_out_modules) == ends
    assert built.power_parts.scale_up_switches < 0.03 * built.power


@pytest.mark.parametrize(
    ("system", "cubes"), [("tpu_v5p_pod", 140), ("tpu_v7x_pod", 144)]
)
def test_every_fibre_of_a_cube_has_one_module(system, cubes):
    """Six faces of sixteen chips: 96 fibres leave a cube, whatever a link carries."""
    built = report(system)
    ends = float(built.optical_modules - built.scale_out_modules)
    assert ends == pytest.approx(96.0 * cubes)
    assert float(built.scale_up_leaf_chips) == pytest.approx(96.0 * cubes / 128.0)


@pytest.mark.parametrize(
    ("chip", "host", "total"),
    [("tpu_v5e", "tpu_host_eight", 200.0), ("tpu_v6e", "tpu_host_eight", 800.0)],
)
def test_network_of_a_tpu_host(chip, host, total):
    """cloud.google.com: two 100 Gb/s interfaces for eight v5e, four of 200 for v6e."""
    boards = catalog.load("host", host).chips_per_board
    rate = catalog.load("chip", chip).scale_out_bandwidth
    assert boards * rate * 8.0 / 1e9 == pytest.approx(total)


def test_optics_of_cloudmatrix_by_technology():
    """LPO to CPO saves 8-9 kW of scale-up optics, DSP to LPO about 21 kW."""
    watts = {
        name: float(
            report("cloudmatrix384", scale_up_link=name).power_parts.scale_up_links
        )
        for name in ("dsp", "lpo", "cpo")
    }
    assert watts["lpo"] == pytest.approx(21.5e3, rel=0.01)
    assert 8e3 < watts["lpo"] - watts["cpo"] < 9e3
    assert watts["dsp"] - watts["lpo"] == pytest.approx(21.5e3, rel=0.1)


def test_crossing_the_second_tier_of_cloudmatrix():
    """arXiv:2506.12708v2 Table 1: to another board takes 0.7-0.8 us longer."""
    far = report("cloudmatrix384").scale_up_latency
    near = report("cloudmatrix384", scale_up_domain=8.0).scale_up_latency
    assert 0.7e-6 < far - near < 0.86e-6


def test_atlas_950_spans_what_its_keynote_says():
    """128 compute racks on 1,000 m2: links within 200 m, a path within 2.1 us."""
    built = report("atlas_950_superpod")
    known = catalog.published("system", "atlas_950_superpod")
    assert float(built.racks) == known["compute_racks"].value
    assert float(built.scale_up_span) < known["optical_reach"].value
    assert 0.5 < float(built.scale_up_latency) / known["latency"].value < 1.0


def test_copper_rack_has_no_optical_modules_in_its_domain():
    built = report("gb200_nvl72")
    assert built.optical_modules == built.scale_out_modules


@pytest.mark.parametrize(
    ("system", "low", "high"),
    [
        ("cloudmatrix384", 461e3, 601e3),
        ("gb200_nvl72", 105e3, 135e3),
        ("vera_rubin_nvl72", 180e3, 230e3),
    ],
)
def test_bottom_up_power(system, low, high):
    assert low < report(system).power < high


def test_power_of_one_board():
    """DGX H100: 10.2 kW at most; measured nodes draw 5 to 10 % less than that."""
    power = report("dgx_h100", tensor_parallel=8.0, sequence_parallel="on").power
    assert float(power) == pytest.approx(published("dgx_h100", "power").value, rel=0.1)


def test_optics_in_the_rack_would_cost_twenty_kilowatts():
    """72 x 900 GB/s x 2 ends x 20 pJ/bit = 20.7 kW; NVIDIA says about 20 kW."""
    where = scenario("gb200_nvl72", "llama3_70b", TRAINING)
    optics = [link.name for link in where.links].index("dsp")
    exact = where.links[optics].energy / (20e-12 * 8.0)
    added = report("gb200_nvl72", scale_up_link="dsp").power_parts.scale_up_links
    assert float(added) == pytest.approx(20.7e3 * exact, rel=2e-3)
    assert report("gb200_nvl72").power_parts.scale_up_links == 0.0


def test_warm_water_holds_vera_rubin():
    """NVIDIA: water of 45 degC; 2,050 W then leave no margin below 85 degC."""
    built = report("vera_rubin_nvl72", inlet_temperature=318.15)
    assert 0.95 < float(built.junction_fraction) < 1.0


def test_coolant_rise_is_fourteen_kelvin_per_kilowatt():
    """14.4 K for 1 kW into 1 L/min of water."""
    built = report("gb200_nvl72", coolant_flow=1e-3 / 60.0)
    rise = built.coolant_outlet_temperature - as_built("gb200_nvl72").inlet_temperature
    assert float(rise / (built.chip_power / 1e3)) == pytest.approx(14.4, rel=0.01)


def test_failures_of_llama_3():
    """arXiv:2407.21783: 16,384 H100 stop every 3.1 h, compute 90 %; 384 after 132 h."""
    built = report("dgx_h100", "llama3_405b", chips=16384.0)
    assert float(built.mtbf) / 3600.0 == pytest.approx(3.1, rel=0.1)
    assert float(built.goodput) == pytest.approx(0.90, abs=0.02)
    few = report("dgx_h100", "llama3_405b", chips=384.0)
    assert float(few.mtbf) / 3600.0 == pytest.approx(132.0, rel=0.1)


@pytest.mark.parametrize("system", ["gb200_nvl72", "hgx_b200"])
def test_power_buys_little_speed(system):
    """Capped GEMMs of B200 and GB200: 1.20 times the power, 1.075 times the rate."""
    where = scenario(system, "llama3_70b", TRAINING)
    design = as_built(system, where)
    less = allowed_clock(design, replace(where, "chip.power_cap", 1.0 / 1.2))
    bought = float(allowed_clock(design, where) / less)
    assert bought == pytest.approx(1.075, abs=0.03)


def test_price_of_a_cloudmatrix_and_of_a_rack():
    """8.2 M USD (Financial Times) without spares, building, upkeep and energy."""
    for system in ("cloudmatrix384", "gb200_nvl72", "vera_rubin_nvl72"):
        parts = vars(report(system).cost_parts)
        left_out = ("spares", "facility", "financing", "maintenance", "energy")
        price = sum(float(v) for name, v in parts.items() if name not in left_out)
        known = published(system, "price")
        assert 0.99 * known.low <= price <= known.high


@pytest.mark.parametrize(
    ("interleave", "bubble"), [(1.0, 0.3045), (6.0, 0.068)], ids=["plain", "six"]
)
def test_bubble_of_pangu_ultra(interleave, bubble):
    """arXiv:2504.07866: TP8 PP8 DP128 on 8,192 chips, batch 2,048."""
    assert pangu(interleave).bubble_fraction == pytest.approx(bubble, abs=1e-3)


def test_mfu_of_pangu_ultra():
    """arXiv:2504.07866: 43 % without interleave, above 50 % (52 %) with six chunks.

    Predicted without a fit to it, and short of both: by 8 points with six chunks, just
    above the calibration's 90 % range, and by 11 points without interleave.  The paper
    prints neither formula nor peak of its MFU.
    """
    interleaved, plain = float(pangu(6.0).mfu), float(pangu(1.0).mfu)
    assert 0.52 - interleaved == pytest.approx(0.076, abs=0.006)
    assert 0.43 - plain == pytest.approx(0.114, abs=0.006)
    assert interleaved / plain > 52.0 / 43.0


def pangu(interleave):
    training = Training(
        sequence_length=4096.0, global_batch=2048.0, attention_flops="full"
    )
    where = scenario("atlas_900_a2", "pangu_ultra_135b", training)
    design = as_built(
        "atlas_900_a2",
        where,
        chips=8192.0,
        tensor_parallel=8.0,
        pipeline_parallel=8.0,
        interleave=interleave,
        sequence_parallel="on",
    )
    return evaluate(design, where)
