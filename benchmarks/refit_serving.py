"""Refit of the serving stacks that come with the package.

    python benchmarks/refit_serving.py published.csv engines.csv

fits every constant on tables that are not shipped and writes what it finds where the
package reads it: the posterior with its covariance, and one catalog entry per stack.
Every model, and every machine, is left out once; what is left of the rows that a fit
has not seen is the spread that ranges are made of.
"""

import argparse
import dataclasses
import datetime
import json
import re
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration import written
from supernode_opt.calibration.serving.constants import CEILINGS, CONSTANTS
from supernode_opt.calibration.serving.fit import ITERATIONS, QUIET, fit, noise
from supernode_opt.calibration.serving.job import Job
from supernode_opt.calibration.serving.judge import measured_of
from supernode_opt.calibration.serving.posterior import (
    QUANTITIES,
    SHIPPED,
    Posterior,
    constants_of,
    plain,
    shipped,
)
from supernode_opt.calibration.serving.predict import Table, predict, table
from supernode_opt.calibration.serving.stacks import GENERIC, NAMES
from supernode_opt.calibration.serving.tables import jobs_of, read
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.units import quantities

_PACKAGE = Path(str(resources.files("supernode_opt")))
_NINETY = 1.645
# Steps from the fit to all rows after which one without some of them has settled.
_AGAIN, _SETTLES = 2, 4
# Rows from which a label is worth leaving out.
_LEFT_OUT = 2
# What a stack is, and of when the rows are that tell of it.
NOTES = {
    GENERIC: "No stack in particular: what all of them have in common.",
    "cloudmatrix_infer": "CloudMatrix-Infer and xDeepServe on Ascend 910C, 2025-06.",
    "deepseek": "DeepSeek's own engine, profiles published in 2025-02.",
    "ant_sglang": "SGLang as Ant Group runs it on H20, 2025-09.",
    "sglang": "SGLang 0.5, 2025-05 to 2026-04; reads prompts before it decodes.",
    "sglang_large_scale": "SGLang over many expert ranks, at the engine, 2025-05 to"
    " 2025-09.",
    "vllm": "vLLM 0.12 to 0.19, 2025-10 to 2026-04.",
    "tensorrt_llm": "TensorRT-LLM 1.0 to 1.3, 2025-06 to 2026-03.",
}


def broken(job: Job) -> str:
    """Say why a row of an engine's benchmark is not fitted, "" if it is.

    The same cell twice with time per token in a ratio of 1.5 to 2 tells drafts that the
    table does not; others are eager, capped in flight, or hit a cache of prefixes.
    """
    row, first = job.row, job.layouts[0]
    if "model_path" not in row.cells:
        return ""
    source, version = row.text("silicon_data_source"), row.text("backend_version")
    vendor = "harrli" in source or "auto-gap" in source
    collected = "db-dump" in source
    found = re.search(r"measured=([\d-]+)", source)
    when = found[1] if found else ""
    deepseek, tensor = "deepseek" in job.called, job.stack == "tensorrt_llm"
    b200 = job.machine == "hgx_b200"
    if row.text("mode") != "agg" and not collected:
        return "pools of unknown size"
    plain = job.precision == "fp8" and b200 and first.expert == 1.0
    late = "post3" in version or when == "2026-01-14"
    sglang = job.stack == "sglang" and version == "0.5.9"
    drafted = deepseek and not collected and ((tensor and late) or (sglang and plain))
    hybrid = job.called.startswith("qwen3_5") and plain and first.chips == 4.0
    if drafted or hybrid:
        return "drafts that are not told"
    if job.called == "gpt_oss_120b" and (
        vendor or (job.machine == "dgx_h100" and job.under_way >= 512.0)
    ):
        return "eager, or capped in flight"
    if deepseek and tensor and vendor and (job.measured.tpot or 0.0) > 0.08:
        return "eager"
    if job.machine == "gb200_nvl72" and (vendor or first.chips == 1.0):
        return "pools written as one engine"
    b300 = job.machine == "hgx_b300" and deepseek and job.stack == "sglang"
    if b300 and row.text("isl") == "8192":
        return "prefill not tuned"
    if vendor and job.stack == "vllm" and job.precision == "fp8":
        return "hits of a prefix cache"
    cell = row.text("isl"), row.text("osl")
    if vendor and cell == ("4000", "1000") and job.called != "llama3_8b":
        return "requests at once are not told"
    return ""


