"""Fits recover the constants that made-up times were made with."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.measure import attention, fits, gemm, rooflines
from supernode_opt.measure.devices import Device
from supernode_opt.measure.findings import find, summary
from supernode_opt.measure.fits import Parameter, Times
from supernode_opt.system.kernels import gemm_roofline
from supernode_opt.system.layer_times import layer_times
from supernode_opt.workload.model import Training
from supernode_opt.workload.operators import Gemms, Split
from supernode_opt.workload.recompute import again
from tests.measure.conftest import made_up

BOX = Device(
    kind="a box",
    platform="gpu",
    count=8,
    memory=80e9,
    memory_source="a fake",
    usable=60e9,
    cache=5e7,
    float8=True,
    chip="",
    alike="dgx_h100",
)
PEAK, BANDWIDTH = 400e12, 2e12


@pytest.mark.parametrize("scatter", [0.0, 0.03])
def test_constants_come_back(scatter):
    made = made_up(PEAK, BANDWIDTH, port=2e11, fp8=2 * PEAK, scatter=scatter)
    found = find(BOX, made, fused=True)
    # Without a data sheet efficiencies count from the best rate that was seen.
    top = found.rates["bfloat16"]
    assert top == pytest.approx(0.8 * PEAK, rel=0.12)
    loose = 3.0 * scatter + 0.02
    wanted = {
        "memory": {"bandwidth": BANDWIDTH},
        "launch": {"gap": 2e-6, "call": 1e-5},
        "attention": {"efficiency": 0.5 * PEAK / top, "tokens": 300.0},
        "collective": {"bandwidth": 2e11, "call": 1e-5},
    }
    for name, constants in wanted.items():
        fit = found.fits[name]
        for constant, value in constants.items():
            assert fit.values[constant] == pytest.approx(value, rel=loose), constant
        assert fit.median < loose


def test_a_gemm_fit_against_a_data_sheet_is_exact():
    made = made_up(PEAK, BANDWIDTH)
    products = [e for e in made if e.section == "gemm"]
    sides = tuple(np.asarray([float(e.sizes[s]) for e in products]) for s in "mnk")
    moved = gemm.moved(*sides, "bfloat16")
    seconds = np.asarray([e.timing.seconds for e in products])
    measured = Times(seconds, np.full(len(seconds), 1e-3))
    fit = rooflines.fit_gemm(sides, moved, PEAK, BANDWIDTH, measured)
    for name, value in {"efficiency": 0.8, "width": 60.0, "tokens": 120.0}.items():
        assert fit.values[name] == pytest.approx(value, rel=0.01)
    assert fit.p90 < 1e-3
    # One quarter of the points, twice as slow, moves nothing far: the fit is robust.
    seconds[::4] *= 2.0
    again = rooflines.fit_gemm(sides, moved, PEAK, BANDWIDTH, measured)
    assert again.values["efficiency"] == pytest.approx(0.8, rel=0.05)
    assert again.p90 > 0.4


@pytest.mark.parametrize("precision", ["bf16", "fp8"])
def test_times_are_those_of_the_model(precision):
    """What is fitted here means the same in the roofline that predicts steps."""
    sides = np.asarray([[64.0, 8192.0, 4096.0], [256.0, 512.0, 16384.0]])
    training = Training(sequence_length=1.0, global_batch=1.0, precision=precision)
    scenario = catalog.scenario("dgx_h100", "llama3_8b", training)
    software = dataclasses.replace(
        scenario.software,
        gemm_efficiency=1.0,
        gemm_width=60.0,
        gemm_tokens=120.0,
        fp8_efficiency=0.7,
    )
    scenario = dataclasses.replace(scenario, software=software)
    chip, one = scenario.chip, np.ones(2)
    gemms = Gemms(("a", "b"), *sides.T, one, 0.0 * one, 0.0 * one, one, one)
    (wanted, *_), _, _ = gemm_roofline(gemms, scenario, 0.7)
    constants = {
        "efficiency": chip.array_efficiency,
        "width": 60.0,
        "tokens": 120.0,
        "offset": 0.0,
    }
    peak, written = chip.peak_bf16, "bfloat16"
    if precision == "fp8":
        peak, written = chip.peak_fp8, "fp8"
        constants["share"] = 0.7
    found = rooflines.gemm_times(
        tuple(sides.T),
        gemm.moved(*sides.T, written),
        0.7 * peak,
        chip.hbm_bandwidth * chip.hbm_efficiency,
        constants,
        0.7 * chip.peak_bf16,
    )
    assert np.asarray(found) == pytest.approx(np.asarray(wanted), rel=1e-9)


@pytest.mark.parametrize("backward", [False, True])
def test_attention_times_are_those_of_the_model(backward):
    lengths, width, heads = (256.0, 8192.0), 64.0, 16.0
    constants = {"efficiency": 0.5, "tokens": 400.0, "traffic": 9.0}
    model = dataclasses.replace(
        catalog.load("model", "llama3_8b"),
        heads=heads,
        kv_heads=heads,
        head_dim=width,
    )
    for length in lengths:
        training = Training(sequence_length=length, global_batch=1.0)
        scenario = catalog.scenario("dgx_h100", model, training)
        software = dataclasses.replace(
            scenario.software,
            attention_efficiency=0.5,
            attention_tokens=400.0,
            score_traffic=9.0,
        )
        scenario = dataclasses.replace(scenario, software=software)
        split = Split(*(np.asarray(x) for x in (1.0, 1.0, 1.0, 0.0, length)))
        nothing = again(jnp.eye(5)[0], scenario.recompute, 0.0)
        wanted, _ = layer_times(scenario, split, nothing, 0.7, np.inf)
        chip = scenario.chip
        timed = rooflines.Attentions(
            flops=attention.flops(1.0, length, width) * heads / attention.HEADS,
            scores=heads * length**2,
            moved=8.0 * heads * length * width,
            length=length,
            channels=width,
            backward=np.asarray(backward),
        )
        found = rooflines.attention_times(
            timed,
            0.7 * chip.peak_bf16,
            chip.hbm_bandwidth * chip.hbm_efficiency,
            chip.softmax_channels,
            constants,
        )
        passes = wanted.attention[0, :2] if backward else wanted.attention[0, :1]
        assert found == pytest.approx(float(np.sum(passes)), rel=1e-9)


@pytest.mark.parametrize("kept", [2, 4])
def test_few_attentions_leave_the_cost_of_short_sequences_open(kept):
    made = made_up(PEAK, BANDWIDTH, attention_tokens=0.0)
    others = [e for e in made if e.section != "attention"]
    few = [e for e in made if e.section == "attention"][:kept]
    fit = find(BOX, [*others, *few], fused=True).fits["attention"]
    # All are of one length: how long it must be to be fast does not show.
    assert set(fit.values) == {"efficiency"}
    assert fit.median < 1e-6


def test_unfused_attention_tells_passes_over_scores_from_arithmetic():
    # The plain kernel's exponentials are in its bytes per score.
    made = made_up(PEAK, BANDWIDTH, attention_efficiency=0.4, traffic=14.0, softmax=0.0)
    found = find(BOX, made, fused=False)
    fit = found.fits["attention"]
    assert found.softmax == 0.0
    assert fit.values["traffic"] == pytest.approx(14.0, rel=0.02)
    assert fit.values["tokens"] == pytest.approx(300.0, rel=0.02)
    shown = summary(found)["attention"]
    assert shown["points"] == 12
    assert shown["median_error"] < 0.01


def test_standard_errors_are_those_of_repeated_measurements():
    """The spread of fits to many noisy copies is what one fit says of itself."""
    random = np.random.default_rng(1)
    lengths = np.linspace(1.0, 4.0, 12)
    values, errors = [], []
    for _ in range(60):
        noisy = lengths / 2.0 * np.exp(0.03 * random.standard_normal(12))
        measured = Times(noisy, np.zeros(12))
        fit = fits.fit(
            lambda p: lengths / p["rate"], {"rate": Parameter(1.0, 0.1, 10.0)}, measured
        )
        values.append(fit.values["rate"])
        errors.append(fit.errors["rate"])
    assert np.mean(values) == pytest.approx(2.0, rel=0.01)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.35)


def test_noisy_points_count_less():
    seconds = np.asarray([1.0, 1.0, 1.0, 1.5])
    for noise, low, high in ((0.0, 1.005, 1.2), (5.0, 0.999, 1.003)):
        measured = Times(seconds, np.asarray([0.0, 0.0, 0.0, noise]))
        fit = fits.fit(
            lambda p: np.full(4, p["time"]),
            {"time": Parameter(2.0, 0.1, 9.0)},
            measured,
        )
        assert low <= fit.values["time"] <= high


def test_a_constant_that_nothing_shows_keeps_a_positive_wide_range():
    fit = fits.Fit({"x": 2.0}, {"x": 1e9}, np.zeros(1), 0.0, 0.0, 1)
    assert fit.range("x", 5.0) == (2.0, pytest.approx(0.2), 5.0)
