"""Published formulae and measurements of single parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import lambertw

from supernode_opt import catalog
from supernode_opt.hardware.thermal import junction, loop_gain
from supernode_opt.record import replace
from supernode_opt.system.kernels import gemm_roofline
from supernode_opt.workload.activations import in_flight, layer_activations
from supernode_opt.workload.flops import token_flops
from supernode_opt.workload.model import Training
from supernode_opt.workload.operators import Gemms, Split
from supernode_opt.workload.parameters import active_parameters
from tests.plain import repeated
from tests.system.designs import scenario

# LLMCompass (ISCA 2024), artifact matmul_A100: M, N = K, milliseconds, half precision.
A100_GEMMS = [
    (64, 12288, 0.19),
    (128, 12288, 0.2003),
    (256, 12288, 0.3185),
    (512, 12288, 0.6118),
    (1024, 12288, 1.199),
    (2048, 12288, 2.3586),
    (4096, 12288, 4.4576),
    (8192, 12288, 8.6216),
    (16384, 12288, 17.0307),
    (32768, 12288, 35.4407),
    (8192, 64, 0.0296),
    (8192, 128, 0.031),
    (8192, 256, 0.0356),
    (8192, 512, 0.0471),
    (8192, 1024, 0.0927),
    (8192, 2048, 0.2818),
    (8192, 4096, 1.021),
    (8192, 8192, 3.9614),
    (8192, 16384, 15.0087),
    (8192, 32768, 61.1346),
]


def test_gemm_times_on_a100():
    """Twenty points within 6 %: no training-step losses, 29.6 us launch."""
    where = scenario("dgx_a100", "gpt3_175b")
    for name, value in (
        ("gemm_efficiency", 1.0),
        ("gemm_tokens", 0.0),
        ("gemm_width", 0.0),
    ):
        where = replace(where, f"software.{name}", value)
    rows, width, milliseconds = jnp.asarray(A100_GEMMS, float).T
    one = jnp.ones_like(rows)
    gemms = Gemms(("",), rows, width, width, one, 0.0 * one, 0.0 * one, one, one)
    # Its own clock: the sweep ran at the power cap, 0.892 of peak in the limit.
    clock = 0.892 / where.chip.array_efficiency
    time = gemm_roofline(gemms, where, clock)[0][0]
    off = (time + 29.6e-6) / (milliseconds * 1e-3) - 1.0
    assert float(jnp.max(jnp.abs(off))) < 0.06


def test_activations_of_korthikanti():
    """arXiv:2205.05198 Table 2: s b h (34 + 5 a s / h) and its divisions."""
    model = catalog.load("model", "gpt3_175b")
    training = Training(sequence_length=2048.0, global_batch=64.0)
    hidden, heads, sequence = model.hidden, model.heads, training.sequence_length
    scores = 5.0 * heads * sequence / hidden
    for tensor, parallel, terms in (
        (1.0, 0.0, 34.0 + scores),
        (8.0, 0.0, 10.0 + 24.0 / 8.0 + scores / 8.0),
        (8.0, 1.0, (34.0 + scores) / 8.0),
    ):
        split = Split(tensor, 1.0, 1.0, parallel, sequence)
        wanted = sequence * hidden * terms
        without = sequence * hidden * (terms - scores / (tensor if tensor > 1 else 1))
        for name, kept in (("none", wanted), ("selective", without)):
            modules = repeated(name, 5.0)
            found = layer_activations(model, training, split, 5.0, modules)
            assert float(found.dense) == pytest.approx(kept, rel=1e-12)
            assert float(found.whole_dense) == pytest.approx(wanted, rel=1e-12)
    split = Split(8.0, 1.0, 1.0, 0.0, sequence)
    found = layer_activations(model, training, split, 5.0, repeated("full", 5.0))
    assert float(found.dense) == 2.0 * sequence * hidden


def test_micro_batches_in_flight():
    """arXiv:2205.05198 section 4.2.3: p, and p (1 + (p - 1) / (p m)) interleaved."""
    assert float(in_flight(8.0, 1.0, 64.0)[0]) == 8.0
    assert float(in_flight(8.0, 3.0, 64.0)[0]) == pytest.approx(8.0 + 7.0 / 3.0)
    assert [float(held) for held in in_flight(8.0, 1.0, 64.0)[1:]] == [7.0, 1.0]
    # arXiv:2104.04473: a rank further on warms up with two chunks less.
    assert float(in_flight(8.0, 3.0, 64.0)[1]) == pytest.approx(8.0 + 5.0 / 3.0)


def test_junction_of_h100():
    """700 W at 0.055 K/W above 35 C inlet: about 73 C."""
    chip = catalog.load("chip", "h100_sxm")
    leakage = chip.leakage_share * chip.tdp
    temperature, leaked, gain = junction(chip, 0.055, 308.15, 700.0 - leakage)
    assert float(temperature) - 273.15 == pytest.approx(73.0, abs=1.5)
    assert float(temperature) == pytest.approx(
        308.15 + 0.055 * (700.0 - leakage + float(leaked)), abs=1e-9
    )
    assert 0.0 < gain < 0.5


def test_loop_gain_is_the_lambert_function():
    x = np.linspace(1e-6, 0.303, 500)
    np.testing.assert_allclose(loop_gain(x), -lambertw(-x).real, rtol=1e-12)
    for at in (1e-4, 0.1, 0.3, 0.31, 3.0):
        step = 1e-6 * at
        slope = (loop_gain(at + step) - loop_gain(at - step)) / (2.0 * step)
        assert float(jax.grad(loop_gain)(at)) == pytest.approx(float(slope), rel=1e-6)


# GFLOP per token as computed from published shapes, causal attention; sequence length.
TOKEN_FLOPS = [
    ("llama3_8b", 8192, 51.5),
    ("pangu_ultra_135b", 4096, 820.3),
]


@pytest.mark.parametrize(("name", "sequence", "gigaflops"), TOKEN_FLOPS)
def test_flops_per_token(name, sequence, gigaflops):
    """Megatron-Bridge and our own count agree to the last printed digit."""
    training = Training(sequence_length=float(sequence), global_batch=1.0)
    found = float(token_flops(catalog.load("model", name), training)) / 1e9
    assert found == pytest.approx(gigaflops, rel=2e-3)


@pytest.mark.parametrize("name", ["llama3_70b", "qwen3_235b_a22b"])
def test_flops_are_six_per_active_parameter(name):
    """Without attention and embedding lookup, forward and backward cost 6 N."""
    model = catalog.load("model", name)
    training = Training(sequence_length=1.0, global_batch=1.0)
    table = model.vocabulary * model.hidden
    wanted = 6.0 * (float(active_parameters(model)) - table)
    assert float(token_flops(model, training)) == pytest.approx(wanted, rel=2e-3)
