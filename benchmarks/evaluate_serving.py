"""How many exact designs that serve one device evaluates per second.

Run `python benchmarks/evaluate_serving.py --json`.  Once with the batch given, once
with the batch solved inside from a limit on the time per token.  Every field of every
report is used, as by `benchmarks/evaluate.py`, whose blocks and threads these are.
"""

import argparse
import dataclasses
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.evaluate import RANGES, everything, in_blocks, rate
from supernode_opt import catalog
from supernode_opt.batch.compiler import compiled
from supernode_opt.results.versions import versions
from supernode_opt.system.design import (
    CHOICES,
    SERVING_NUMBERS,
    TRAINING_ALONE,
    Design,
    assemble,
)
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.workload.model import Training
from supernode_opt.workload.serving import Serving

SYSTEM = "cloudmatrix384"
SIZES = {
    "tensor_parallel": (1, 2, 4),
    "attention_data_parallel": (1, 4, 16, 64),
    "pipeline_parallel": (1, 1, 2),
    "prefill_tensor_parallel": (1, 2, 4),
    "prefill_attention_data_parallel": (1, 4, 16),
    "prefill_pipeline_parallel": (1, 1, 2),
    "draft_tokens": (0, 1, 2),
    "redundant_experts": (0, 32),
    "prefill_tokens": (2048, 8192, 16384),
    "scale_up_domain": (8, 72, 384),
}
COPIES = (1, 2, 4)
STACK = ServingStack(
    memory_efficiency=0.9,
    gemm_efficiency=0.75,
    launch_time=2e-6,
    kernel_time=40e-6,
    collective_latency=6e-6,
    request_time=10e-6,
    step_time=1e-3,
)


def scenario(model: str) -> Scenario:
    """Return a machine that serves 4,096 tokens in and 1,024 out within 50 ms."""
    training = Training(sequence_length=4096.0, global_batch=4608.0)
    where = catalog.scenario(SYSTEM, model, training)
    serving = Serving(
        input_length=4096.0,
        output_length=1024.0,
        tpot_limit=0.05,
        weight_precision="int8",
    )
    return dataclasses.replace(where, training=None, serving=serving, software=STACK)


def random_designs(count: int, where: Scenario, seed: int, batch: float) -> Design:
    """Draw `count` designs with whole sizes; `batch` of 0 is solved for."""
    random = np.random.default_rng(seed)
    values = {name: random.choice(sizes, count) for name, sizes in SIZES.items()}
    for name, (low, high) in RANGES.items():
        values[name] = random.uniform(low, high, count)
    ours = values["tensor_parallel"] * values["attention_data_parallel"]
    theirs = values["prefill_tensor_parallel"]
    theirs = theirs * values["prefill_attention_data_parallel"]
    whole = random.integers(0, 2, count) > 0
    values["expert_parallel"] = np.where(whole, ours, 1)
    values["prefill_expert_parallel"] = np.where(whole, theirs, 1)
    apart = random.integers(0, 2, count)
    read = apart * theirs * values["prefill_pipeline_parallel"]
    values["prefill_chips"] = read * random.choice(COPIES, count)
    write = ours * values["pipeline_parallel"] * random.choice(COPIES, count)
    values["chips"] = values["prefill_chips"] + write
    values["decode_batch"] = np.full(count, batch)
    for name in ("context_parallel", "interleave", "micro_batch"):
        values[name] = np.full(count, TRAINING_ALONE[name])
    links = len(where.links)
    weights = {}
    for name in (*CHOICES, "dual_batch"):
        width = len(CHOICES.get(name, (0, 1))) or links
        weights[name] = np.eye(width)[random.integers(width, size=count)].T
    assert set(SERVING_NUMBERS) <= set(values)
    numbers, choices = (
        {name: jnp.asarray(v, float) for name, v in some.items()}
        for some in (values, weights)
    )
    return assemble(numbers, choices)


def values(where: Scenario, block: Design) -> tuple[Array, Array]:
    """Return the best throughput of a block and the sum of all fields."""
    report = evaluate(block, where)
    return jnp.max(report.output_tokens_per_s), everything(report)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="deepseek_v3_671b")
    parser.add_argument("--designs", type=int, default=65536)
    parser.add_argument("--block", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.designs % asked.block:
        parser.error(f"--designs must be a multiple of --block ({asked.block})")
    jax.config.update("jax_enable_x64", True)
    where = jax.device_put(scenario(asked.model))
    answer = {}
    for name, batch in (("given_per_s", 32.0), ("solved_per_s", 0.0)):
        designs = random_designs(asked.designs, where, asked.seed, batch)
        blocks = in_blocks(designs, asked.block)
        function = partial(compiled(values), where)
        answer[name] = rate(function, blocks, asked.designs, asked.seconds)
    answer |= {
        "designs": asked.designs,
        "block": asked.block,
        "device": jax.devices()[0].device_kind,
        "model": asked.model,
        "versions": versions(),
    }
    if asked.json:
        print(json.dumps(answer))
    else:
        for name in ("given_per_s", "solved_per_s"):
            print(f"{name}: {answer[name]:,.0f} ({answer['device']})")


if __name__ == "__main__":
    main()
