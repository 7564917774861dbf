"""Runs against the shipped calibration: every row, every group, both baselines."""

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray

from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.data.interpret import Job, Read, interpret_all
from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.evidence import known as evidence
from supernode_opt.calibration.evidence.told import GRADES, Evidence
from supernode_opt.calibration.step_time import score
from supernode_opt.calibration.step_time.fit import predict, table
from supernode_opt.calibration.step_time.intervals import NINETY, evidence_of, spread
from supernode_opt.calibration.step_time.leftover import EDGE
from supernode_opt.calibration.step_time.posterior import Posterior


class Validation(NamedTuple):
    """Predictions of a table of runs.

    Attributes:
      jobs: rows that were predicted.
      refused: the others, each with the reason.
      predicted: step time [row] [s].
      measured: step time [row] [s].
      deviation: standard deviation of log step time [row] [1].
      evidence: the fitted runs behind each prediction [row].
      memory: predicted peak memory over capacity [row] [1].
      fitted: whether the calibration has seen the row [row].
      rows: names of the rows that the calibration has seen.
      baselines: constant utilisation per accelerator and precision, and per stack as
        well [2, row] [s].
    """

    jobs: tuple[Job, ...]
    refused: tuple[tuple[Run, str], ...]
    predicted: np.ndarray
    measured: np.ndarray
    deviation: np.ndarray
    evidence: tuple[Evidence, ...]
    memory: np.ndarray
    fitted: np.ndarray
    rows: tuple[str, ...]
    baselines: np.ndarray


@precisely
def validate(
    runs: Sequence[Run],
    posterior: Posterior,
    read: Callable[[Sequence[Run]], Read] = interpret_all,
) -> Validation:
    """Predict every run that `read` makes a job of."""
    jobs, refused = read(runs)
    if not jobs:
        none = np.zeros(0)
        return Validation(
            (), refused, none, none, none, (), none, none, (), np.zeros((2, 0))
        )
    stacked = table(jobs)
    result, picked = predict(stacked, posterior)
    seen = set(posterior.rows)
    fitted = np.asarray([job.run.identity in seen for job in jobs])
    behind = evidence_of(stacked, picked, posterior)
    source = fitted if fitted.any() else ~fitted
    return Validation(
        jobs,
        refused,
        result[:, 0],
        stacked.measured,
        spread(stacked, picked, posterior, behind),
        behind,
        result[:, 1],
        fitted,
        posterior.rows,
        np.stack([score.baseline(jobs, source, by) for by in (False, True)]),
    )


