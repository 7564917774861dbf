"""Measured peaks of memory against what the model says: errors, odds, verdicts."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray

from supernode_opt.batch.engine import Engine, prepare
from supernode_opt.calibration.data.interpret import Job, interpret
from supernode_opt.calibration.data.runs import Refused, Run
from supernode_opt.calibration.data.stages import weighed_stages
from supernode_opt.calibration.step_time import batch, shipped
from supernode_opt.calibration.step_time.fit import Table, chosen, table
from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.calibration.step_time.stated import practised
from supernode_opt.catalog import load
from supernode_opt.system.design import RECOMPUTE
from supernode_opt.system.footprint import fit_probability, memory_verdict
from supernode_opt.system.job import rank_memory
from supernode_opt.workload.split import legal

# What a peak counts: tensors, the allocator's pages, or all that the device has given.
KINDS = ("allocated", "reserved", "device")
_LAST = 2


class Peaks(NamedTuple):
    """Predictions of a table of peaks; arrays over its readable rows [row].

    Attributes:
      jobs: rows that were read.
      refused: the others, each with the reason.
      predicted: what the row's counter shows at its peak [B].
      measured: what it showed, NaN where the row does not say [B].
      spread: standard deviation of the logarithm of the peak [1].
      probability: that the device has room and the stack starts; 0 where the split is
        not legal [1].
      illegal: the rule that the split breaks, "" if none.
      ran: 1 where the job ran, 0 where memory was not enough, NaN if neither is said.
    """

    jobs: tuple[Job, ...]
    refused: tuple[tuple[Run, str], ...]
    predicted: np.ndarray
    measured: np.ndarray
    spread: np.ndarray
    probability: np.ndarray
    illegal: tuple[str, ...]
    ran: np.ndarray


def _held(row: Any, given: Any) -> tuple[jax.Array, ...]:
    """Memory by kind and stage [3, 3] [B], odds and spread [1] of one case."""
    case, logs = row
    stack = practised(case.scenario.software, logs, case.practice, case.stated)
    scenario = dataclasses.replace(case.scenario, software=stack)
    parts = rank_memory(case.design, scenario)
    outside = parts.buffers + parts.framework
    device = sum(jax.tree.leaves(parts), start=jnp.zeros(3))
    kinds = (device - outside - parts.fragmentation, device - outside, device)
    most = jnp.max(device) * scenario.chip.ranks_per_chip
    return jnp.stack(kinds), fit_probability(scenario, most), stack.memory_spread


_HELD = Engine(_held, batch.BLOCK, "held")


def kind_of(run: Run) -> str:
    """Return the kind of peak that a row tells; allocated where it does not say."""
    written = run.text("peak_kind").lower()
    if "smi" in written or "device" in written:
        return "device"
    return "reserved" if "reserved" in written else "allocated"


def predict(runs: Sequence[Run]) -> Peaks:
    """Predict the peak of every row that can be read as a job."""
    jobs, refused = [], []
    for run in runs:
        try:
            jobs.append(interpret(run))
        except Refused as reason:
            refused.append((run, str(reason)))
    if not jobs:
        none = np.zeros(0)
        return Peaks((), tuple(refused), none, none, none, none, (), none)
    stacked = table(jobs)
    known = shipped.posterior()
    logs = stacked.logs(known)
    # Of one plan alone none need be chosen, and no step timed.
    several = np.bincount(stacked.owner)[stacked.owner] > 1
    open_ = [one for one in stacked.batches if several[one.rows].any()]
    picked = chosen(stacked, batch.predict(open_, logs))
    held, odds, spread = _all(stacked, logs)
    predicted = np.zeros(len(jobs))
    for row, (job, case) in enumerate(zip(jobs, picked, strict=True)):
        of_stages = held[case][KINDS.index(kind_of(job.run))]
        predicted[row] = of_stages[_told(job)].max()
    outcomes = {"fits": 1.0, "ran": 1.0, "oom": 0.0, "crashed_or_oom": 0.0}
    ran = [outcomes.get(job.run.text("outcome").lower(), np.nan) for job in jobs]
    measured = np.asarray([job.run.peak or np.nan for job in jobs])
    # What was allocated when it was not enough is no peak.
    measured = np.where(np.asarray(ran) == 0.0, np.nan, measured)
    illegal = [_illegal(job) for job in jobs]
    starts = np.asarray([_starts(job) for job in jobs])
    return Peaks(
        tuple(jobs),
        tuple(refused),
        predicted,
        measured,
        spread[picked],
        np.where([bool(rule) for rule in illegal], 0.0, odds[picked] * starts),
        tuple(illegal),
        np.asarray(ran),
    )


def _told(job: Job) -> slice:
    """Return the stages of which the row tells the fullest one."""
    if job.run.text("rank").lower().startswith("last"):
        return slice(_LAST, None)
    several = job.plans[0].sizes["pipeline_parallel"] > 1.0
    first = job.stack.logs_first and several and not job.run.text("rank")
    return slice(0, 1) if first else slice(None)


def _starts(job: Job) -> float:
    """Return the share of runs like it that fail of nothing but memory [1]."""
    plan, ranks = job.plans[0], load("chip", job.chip).ranks_per_chip
    sizes = plan.sizes
    model = sizes["tensor_parallel"] * sizes["context_parallel"]
    stages = sizes["pipeline_parallel"]
    replicas = sizes["chips"] * ranks / (model * stages)
    plain = plan.sharding == 0 and stages > 1.0 and replicas > 1.0
    return job.stack.plain_pipelines if plain else 1.0


def _illegal(job: Job) -> str:
    """Return the rule that every plan of a job breaks, "" if one can run at all."""
    ranks = load("chip", job.chip).ranks_per_chip
    stages = int(job.plans[0].sizes["pipeline_parallel"])
    if job.stack.head_weighed and stages > 1:
        # Stages are cut otherwise than the rules have it; one may hold the head alone.
        filled = len(weighed_stages(job.model, stages)) == stages
        return "" if filled else f"{job.stack.name} leaves one of {stages} stages empty"
    rule = ""
    for plan in job.plans:
        split = {**plan.sizes, "recompute": RECOMPUTE.index(plan.recompute)}
        split |= {"optimizer_sharding": plan.sharding}
        split |= {"sequence_parallel": int(plan.sequence_parallel)}
        rule = legal(split, job.model, plan.trained(job.training), ranks) or ""
        if not rule:
            break
    return rule


def _all(stacked: Table, logs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return `_held` of every case."""
    count = len(stacked.owner)
    held, odds, spread = np.zeros((count, 3, 3)), np.zeros(count), np.zeros(count)
    rows = [(one.cases, logs[one.rows]) for one in stacked.batches]
    prepare((_HELD, row, None) for row in rows)
    for one, row in zip(stacked.batches, rows, strict=True):
        held[one.rows], odds[one.rows], spread[one.rows] = _HELD(row, None)
    return held, odds, spread


