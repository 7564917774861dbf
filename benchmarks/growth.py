"""Seconds, evaluations, memory and gap of the search from 1e3 to 1e9 candidates.

    python -m benchmarks.growth --out results/growth

One question, whose boxes grow: the best supernode for one model within a power budget.
Every search is a process of its own, whose largest memory is told; programs are read
from disk, after a first one that compiles them.  What was run is in `journal.jsonl`, so
that the same command goes on where it was stopped.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.contest.journal import Journal, Record

ROOT = Path(__file__).parents[1]
BASE: dict[str, Any] = {
    "system": "cloudmatrix384",
    "model": "pangu_ultra_moe_718b",
    "training": {"sequence_length": 4096, "global_batch": 4608, "precision": "bf16"},
    "design": {
        "chips": 384,
        "context_parallel": 1,
        "tensor_parallel": {"low": 1, "high": 4},
        "pipeline_parallel": {"low": 1, "high": 8},
        "expert_parallel": {"low": 8, "high": 64},
        "interleave": 1,
        "micro_batch": 1,
        "recompute": ["none", "selective", "full"],
        "clock": "free",
        "coolant_flow": "free",
        "scale_up_bandwidth": {"low": "56 GB/s", "high": "784 GB/s"},
        "scale_out_bandwidth": {"low": "12.5 GB/s", "high": "100 GB/s"},
    },
    "objective": {"maximize": "mfu"},
    "constraints": {"power": {"at_most": "559 kW"}},
}
LINKS = {
    "scale_up_link": ["copper", "aec", "lpo", "dsp", "cpo"],
    "scale_out_link": ["lpo", "dsp", "cpo"],
}
# What is freed beside the step before: about ten times the candidates each.
STEPS: tuple[dict[str, Any], ...] = (
    {},
    {"interleave": {"low": 1, "high": 8}, "micro_batch": {"low": 1, "high": 4}},
    {"scale_up_domain": {"low": 8, "high": 384}},
    LINKS,
    {"chips": {"low": 128, "high": 512, "step": 32}},
    {
        "tensor_parallel": {"low": 1, "high": 16},
        "pipeline_parallel": {"low": 1, "high": 61},
        "interleave": {"low": 1, "high": 61},
        "expert_parallel": {"low": 1, "high": 256},
    },
    {"chips": {"low": 64, "high": 1024, "step": 16}, "context_parallel": "free"},
    {"chips": {"low": 16, "high": 4096, "step": 16}, "micro_batch": "free"},
    {"recompute": "free", "scale_up_domain": {"low": 8, "high": 1024}},
)
_ONE = """
import json, resource, sys, time
from pathlib import Path
import jax
jax.config.update("jax_enable_x64", True)
from supernode_opt.config.study import load
from supernode_opt.search.solve import optimize
study = load(Path(sys.argv[1]))
began = time.process_time(), time.perf_counter()
found = optimize(study.problem, study.settings, 0)
told = found.certificate
print(json.dumps({
    "seconds": time.process_time() - began[0],
    "wall": time.perf_counter() - began[1],
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "status": found.status,
    "evaluations": found.evaluations,
    "candidates": told.get("candidates"),
    "gap": told.get("gap"),
    "objective": float(getattr(found.report, study.problem.objective.name)),
}))
"""


def question(step: int) -> dict[str, Any]:
    """Return the study after so many steps of growth."""
    made = copy.deepcopy(BASE)
    for freed in STEPS[: step + 1]:
        made["design"].update(copy.deepcopy(freed))
    return made


def searched(step: int, folder: Path, limit: float) -> Record | None:
    """Search one study in a process of its own; `None` where it takes too long."""
    file = folder / f"growth_{step}.yaml"
    file.write_text(yaml.safe_dump(question(step)), encoding="utf-8")
    own = {"PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _ONE, str(file)],
            env=os.environ | own,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return None
    return json.loads(done.stdout)


def table(records: dict[str, Record]) -> str:
    """Return what was measured as markdown."""
    lines = [
        "# The search as spaces grow",
        "",
        f"Made by `python -m benchmarks.growth` on {time.strftime('%Y-%m-%d')}. One"
        " question with ever wider boxes; seconds are the processor's, in a process of"
        " its own that reads its programs from disk.",
        "",
        "| candidates | seconds | wall | evaluations | peak memory | status | gap |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in range(len(STEPS)):
        one = records.get(f"step {step}")
        if one is None:
            continue
        if "status" not in one:
            lines.append(f"| step {step} | over {one['limit']:.0f} | | | | | |")
            continue
        gap = "" if one["gap"] is None else f"{100 * one['gap']:.3f} %"
        lines.append(
            f"| {one['candidates']:,} | {one['seconds']:.1f} | {one['wall']:.1f} |"
            f" {one['evaluations']:,} | {one['peak'] / 1e9:.2f} GB | {one['status']} |"
            f" {gap} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing and write `growth.md`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("results/growth"))
    parser.add_argument("--limit", type=float, default=900.0, help="of one search [s]")
    parser.add_argument("--steps", type=int, default=len(STEPS))
    asked = parser.parse_args()
    journal = Journal(asked.out / "journal.jsonl")
    warmed = False
    for step in range(asked.steps):
        key = f"step {step}"
        if key in journal:
            continue
        if not warmed:
            searched(0, asked.out, asked.limit)
            warmed = True
        found = searched(step, asked.out, asked.limit)
        journal.add(key, found or {"limit": asked.limit})
        print(journal.records[key], flush=True)
    (asked.out / "growth.md").write_text(table(journal.records), encoding="utf-8")


if __name__ == "__main__":
    main()