def cold(job: Job) -> bool:
    """Tell whether first tokens of a row are of a server that had not warmed up."""
    row = job.row
    if "model_path" not in row.cells:
        return False
    found = re.search(r"measured=([\d-]+)", row.text("silicon_data_source"))
    when = found[1] if found else ""
    tensor = job.stack == "tensorrt_llm"
    if row.text("mode") != "agg" or (job.called == "llama3_8b" and tensor):
        return True
    short = row.text("isl") == "1024" == row.text("osl")
    if job.called == "llama3_70b" and tensor and short and job.layouts[0].chips < 8.0:
        return True
    if "deepseek" not in job.called or job.stack != "sglang":
        return False
    late = (job.measured.ttft or 0.0) > 1.0 and job.under_way <= 16.0
    return late or "2025-11-01" < when < "2025-11-20"


def chosen(paths: Sequence[Path]) -> tuple[Job, ...]:
    """Return the rows of tables that may be fitted, each run once."""
    jobs = [job for path in paths for job in jobs_of(read(path))[0]]
    # Of a run that several exporters have, the database's row is right.
    jobs.sort(key=lambda job: "db-dump" not in job.row.text("silicon_data_source"))
    kept, seen = [], set()
    for job in jobs:
        if broken(job):
            continue
        cells = ("mode", "isl", "osl")
        key = (
            *(job.called, job.machine, job.stack, job.precision, job.under_way),
            *(job.row.text(cell) for cell in cells),
            round(1e6 * (job.measured.tpot or 0.0)),
        )
        if "model_path" in job.row.cells and key in seen:
            continue
        seen.add(key)
        kept.append(dataclasses.replace(job, trusted=("tpot",)) if cold(job) else job)
    return tuple(kept)


def residuals(stacked: Table, posterior: Posterior) -> dict[str, NDArray]:
    """Return logarithms of prediction over measurement, of what may be trusted."""
    jobs = stacked.jobs
    mean = {name: constants_of(posterior, name)[0] for name in {j.stack for j in jobs}}
    found, batches = predict(stacked, np.stack([mean[job.stack] for job in jobs]))
    measured, left = measured_of(jobs), {}
    for name in QUANTITIES:
        told = np.log(getattr(found, name) / measured[name])
        may = np.asarray([name in job.trusted for job in jobs])
        if name == "ttft":
            may &= batches[found.case] <= QUIET
        left[name] = np.where(may, told, np.nan)
    return left


def held_out(
    stacked: Table, whole: Posterior, labels: Sequence[str]
) -> dict[str, NDArray]:
    """Return residuals of every row by a fit that has not seen its label."""
    left = {name: np.full(len(labels), np.nan) for name in QUANTITIES}
    for label in sorted(set(labels)):
        out = np.asarray([one == label for one in labels])
        if out.sum() < _LEFT_OUT:
            continue
        fitted = fit(stacked, whole, weights=1.0 - out, iterations=_AGAIN)
        for name, value in residuals(stacked, fitted).items():
            left[name][out] = value[out]
        print(f"left out {label}: {out.sum()} rows", file=sys.stderr, flush=True)
    return left


def scores(jobs: Sequence[Job], left: dict[str, NDArray]) -> dict[str, str]:
    """Return median and ninetieth percentile of errors by kind and phase."""
    found = {}
    for name in QUANTITIES:
        for key in sorted({(job.kind, job.phase) for job in jobs}):
            own = np.asarray([(job.kind, job.phase) == key for job in jobs])
            size = np.abs(np.expm1(left[name][own & np.isfinite(left[name])]))
            if len(size):
                middle, most = 100 * np.median(size), 100 * np.quantile(size, 0.9)
                found[f"{name} {' '.join(key)}"] = (
                    f"{len(size)} rows, median {middle:.1f} %, p90 {most:.1f} %"
                )
    return found


