"""What serving comes to where terms are taken away: bytes, FLOPs, a forward pass."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.record import replace
from supernode_opt.system.layer_times import layer_times
from supernode_opt.system.parts import total
from supernode_opt.system.serving.decode import decode_costs, decode_pass
from supernode_opt.system.serving.prefill import prefill_costs, prefill_pass
from supernode_opt.system.serving.serve import settings_of
from supernode_opt.workload.model import Training
from supernode_opt.workload.operators import Split
from tests import plain
from tests.system.serving.served import BARE, STACK, design, evaluated, scenario

LENGTH = 4096.0
# What a training stack and a serving stack both have.
SHARED = {
    "gemm_tokens": 70.0,
    "gemm_width": 90.0,
    "expert_tokens": 30.0,
    "attention_efficiency": 0.6,
    "attention_tokens": 300.0,
    "elementwise_traffic": 1.3,
    "routing_traffic": 1.7,
    "gemm_efficiency": 0.8,
}


def setting(where, place=1, **changes):
    """What the pool of prefill (0) or decode (1) shares, of a machine of eight."""
    own = {"chips": 8.0, "scale_up_domain": 8.0, "prefill_tokens": LENGTH, **changes}
    return settings_of(design(where, "dgx_h100", **own), where, jnp.inf, False)[place]


def one_rank(model, **asked):
    asked = {"input_length": LENGTH, "output_length": 64.0, **asked}
    return scenario("dgx_h100", model, BARE, **asked)


@pytest.mark.parametrize("tensor", [1.0, 2.0])
@pytest.mark.parametrize("model", ["llama3_8b", "gpt_oss_20b", "deepseek_v3_671b"])
def test_prefill_of_one_prompt_is_the_forward_pass_of_training(model, tensor):
    """All that differs on purpose is off: launch, latencies, the head."""
    if model != "llama3_8b" and tensor > 1.0:
        pytest.skip("training spreads tokens of experts over tensor ranks")
    where = one_rank(model)
    serving = dataclasses.replace(where.software, **SHARED)
    where = dataclasses.replace(where, software=serving)
    software = dataclasses.replace(plain.SOFTWARE, **SHARED)
    training = Training(sequence_length=LENGTH, global_batch=8.0)
    trained = dataclasses.replace(
        where, training=training, serving=None, software=software
    )
    ours = setting(where, 0, tensor_parallel=tensor)

    @jax.jit
    def both(trained):
        split = Split(tensor, 1.0, 1.0, 0.0, LENGTH)
        clock = ours.design.clock
        times, _ = layer_times(trained, split, plain.repeated(), clock, jnp.inf)
        mine = prefill_pass(prefill_costs(ours), LENGTH).time
        return times.compute[:, 0], total(mine) - mine.head - mine.tensor_parallel

    (dense, sparse), mine = both(trained)
    shape = where.model
    wanted = shape.dense_layers * dense + (shape.layers - shape.dense_layers) * sparse
    assert float(mine) == pytest.approx(float(wanted), rel=1e-9)


@pytest.mark.parametrize("model", ["llama3_8b", "gpt_oss_20b"])
def test_one_request_without_context_takes_the_bytes_it_reads(model):
    """Weights of what it touches over the bandwidth; a vector beside them."""
    where = one_rank(model, input_length=0.0, output_length=0.0)
    software = dataclasses.replace(
        where.software, elementwise_traffic=0.0, routing_traffic=0.0
    )
    where = dataclasses.replace(where, software=software)
    shape, chip = where.model, where.chip
    step = decode_pass(decode_costs(setting(where)), 1.0)
    hidden, query = shape.hidden, shape.heads * shape.head_dim
    keys = 2.0 * shape.kv_heads * shape.head_dim
    each = shape.expert_ffn if shape.experts else shape.ffn
    # Inputs and outputs of every product, and what it multiplies them with.
    products = [(query + keys, hidden, 1.0), (hidden, query, 1.0)]
    count = shape.top_k if shape.experts else 1.0
    products += [(2.0 * each, hidden, count), (hidden, each, count)]
    if shape.experts:
        products.append((shape.experts, hidden, 1.0))
        # Shared experts that it has not are read into all the same, as in training.
        products += [(0.0, hidden, 1.0), (hidden, 0.0, 1.0)]
    read = sum(n * (a * b + a + b) for a, b, n in products) * 2.0 * shape.layers
    read += 2.0 * (shape.vocabulary * hidden + shape.vocabulary + hidden)
    seconds = read / (chip.hbm_bandwidth * chip.hbm_efficiency)
    assert float(total(step.time)) == pytest.approx(seconds, rel=1e-9)
    # Vectors are a thousandth of it; the work has the weights alone.
    assert float(step.work.moved) == pytest.approx(read, rel=2e-3)


def test_boundless_memory_leaves_arithmetic():
    where = one_rank("llama3_8b")
    where = replace(where, "chip.hbm_bandwidth", 1e30)
    where = replace(where, "software.decode_attention_efficiency", 1.0)
    where = replace(where, "software.fp8_attention", 1.0)
    ours = setting(where)
    step = decode_pass(decode_costs(ours), 64.0)
    chip, clock = where.chip, float(ours.design.clock)
    core = 2.0 * 64.0 * (LENGTH + 32.0) * 2.0 * 128.0 * 32.0 * 32.0
    products = float(step.work.flops) - core
    seconds = products / chip.array_efficiency + core
    seconds /= chip.peak_bf16 * clock
    assert float(total(step.time)) == pytest.approx(seconds, rel=1e-9)
    # Two FLOPs per parameter and token, but for norms and the embedding.
    used = 8.03e9 - 128256 * 4096
    assert products == pytest.approx(2.0 * 64.0 * used, rel=1e-3)


def test_expert_parallel_of_one_leaves_no_dispatch():
    where = scenario("dgx_h100", "gpt_oss_20b", STACK)
    one = evaluated(design(where, "dgx_h100", chips=8.0, decode_batch=8.0), where)
    assert float(one.step.expert_parallel) == 0.0
    assert float(one.step.tensor_parallel) == 0.0
    assert float(one.prefill_step.expert_parallel) == 0.0
    split = evaluated(
        design(where, "dgx_h100", chips=8.0, decode_batch=8.0, tensor_parallel=4.0),
        where,
    )
    assert float(split.step.expert_parallel) == 0.0
    assert float(split.step.tensor_parallel) > 0.0
    spread = evaluated(
        design(
            where,
            "dgx_h100",
            chips=8.0,
            decode_batch=8.0,
            attention_data_parallel=4.0,
            expert_parallel=4.0,
        ),
        where,
    )
    assert float(spread.step.expert_parallel) > 0.0


@pytest.mark.parametrize("apart", [0.0, 4.0])
def test_without_answers_there_is_prefill_alone(apart):
    where = scenario("dgx_h100", "gpt_oss_20b", STACK, output_length=0.0)
    plan = {"chips": 8.0, "prefill_chips": apart, "prefill_tokens": 4096.0}
    found = evaluated(design(where, "dgx_h100", **plan), where)
    readers = apart or 8.0
    # A prompt is a full pass.
    seconds = float(total(found.prefill_step))
    assert float(found.requests_per_s) == pytest.approx(readers / seconds, rel=1e-9)
    assert float(found.output_tokens_per_s) == 0.0
    assert np.isfinite(float(found.tpot))
    assert float(found.step.prefill) == 0.0