def report(seen: Peaks) -> dict[str, Any]:
    """Return everything `validate --json` prints."""
    stacks = sorted({job.stack.name for job in seen.jobs})
    names = np.asarray([job.stack.name for job in seen.jobs])
    groups = {name: _summary(seen, names == name) for name in stacks}
    return {
        "overall": _summary(seen, np.ones(len(seen.jobs), bool)),
        "stacks": groups,
        "rows": [_row(seen, row) for row in range(len(seen.jobs))]
        + [{"id": run.name, "refused": why} for run, why in seen.refused],
    }


def _summary(seen: Peaks, mask: np.ndarray) -> dict[str, Any]:
    """Return errors of peaks and the quality of verdicts of some rows."""
    error = (seen.predicted / seen.measured - 1.0)[mask]
    error = error[np.isfinite(error)]
    ran, odds = seen.ran[mask], seen.probability[mask]
    told = np.isfinite(ran)
    verdicts = [memory_verdict(float(p)) for p in odds[told]]
    wrong = [
        {"fits": 0.0, "does not fit": 1.0}.get(v) == r
        for v, r in zip(verdicts, ran[told], strict=True)
    ]
    return {
        "rows": int(mask.sum()),
        "peaks": len(error),
        "median": float(np.median(np.abs(error))) if len(error) else None,
        "bias": float(np.median(error)) if len(error) else None,
        "outcomes": int(told.sum()),
        "wrong": int(sum(wrong)),
        "on_the_edge": verdicts.count("on the edge"),
        "brier": float(np.mean((odds - ran)[told] ** 2)) if told.any() else None,
    }


def _row(seen: Peaks, row: int) -> dict[str, Any]:
    job, told = seen.jobs[row], seen.predicted[row]
    half = np.exp(NINETY * seen.spread[row])
    known = np.isfinite(seen.measured[row])
    return {
        "id": job.run.name,
        "stack": job.stack.name,
        "kind": kind_of(job.run),
        "predicted_peak_bytes": float(told),
        "low_bytes": float(told / half),
        "high_bytes": float(told * half),
        "measured_peak_bytes": float(seen.measured[row]) if known else None,
        "error": float(told / seen.measured[row] - 1.0) if known else None,
        "fit_probability": float(seen.probability[row]),
        "verdict": memory_verdict(float(seen.probability[row])),
        "illegal": seen.illegal[row] or None,
        "outcome": job.run.text("outcome") or None,
        "assumed": list(job.assumed),
        "refused": None,
    }


def dataset(seen: Peaks) -> xarray.Dataset:
    """Return the predictions as labelled arrays."""
    unit = {"units": "B"}
    return xarray.Dataset(
        {
            "predicted": ("run", seen.predicted, unit),
            "measured": ("run", seen.measured, unit),
            "spread": ("run", seen.spread),
            "fit_probability": ("run", seen.probability),
            "ran": ("run", seen.ran),
            "stack": ("run", [job.stack.name for job in seen.jobs]),
        },
        coords={"run": [job.run.name for job in seen.jobs]},
    )