def entries(posterior: Posterior, jobs: Sequence[Job], told: str) -> str:
    """Return the catalog file of all stacks."""
    units = {field: declared.unit for field, declared in quantities(ServingStack)}

    def numbers(stack: str, names: Sequence[str], source: str) -> list[str]:
        mean, covariance = constants_of(posterior, stack)
        lines = []
        for i, one in enumerate(CONSTANTS):
            if one.name not in names:
                continue
            half = _NINETY * covariance[i, i] ** 0.5
            ends = (np.exp(mean[i] + step) for step in (0.0, -half, half))
            number = written.number(
                ends, units[one.name], source, most=CEILINGS.get(one.name)
            )
            words = ", ".join(
                f"{k}: {json.dumps(v) if k in ('unit', 'source') else v}"
                for k, v in number.items()
            )
            lines.append(f"{one.name}: {{{words}}}")
        return lines

    shared = [one.name for one in CONSTANTS if not one.stack]
    own = [one.name for one in CONSTANTS if one.stack]
    text = [
        "# Serving stacks.  Written by the calibration (benchmarks/refit_serving.py);",
        "# ranges are 5-95 % of the posterior, whose covariance is in",
        "# calibration/serving/posterior.json.",
        "sources:",
        f"  fit: {json.dumps(told)}",
        '  prior: "no row of this stack was fitted: what all stacks share, and how'
        ' far they scatter"',
        "",
        "shared:",
        "  common: &common",
        *(f"    {line}" for line in numbers(GENERIC, shared, "fit")),
    ]
    fitted = {job.stack for job in jobs}
    for stack in (GENERIC, *(name for name in NAMES if name != GENERIC)):
        rows = sum(job.stack == stack and bool(job.trusted) for job in jobs)
        if stack != GENERIC and stack not in NOTES:
            continue
        source = "fit" if stack in fitted and rows else "prior"
        note = f"{NOTES[stack]} {rows} rows fitted."
        text += ["", f"{stack}:", "  <<: *common", f"  notes: {json.dumps(note)}"]
        text += [f"  {line}" for line in numbers(stack, own, source)]
    return "\n".join(text) + "\n"


def main() -> None:
    """Fit, leave out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--quick", action="store_true", help="leave nothing out")
    parser.add_argument("--again", action="store_true", help="begin where it stands")
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    jobs = chosen(given.tables)
    stacked = table(jobs)
    print(f"{len(jobs)} rows, {len(stacked.owner)} cases", file=sys.stderr, flush=True)
    whole = fit(
        stacked,
        shipped() if given.again else None,
        iterations=_SETTLES if given.again else ITERATIONS,
        show=lambda done: print(f"{done:.2f}", file=sys.stderr),
    )
    every = np.ones(len(jobs), bool)
    left = residuals(stacked, whole)
    about: dict[str, Any] = {"in_sample": scores(jobs, left)}
    if not given.quick:
        by = {
            "held_out_by_model": [job.called for job in jobs],
            "held_out_by_machine": [job.machine for job in jobs],
        }
        out = {name: held_out(stacked, whole, labels) for name, labels in by.items()}
        about |= {name: scores(jobs, one) for name, one in out.items()}
        spread = [noise(jobs, one, every) for one in out.values()]
        # A row that is to be predicted has a new model or a new machine: between them.
        # What nothing was left out of has at least what the fit itself leaves.
        merged = noise(jobs, left, every)
        for key in sorted(set().union(*spread)):
            seen = [one[key] for one in spread if key in one]
            merged[key] = float(np.sqrt(np.mean(np.square(seen))))
    else:
        merged = noise(jobs, left, every)
    whole = dataclasses.replace(whole, noise=merged)
    today = datetime.date.today().isoformat()
    told = f"fit on {len(whole.rows)} rows of serving tables, {today}; left out"
    held = about.get("held_out_by_model", about["in_sample"])
    told += " by model: " + "; ".join(
        f"{key} {held[key].split(', ', 1)[1]}" for key in sorted(held)
    )
    folder = _PACKAGE / "calibration" / "serving"
    body = {
        "about": "Constants of serving stacks: logarithms of shared values, then"
        " deviations of stacks; the lower triangle of their covariance, row by row;"
        " digests of the rows that were fitted.",
        "date": today,
        **about,
        **plain(whole),
    }
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in body.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (folder / f"{SHIPPED}.json").write_text(text, encoding="utf-8")
    catalog = _PACKAGE / "catalog" / "serving_stacks.yaml"
    catalog.write_text(entries(whole, jobs, told), encoding="utf-8")
    print(json.dumps(about, indent=2))


if __name__ == "__main__":
    main()
