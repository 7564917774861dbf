"""What the evaluator takes of a machine: its rates, and where the time goes.

    python -m benchmarks.evaluator --out results/evaluator            # five minutes
    python -m benchmarks.evaluator --out results/evaluator --quick

Writes `evaluator.md`, `evaluator.json` and `evaluator.png`.  Rates are of one core, in
processor's seconds, and of all cores on the clock: on a machine that others use only
the first say something.  The roofline takes what XLA counts in the program (operations,
transcendentals, bytes between kernels) and what small probes reach in the same blocks.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from jax import Array

from benchmarks.evaluate import gradients, in_blocks, random_designs, values
from supernode_opt import catalog
from supernode_opt.batch.compiler import compiled
from supernode_opt.batch.engine import side_by_side
from supernode_opt.plot import style
from supernode_opt.system.design import Design
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Training

TRAINING = Training(sequence_length=4096.0, global_batch=4608.0)
JOBS = {
    "dense, 175B": ("dgx_a100", "gpt3_175b"),
    "dense, 405B": ("dgx_h100", "llama3_405b"),
    "experts, 235B": ("gb200_nvl72", "qwen3_235b_a22b"),
    "experts, 671B": ("cloudmatrix384", "deepseek_v3_671b"),
}
USUAL = "experts, 671B"
BLOCKS = (256, 1024, 2048, 4096, 16384)
BLOCK = 2048
FREE = ("clock", "scale_up_bandwidth", "coolant_flow", "inlet_temperature")
FREE += ("scale_out_bandwidth", "oversubscription")
# Multiplications and additions of a probe, one after the other on each number.
_CHAIN = 64


def scenario_of(kind: str) -> Scenario:
    """Return the scenario of one of `JOBS`, on the device."""
    return jax.device_put(catalog.scenario(*JOBS[kind], TRAINING))


def measured(function: Callable, seconds: float, scenario: Any, block: Any) -> dict:
    """Return seconds of a call: of a processor, on the clock, and per core at once."""
    program = compiled(function).lower(scenario, block).compile()
    jax.block_until_ready(program(scenario, block))
    used, took = [], []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(used) < 3:
        of_core, of_clock = time.process_time(), time.perf_counter()
        jax.block_until_ready(program(scenario, block))
        used.append(time.process_time() - of_core)
        took.append(time.perf_counter() - of_clock)

    def work(_: int) -> None:
        jax.block_until_ready(program(scenario, block))

    calls = max(2, round(seconds / min(took)))
    began = time.perf_counter()
    side_by_side(work, range(calls))
    together = (time.perf_counter() - began) / calls
    counted: Any = program.cost_analysis()
    return {
        "core": min(used),
        "clock": min(took),
        "together": together,
        "operations": counted.get("flops", 0.0),
        "transcendentals": counted.get("transcendentals", 0.0),
        "bytes": counted.get("bytes accessed", 0.0),
        "kernels": program.as_text().count(" fusion("),
    }


def slopes_by(names: tuple[str, ...], forward: bool) -> Callable:
    """Return a function that gives a batch's slopes of MFU by `names`."""

    def slopes(scenario: Scenario, block: Design) -> Array:
        numbers = {name: getattr(block, name) for name in names}

        def mfu(moved: dict[str, Array]) -> Array:
            whole = {f: getattr(block, f) for f in Design.__dataclass_fields__}
            return evaluate(Design(**{**whole, **moved}), scenario).mfu

        if not forward:
            found = jax.grad(lambda moved: jnp.sum(mfu(moved)))(numbers)
            return jnp.stack([jnp.sum(found[name]) for name in names])
        sums = []
        for name in names:
            along = {n: jnp.full_like(x, float(n == name)) for n, x in numbers.items()}
            sums.append(jnp.sum(jax.jvp(mfu, (numbers,), (along,))[1]))
        return jnp.stack(sums)

    return slopes


def probes(block: int, seconds: float) -> dict[str, float]:
    """Return what one core reaches in cache: operations, exponentials, bytes a second.

    And `kernel`, the seconds of a kernel that does next to nothing.
    """
    x = jnp.linspace(0.1, 0.9, block)

    def chain(_: None, x: Array) -> Array:
        # Eight at once, so that none waits for the one before.
        parts = [x + 0.01 * k for k in range(8)]
        for _step in range(_CHAIN):
            parts = [part * 0.999 + 0.001 for part in parts]
        return sum(parts, start=jnp.zeros(()))

    def exponentials(_: None, x: Array) -> Array:
        return sum((jnp.exp(x + 0.01 * k) for k in range(16)), start=jnp.zeros(()))

    def small(_: None, x: Array) -> Array:
        # Products keep kernels apart.
        for _step in range(100):
            x = jnp.tensordot(jnp.ones(2), jnp.stack([x, x]), axes=1) * 0.5
        return x

    def moving(_: None, x: Array) -> Array:
        return x + 1.0

    def core(function: Callable, x: Array) -> float:
        return measured(function, seconds, None, x)["core"]

    nothing = core(moving, x[:8])
    wide = jnp.ones(32 * block)
    return {
        "operations": 16.0 * _CHAIN * block / (core(chain, x) - nothing),
        "transcendentals": 16.0 * block / (core(exponentials, x) - nothing),
        "bytes": 16.0 * wide.size / (core(moving, wide) - nothing),
        "kernel": core(small, x[:64]) / 200.0,
    }


