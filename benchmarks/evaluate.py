"""How many exact designs, and how many gradients, one device evaluates per second.

Run `python benchmarks/evaluate.py --json`.  Every report field of every design is used
(summed inside the compiled function), so that the compiler can drop none of the work.
Blocks run side by side as those of `supernode_opt.batch.engine` do.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt import catalog
from supernode_opt.batch.compiler import compiled
from supernode_opt.batch.engine import side_by_side
from supernode_opt.results.versions import versions
from supernode_opt.system.design import CHOICES, Design
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Training

SYSTEM = "cloudmatrix384"
COUNTS = {
    "tensor_parallel": (1, 2, 4, 8, 16),
    "pipeline_parallel": (1, 2, 4, 8, 16),
    "context_parallel": (1, 2, 4),
    "expert_parallel": (1, 2, 4, 8, 16, 32, 64),
    "interleave": (1, 2, 4),
    "micro_batch": (1, 2, 4),
    "scale_up_domain": (8, 16, 48, 72, 384),
}
RANGES = {
    "scale_up_bandwidth": (50e9, 900e9),
    "scale_out_bandwidth": (12.5e9, 100e9),
    "oversubscription": (1.0, 4.0),
    "clock": (0.6, 1.0),
    "coolant_flow": (5e-6, 4e-5),
    "inlet_temperature": (293.0, 318.0),
}
REPLICAS = (1, 2, 4, 8, 16)


def random_designs(count: int, scenario: Scenario, seed: int) -> Design:
    """Draw `count` designs with whole parallel sizes and whole data parallelism."""
    random = np.random.default_rng(seed)
    values = {name: random.choice(sizes, count) for name, sizes in COUNTS.items()}
    for name, (low, high) in RANGES.items():
        values[name] = random.uniform(low, high, count)
    values["chips"] = random.choice(REPLICAS, count)
    for name in ("tensor_parallel", "pipeline_parallel", "context_parallel"):
        values["chips"] = values["chips"] * values[name]
    links = len(scenario.links)
    for name, options in CHOICES.items():
        width = len(options) or links
        values[name] = np.eye(width)[random.integers(width, size=count)].T
    return Design(**{name: jnp.asarray(v, float) for name, v in values.items()})


def in_blocks(designs: Design, block: int) -> list[Design]:
    """Cut fields [..., n * block] into n blocks."""
    count = designs.chips.shape[0]
    return [
        jax.tree.map(lambda field, at=at: field[..., at : at + block], designs)
        for at in range(0, count, block)
    ]


def everything(report: Report) -> Array:
    """Add up every field of a batch of reports.

    Design by design first: a sum of its own over each of a hundred fields would take
    longer than some of the fields.
    """
    fields = jax.tree.leaves(report)
    common = sum((x for x in fields if not x.ndim), start=jnp.zeros(()))
    own = sum((x for x in fields if x.ndim), start=jnp.zeros(()))
    return jnp.sum(jnp.nan_to_num(own)) + jnp.nan_to_num(common)


def values(scenario: Scenario, block: Design) -> tuple[Array, Array, Array]:
    """Return best MFU of a block, its position and the sum of all fields."""
    report = evaluate(block, scenario)
    return jnp.max(report.mfu), jnp.argmax(report.mfu), everything(report)


def gradients(scenario: Scenario, block: Design) -> tuple[Array, Array]:
    """Return best MFU and the sum of its slopes by every design field and weight."""

    def total(block: Design) -> tuple[Array, Array]:
        mfu = evaluate(block, scenario).mfu
        # Designs do not touch each other: the gradient of the sum is each one's own.
        return jnp.sum(mfu), jnp.max(mfu)

    slope, best = jax.grad(total, has_aux=True)(block)
    sums = [jnp.sum(jnp.nan_to_num(leaf)) for leaf in jax.tree.leaves(slope)]
    return best, jnp.stack(sums)


def rate(function: Callable, blocks: list[Design], count: int, seconds: float) -> float:
    """Run `function` for about `seconds`; return designs per second, sustained."""

    def work(order: int) -> None:
        jax.block_until_ready(function(blocks[order]))

    work(0)  # compiles
    runs, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        side_by_side(work, range(len(blocks)))
        runs += 1
    return runs * count / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="deepseek_v3_671b")
    parser.add_argument("--batch", type=int, default=65536)
    parser.add_argument("--block", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.batch % asked.block:
        parser.error(f"--batch must be a multiple of --block ({asked.block})")

    jax.config.update("jax_enable_x64", asked.dtype == "float64")
    training = Training(sequence_length=4096.0, global_batch=4608.0)
    scenario = jax.device_put(catalog.scenario(SYSTEM, asked.model, training))
    designs = in_blocks(random_designs(asked.batch, scenario, asked.seed), asked.block)
    measured = {
        "designs_per_s": partial(compiled(values), scenario),
        "gradients_per_s": partial(compiled(gradients), scenario),
    }
    answer = {
        name: rate(function, designs, asked.batch, asked.seconds)
        for name, function in measured.items()
    }
    answer |= {
        "batch_size": asked.batch,
        "block": asked.block,
        "device": jax.devices()[0].device_kind,
        "model": asked.model,
        "dtype": asked.dtype,
        "versions": versions(),
    }
    if asked.json:
        print(json.dumps(answer))
    else:
        for name in measured:
            print(f"{name}: {answer[name]:,.0f} ({asked.dtype}, {answer['device']})")


if __name__ == "__main__":
    main()