def group_rows(
    seen: Validation, label: Callable[[Job], str], mask: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Summarise the rows of `mask` by label."""
    rows = np.flatnonzero(mask)
    groups = score.members([label(seen.jobs[row]) for row in rows])
    return {name: summary(seen, rows[own]) for name, own in groups.items()}


def summary(seen: Validation, rows: np.ndarray) -> dict[str, Any]:
    """Return every score of some rows, as plain numbers."""
    jobs = [seen.jobs[row] for row in rows]
    told, real = seen.predicted[rows], seen.measured[rows]
    found = score.errors(told, real, [job.run.name for job in jobs])._asdict()
    ranked = score.rankings(jobs, told, real)
    scaled = score.scaling_errors(jobs, told, real)
    error, deviation = np.log(told / real), seen.deviation[rows]
    for key, constant in zip(
        ("baseline_mape", "baseline_by_stack_mape"), seen.baselines, strict=True
    ):
        found[key] = float(np.abs(constant[rows] / real - 1.0).mean())
    found["coverage"] = float((np.abs(error) <= NINETY * deviation).mean())
    found["interval_score"] = float(score.interval_score(error, deviation).mean())
    # From low to high end, as a share of the time.
    found["width"] = float(np.median(2.0 * np.sinh(NINETY * deviation)))
    found["spearman"] = _mean([one.spearman for one in ranked])
    found["regret"] = max((one.regret for one in ranked), default=None)
    found["scaling_mape"] = _mean(np.abs(scaled))
    return found


def _mean(values: Sequence[float] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def platform(job: Job) -> str:
    """Name the accelerator of a row."""
    return job.run.text("accelerator").split(" (")[0]


def source(job: Job) -> str:
    """Name the publication of a row, without its section."""
    return job.run.text("source").split(",")[0].split(" (")[0]


def family(job: Job) -> str:
    """Name the kind of evidence a row belongs to: stack, accelerator and model kind."""
    kind = "MoE" if job.model.experts else "dense"
    return f"{job.stack.name} {platform(job)} {kind}"


def judged(seen: Validation) -> np.ndarray:
    """Tell which rows are kept for validation and were not fitted [row]."""
    # A time made of a utilisation tells the level, and is no measurement to judge by.
    kept = [job.run.is_validation and not job.converted for job in seen.jobs]
    return np.asarray(kept, bool) & ~np.asarray(seen.fitted, bool)


def report(seen: Validation) -> dict[str, Any]:
    """Return everything `validate --json` prints."""
    unseen = ~np.asarray(seen.fitted, bool)
    parts = {"fitted": ~unseen, "never_fitted": unseen, "validation": judged(seen)}
    groups = {
        part: {
            "platform": group_rows(seen, platform, mask),
            "source": group_rows(seen, source, mask),
            "family": group_rows(seen, family, mask),
            "grade": graded(seen, mask),
            "overall": summary(seen, np.flatnonzero(mask)) if mask.any() else None,
        }
        for part, mask in parts.items()
    }
    ranked = score.rankings(seen.jobs, seen.predicted, seen.measured)
    return {
        "groups": groups,
        "rankings": [one._asdict() for one in ranked],
        "rows": [_row(seen, row) for row in range(len(seen.jobs))]
        + [{"run_id": run.name, "refused": why} for run, why in seen.refused],
    }


def graded(seen: Validation, mask: np.ndarray) -> dict[str, dict[str, Any]]:
    """Summarise the rows of `mask` by the grade of their evidence, best first.

    A platform of one's own that an older version fitted has no grades: where its runs
    lie is not known.
    """
    grades = np.asarray(
        [one.grade if one.nearest else "" for one in seen.evidence], dtype=str
    )
    each = {name: np.flatnonzero(mask & (grades == name)) for name in GRADES}
    return {name: summary(seen, rows) for name, rows in each.items() if len(rows)}


def _row(seen: Validation, row: int) -> dict[str, Any]:
    job = seen.jobs[row]
    half = np.exp(NINETY * seen.deviation[row])
    told = seen.predicted[row]
    return {
        "run_id": job.run.name,
        "platform": platform(job),
        "stack": job.stack.name,
        "predicted_step_time_s": float(told),
        "measured_step_time_s": float(seen.measured[row]),
        "error": float(told / seen.measured[row] - 1.0),
        "low_s": float(told / half),
        "high_s": float(told * half),
        "evidence": seen.evidence[row].plain(),
        "memory_fraction": float(seen.memory[row]),
        "near_memory_edge": bool(seen.memory[row] > EDGE),
        "baseline_step_time_s": float(seen.baselines[0, row]),
        "fitted": bool(seen.fitted[row]),
        "assumed": list(job.assumed),
        "refused": None,
    }


def _evidence(seen: Validation) -> dict[str, Any]:
    """Return how many runs are known of every chip and stack, fitted and not."""
    known, mask = evidence.runs(), evidence.fitted(seen.rows)
    both = np.stack([known.labels["chip"], known.labels["stack"]], axis=1)
    places, index = np.unique(both, axis=0, return_inverse=True)
    counts = {
        name: np.bincount(index, evidence.counts() * chosen, minlength=len(places))
        for name, chosen in (("runs_fitted", mask), ("runs_judged", ~mask))
    }
    return {
        "known_chip": ("place", places[:, 0]),
        "known_stack": ("place", places[:, 1]),
        **{name: ("place", count) for name, count in counts.items()},
    }


def dataset(seen: Validation) -> xarray.Dataset:
    """Return the predictions as labelled arrays, ready for a file and for figures."""
    text = {
        name: [job.run.text(name) for job in seen.jobs]
        for name in ("model", "source", "precision")
    }
    split = ("tensor_parallel", "pipeline_parallel", "expert_parallel")
    sizes = {
        name: [job.plans[0].sizes[name] for job in seen.jobs]
        for name in ("chips", *split)
    }
    second = {"units": "s"}
    return xarray.Dataset(
        {
            "predicted": ("run", seen.predicted, second),
            "measured": ("run", seen.measured, second),
            "deviation": ("run", seen.deviation),
            "grade": ("run", [one.grade for one in seen.evidence]),
            "distance": ("run", [one.distance for one in seen.evidence]),
            "family": ("run", [family(job) for job in seen.jobs]),
            "judged": ("run", np.asarray(judged(seen), np.int8)),
            "memory_fraction": ("run", seen.memory),
            "baseline": (("constant", "run"), seen.baselines, second),
            "fitted": ("run", np.asarray(seen.fitted, np.int8)),
            "accelerator": ("run", [platform(job) for job in seen.jobs]),
            "stack": ("run", [job.stack.name for job in seen.jobs]),
            "chip": ("run", [job.chip for job in seen.jobs]),
            "constants": ("run", [job.stack.counted for job in seen.jobs]),
            **_evidence(seen),
            **{name: ("run", values) for name, values in text.items()},
            **{name: ("run", np.asarray(v, float)) for name, v in sizes.items()},
        },
        coords={
            "run": [job.run.name for job in seen.jobs],
            "constant": ["accelerator", "accelerator and stack"],
        },
        attrs={
            "version": importlib.metadata.version("supernode-opt"),
            "refused": json.dumps([[run.name, why] for run, why in seen.refused]),
        },
    )