def rows_of(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure, and yield one row after the other."""
    blocks = (512, BLOCK) if asked.quick else BLOCKS
    jobs = (USUAL,) if asked.quick else tuple(JOBS)
    plans = [(USUAL, size, what) for size in blocks for what in ("values", "gradients")]
    plans += [
        (k, BLOCK, w) for k in jobs if k != USUAL for w in ("values", "gradients")
    ]
    for count in () if asked.quick else (1, 3, len(FREE)):
        plans += [
            (USUAL, BLOCK, f"{count} forward"),
            (USUAL, BLOCK, f"{count} reverse"),
        ]
    for kind, size, what in plans:
        where = scenario_of(kind)
        designs = random_designs(size, where, seed=0)
        function = {"values": values, "gradients": gradients}.get(what)
        if function is None:
            count, way = what.split()
            function = slopes_by(FREE[: int(count)], way == "forward")
        found = measured(function, asked.seconds, where, in_blocks(designs, size)[0])
        yield {"kind": kind, "block": size, "what": what, **found}


def limits(row: dict[str, Any], probe: dict[str, float]) -> dict[str, float]:
    """Return the least nanoseconds of a core per design, by what would take them."""
    size = row["block"]
    least = {
        name: row[name] / probe[name] / size * 1e9
        for name in ("operations", "transcendentals", "bytes")
    }
    least["kernels begun"] = row["kernels"] * probe["kernel"] / size * 1e9
    return least


def told(rows: list[dict[str, Any]], probe: dict[str, float]) -> str:
    """Return the report as markdown."""
    device = jax.devices()[0]
    lines = [
        "# Rates of the evaluator",
        "",
        f"{device.platform} ({device.device_kind}), float64. A core reaches"
        f" {probe['operations'] / 1e9:.1f} G operations,"
        f" {probe['transcendentals'] / 1e9:.2f} G exponentials and"
        f" {probe['bytes'] / 1e9:.1f} GB a second, and begins a kernel in"
        f" {probe['kernel'] * 1e6:.2f} microseconds.",
        "",
        "`gradients` are slopes of MFU by all fields and weights of a design;"
        " `3 forward` is slopes by three variables in forward mode.",
        "",
        "| job | block | what | one core [k/s] | all cores [k/s] | operations |"
        " transcendentals | bytes | kernels |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        size = row["block"]
        each = (row[name] / size for name in ("operations", "transcendentals", "bytes"))
        rates = (size / row[name] / 1e3 for name in ("core", "together"))
        lines.append(
            f"| {row['kind']} | {size} | {row['what']} | "
            + " | ".join(f"{rate:.0f}" for rate in rates)
            + " | "
            + " | ".join(f"{value:,.0f}" for value in each)
            + f" | {row['kernels']} |"
        )
    lines += ["", "## Where the time of a design goes", ""]
    lines += [
        "Nanoseconds of one core, against what each kind of work would take alone.",
        "",
        "| what | measured | operations | transcendentals | bytes | kernels begun |",
        "|---|---|---|---|---|---|",
    ]
    for row in usual(rows):
        least = limits(row, probe)
        taken = row["core"] / row["block"] * 1e9
        lines.append(
            f"| {row['what']} | {taken:,.0f} | "
            + " | ".join(f"{value:,.0f}" for value in least.values())
            + " |"
        )
    return "\n".join(lines) + "\n"


def usual(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return values and gradients of the usual job in the usual block."""
    return [
        row
        for row in rows
        if (row["kind"], row["block"]) == (USUAL, BLOCK)
        and row["what"] in ("values", "gradients")
    ]


def draw(rows: list[dict[str, Any]], probe: dict[str, float], file: Path) -> None:
    """Draw rates over blocks, and what a design takes against its limits."""
    with style.page(3.5):
        ax = style.axes(None, 5.0)
    figure, grid = style.panels(ax, 2, 1)
    upper = figure.add_subplot(grid[0, 0])
    for order, what in enumerate(("values", "gradients")):
        chosen = [r for r in rows if r["kind"] == USUAL and r["what"] == what]
        sizes = np.array([r["block"] for r in chosen])
        used = np.array([r["core"] for r in chosen])
        upper.plot(sizes, sizes / used / 1e3, marker="os"[order], label=what)
    upper.set_xscale("log", base=2)
    upper.set_ylim(0.0)
    style.dress(upper, "designs in a block", "thousands a second, one core")
    upper.legend(frameon=False, fontsize=style.SMALL)
    lower = figure.add_subplot(grid[1, 0])
    names, bars = [], []
    for row in usual(rows):
        names.append(row["what"])
        least = limits(row, probe)
        bars.append([row["core"] / row["block"] * 1e9, *least.values()])
    labels = ["measured", *limits(rows[0], probe)]
    for order, (name, heights) in enumerate(zip(names, bars, strict=True)):
        places = np.arange(len(labels)) + 0.38 * order
        lower.barh(places, heights, height=0.36, label=name)
    lower.set_yticks(np.arange(len(labels)) + 0.19, labels)
    lower.invert_yaxis()
    style.dress(lower, "nanoseconds of one core per design")
    figure.savefig(file, dpi=style.DPI)
    plt.close(figure)


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seconds", type=float, default=2.0, help="per measurement")
    parser.add_argument("--quick", action="store_true", help="the usual job alone")
    asked = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    asked.out.mkdir(parents=True, exist_ok=True)
    probe, rows = probes(BLOCK, asked.seconds), []
    for row in rows_of(asked):
        rows.append(row)
        print(f"{row['kind']}, {row['block']}, {row['what']}", flush=True)
    text = told(rows, probe)
    (asked.out / "evaluator.md").write_text(text)
    content = json.dumps({"probes": probe, "rows": rows}, indent=1)
    (asked.out / "evaluator.json").write_text(content)
    draw(rows, probe, asked.out / "evaluator.png")
    print(text)


if __name__ == "__main__":
    main()
