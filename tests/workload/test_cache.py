"""Bytes that sequences keep and read, worked by hand from published shapes."""

import jax
import pytest

from supernode_opt import catalog
from supernode_opt.workload.cache import (
    cache_bytes,
    entries_read,
    read_bytes,
    state_channels,
    token_bytes,
)
from supernode_opt.workload.model import Training
from supernode_opt.workload.parameters import (
    index_parameters,
    linear_parameters,
    mixer_parameters,
)
from tests.plain import DENSE

# Bytes per token in BF16: layers x channels x 2.
BYTES = {
    # 61 x (512 + 64) of the latent vector.
    "deepseek_v3_671b": 61 * 576 * 2,
    "pangu_ultra_moe_718b": 61 * 576 * 2,
    "kimi_k2_1t": 61 * 576 * 2,
    "longcat_flash_560b": 56 * 576 * 2,
    # The same, and 128 channels of the indexer's key in FP8 with a scale of 4 bytes.
    "deepseek_v3_2": 61 * (576 * 2 + 132),
    "glm5_744b": 78 * (576 * 2 + 132),
    # Keys and values of all key-value heads: 320 KiB of Llama 3 70B.
    "llama3_70b": 320 * 1024,
    "llama3_8b": 128 * 1024,
    "llama3_405b": 126 * 2 * 8 * 128 * 2,
    "llama2_70b": 320 * 1024,
    "gpt3_175b": 96 * 2 * 12288 * 2,
    "mixtral_8x7b": 32 * 2 * 8 * 128 * 2,
    "qwen3_32b": 64 * 2 * 8 * 128 * 2,
    "qwen3_235b_a22b": 94 * 2 * 4 * 128 * 2,
    "minimax_m2_230b": 62 * 2 * 8 * 128 * 2,
    "pangu_pro_moe_72b": 48 * 2 * 8 * 128 * 2,
    "gpt_oss_120b": 36 * 2 * 8 * 64 * 2,
    # Fifteen of sixty layers have a cache.
    "qwen3_5_397b_a17b": 15 * 2 * 2 * 256 * 2,
    # One key and one value of 256 channels for 64 heads.
    "step3_321b": 61 * 2 * 256 * 2,
    # An entry per 4 tokens in 30 layers, with a key of the indexer, and per 128 in 31.
    "deepseek_v4_pro": 30 / 4 * (512 * 2 + 132) + 31 / 128 * 512 * 2,
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_per_token_are_exact(name):
    assert float(token_bytes(catalog.load("model", name))) == pytest.approx(
        BYTES[name], rel=1e-12
    )


def test_a_byte_per_channel_halves_the_cache():
    model = catalog.load("model", "deepseek_v3_671b")
    assert float(token_bytes(model, 1.0)) == 35136.0
    assert float(cache_bytes(model, 4096.0, 1.0)) == 4096 * 35136.0
    assert float(read_bytes(model, 4096.0, 1.0)) == 4096 * 35136.0


def test_windows_keep_no_more_than_they_see():
    """Of 36 layers of gpt-oss 18 keep all tokens and 18 keep 128."""
    model = catalog.load("model", "gpt_oss_120b")
    wanted = 18 * (8192 + 128) * 2 * 8 * 64 * 2
    assert float(cache_bytes(model, 8192.0)) == wanted
    assert float(read_bytes(model, 8192.0)) == wanted


def test_chunks_keep_no_more_than_they_hold():
    """Of 48 layers of Llama 4 Maverick 36 keep at most 8,192 tokens."""
    model = catalog.load("model", "llama4_maverick_400b")
    per_layer = 2 * 8 * 128 * 2
    assert float(cache_bytes(model, 32768.0)) == per_layer * (12 * 32768 + 36 * 8192)


def test_sparse_layers_keep_all_and_read_what_is_picked():
    """DeepSeek-V3.2 reads 2,048 of 65,536 tokens, and every key of its indexer."""
    model = catalog.load("model", "deepseek_v3_2")
    assert float(cache_bytes(model, 65536.0)) == 61 * 65536 * (1152 + 132)
    assert float(read_bytes(model, 65536.0)) == 61 * (2048 * 1152 + 65536 * 132)
    # Below what is picked all of them are read.
    assert float(entries_read(model, 1024.0)) == 1024.0


def test_compressed_layers_read_entries_and_the_last_tokens():
    """1,024 picked of 16,384 entries in 30 layers, 512 in 31, and 128 in each."""
    model = catalog.load("model", "deepseek_v4_pro")
    entries = 30 * 1024 + 31 * 512 + 61 * 128
    assert 61 * float(entries_read(model, 65536.0)) == pytest.approx(entries)
    kept = 30 * 16384 + 31 * 512 + 61 * 128
    wanted = kept * 512 * 2 + 30 * 16384 * 132
    assert float(cache_bytes(model, 65536.0)) == pytest.approx(wanted)


def test_state_of_linear_attention_does_not_grow():
    """64 matrices of 128 x 128, and three tokens of 12,288 channels, in 45 layers."""
    model = catalog.load("model", "qwen3_5_397b_a17b")
    state = 45 * (64 * 128 * 128 + 3 * 12288)
    assert 60 * float(state_channels(model)) == state
    cached = 15 * 4096 * 2 * 2 * 256 * 2
    assert float(cache_bytes(model, 4096.0, 2.0, 4.0)) == cached + 4 * state
    # Read and written.
    assert float(read_bytes(model, 4096.0, 2.0, 4.0)) == cached + 8 * state


def test_slopes_are_finite():
    slope = jax.grad(lambda context: cache_bytes(DENSE, context))(1024.0)
    assert float(slope) == float(token_bytes(DENSE))


def test_parameters_of_what_mixes_tokens():
    """Qwen3.5: 83.9 M in, 0.5 M of gates, 33.6 M out and 49 k of convolution."""
    model = catalog.load("model", "qwen3_5_397b_a17b")
    linear = 4096 * (4096 + 2 * 8192 + 128) + 12288 * 4 + 8192 * 4096
    assert float(linear_parameters(model)) == linear
    # Queries twice, for their gate, keys and values of two heads, outputs.
    full = 4096 * 256 * (2 * 32 + 2 * 2 + 32)
    assert float(mixer_parameters(model)) == pytest.approx(
        0.75 * linear + 0.25 * full, rel=1e-12
    )
    sparse = catalog.load("model", "deepseek_v3_2")
    index = 1536 * 64 * 128 + 7168 * (128 + 64)
    assert float(index_parameters(sparse)) == index


@pytest.mark.parametrize(
    ("name", "said"),
    [("qwen3_5_397b_a17b", "linear attention"), ("step3_321b", "factored attention")],
)
def test_what_is_not_modelled_is_not_trained(name, said):
    training = Training(sequence_length=4096.0, global_batch=512.0)
    with pytest.raises(ValueError, match=said):
        catalog.scenario("dgx_h100", name, training)
