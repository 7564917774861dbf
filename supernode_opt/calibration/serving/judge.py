"""Rows of a serving table against predictions: errors, ranks, ranges and baselines."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.serving import baselines
from supernode_opt.calibration.serving.job import Job
from supernode_opt.calibration.serving.posterior import (
    QUANTITIES,
    Posterior,
    constants_of,
)
from supernode_opt.calibration.serving.predict import Predicted, predict, table
from supernode_opt.calibration.serving.ranges import deviations
from supernode_opt.calibration.serving.tables import jobs_of, name_of
from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.calibration.step_time.score import errors, members
from supernode_opt.workload.serving import formats_of

# Rows that differ in layout alone, from which a ranking means something.
RANKED_ROWS = 3


class Judged(NamedTuple):
    """Predictions of a table of serving rows.

    Attributes:
      jobs: rows that were predicted.
      refused: the others, each with the reason.
      predicted: what was predicted.
      measured, deviation, baseline, roofline: by quantity [job]; deviation is of the
        logarithm [1].
      layouts: which of its layouts each job is taken to have run [job].
      fitted: whether the calibration has seen the row [job].
    """

    jobs: tuple[Job, ...]
    refused: tuple[tuple[Run, str], ...]
    predicted: Predicted | None
    measured: dict[str, NDArray]
    deviation: dict[str, NDArray]
    baseline: dict[str, NDArray]
    roofline: dict[str, NDArray]
    layouts: NDArray
    fitted: NDArray


def digest(job: Job) -> str:
    """Return a row's mark among those that were fitted: it tells nothing of the row."""
    said = "|".join(f"{k}={v}" for k, v in sorted(job.row.cells.items()) if v)
    return hashlib.sha256(said.encode()).hexdigest()[:10]


def measured_of(jobs: Sequence[Job]) -> dict[str, NDArray]:
    """Return what rows report, NaN where they do not, by quantity [job]."""
    return {
        name: np.asarray(
            [getattr(job.measured, name) or np.nan for job in jobs], dtype=float
        )
        for name in QUANTITIES
    }


@precisely
def judge(rows: Sequence[Run], posterior: Posterior) -> Judged:
    """Predict every row that can be read."""
    jobs, refused = jobs_of(rows)
    if not jobs:
        none = np.zeros(0)
        return Judged((), refused, None, {}, {}, {}, {}, none, none)
    stacked = table(jobs)
    mean = {name: constants_of(posterior, name)[0] for name in {j.stack for j in jobs}}
    logs = np.stack([mean[job.stack] for job in jobs])
    found, batches = predict(stacked, logs)
    measured = measured_of(jobs)
    plain = baselines.roofline(jobs, stacked, found)
    return Judged(
        jobs=jobs,
        refused=refused,
        predicted=found,
        measured=measured,
        deviation=deviations(stacked, posterior, logs, batches),
        baseline=baselines.one_utilisation(jobs, plain, measured),
        roofline=plain,
        layouts=stacked.order[found.case],
        fitted=np.asarray([digest(job) in posterior.rows for job in jobs]),
    )


def value(seen: Judged, name: str) -> NDArray:
    """Return predictions of a quantity [job]."""
    return np.asarray(getattr(seen.predicted, name))


def family(job: Job) -> str:
    """Name the kind of row: dense or MoE, phase, stack."""
    return f"{job.kind} {job.phase} {job.stack}"


def rank_group(job: Job) -> tuple[Any, ...]:
    """Return what must be equal for two rows to differ in their layout alone."""
    batch = job.under_way or job.layouts[0].batch
    formats = formats_of(job.serving)
    return (
        *(job.called, job.machine, job.stack, job.phase, job.kind),
        # pyrefly: ignore[bad-argument-type]
        *(float(formats.weight_bytes), float(formats.expert_bytes)),
        *(float(job.serving.input_length), float(job.serving.output_length)),
        *(job.drafts, batch),
    )


def ranks(seen: Judged, rows: NDArray) -> list[float]:
    """Return the rank correlation of TPOT of every group of layouts among rows [1]."""
    from pandas import Series

    told, real = value(seen, "tpot"), seen.measured["tpot"]
    known = [i for i in rows if np.isfinite(told[i]) and np.isfinite(real[i])]
    found = []
    for own in members([rank_group(seen.jobs[i]) for i in known]).values():
        at = [known[k] for k in own]
        if len({seen.jobs[i].layouts[0][:6] for i in at}) < 2 or len(at) < RANKED_ROWS:
            continue
        both = [Series(x[at]).rank() for x in (told, real)]
        correlation = float(both[0].corr(both[1]))
        if np.isfinite(correlation):
            found.append(correlation)
    return found


def summary(seen: Judged, rows: NDArray) -> dict[str, Any] | None:
    """Return every score of some rows, in front of the quantity that most have."""
    found: dict[str, Any] = {}
    for name in QUANTITIES:
        told, real = value(seen, name)[rows], seen.measured[name][rows]
        known = np.isfinite(told) & np.isfinite(real)
        if not known.any():
            continue
        names = [seen.jobs[i].name for i in rows[known]]
        one = errors(told[known], real[known], names)._asdict()
        error = np.abs(np.log(told / real))[known]
        deviation = seen.deviation[name][rows][known]
        one["coverage"] = float((error <= NINETY * deviation).mean())
        one["width"] = float(np.median(2.0 * np.sinh(NINETY * deviation)))
        for key, other in (("baseline", seen.baseline), ("roofline", seen.roofline)):
            off = np.abs(other[name][rows][known] / real[known] - 1.0)
            one[f"{key}_mape"] = float(off.mean())
            one[f"{key}_median"] = float(np.median(off))
        found[name] = one
    if not found:
        return None
    ranked = ranks(seen, rows)
    first = max(found.values(), key=lambda one: one["rows"])
    mean = float(np.mean(ranked)) if ranked else None
    return {**first, **found, "spearman": mean, "ranked_groups": len(ranked)}


def groups_of(seen: Judged, mask: NDArray) -> dict[str, Any]:
    """Return scores of the rows of `mask`, by each way to group them, and of all."""
    rows = np.flatnonzero(mask)
    labels: dict[str, Callable[[Job], str]] = {
        "family": family,
        "system": lambda job: job.machine,
        "model": lambda job: job.called,
        "stack": lambda job: job.stack,
        "source": lambda job: job.source,
    }
    found: dict[str, Any] = {}
    for kind, label in labels.items():
        own = members([label(seen.jobs[i]) for i in rows])
        each = {name: summary(seen, rows[places]) for name, places in own.items()}
        found[kind] = {name: one for name, one in each.items() if one}
    found["overall"] = summary(seen, rows)
    return found


def report(seen: Judged) -> dict[str, Any]:
    """Return everything `validate --json` prints."""
    fitted = np.asarray(seen.fitted, bool)
    parts = {"fitted": fitted, "never_fitted": ~fitted}
    return {
        "groups": {part: groups_of(seen, mask) for part, mask in parts.items()},
        "rows": [_row(seen, i) for i in range(len(seen.jobs))]
        + [{"id": name_of(run), "refused": why} for run, why in seen.refused],
    }


_WRITTEN = {
    "tpot": ("tpot_s", 1.0),
    "ttft": ("ttft_s", 1.0),
    "rate": ("tokens_per_s_per_chip", 1.0),
}


def _number(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _row(seen: Judged, i: int) -> dict[str, Any]:
    job = seen.jobs[i]
    written: dict[str, Any] = {
        "id": job.name,
        "system": job.machine,
        "model": job.called,
        "stack": job.stack,
        "phase": job.phase,
        "family": family(job),
        "tok_kind": job.measured.kind,
    }
    headline = None
    for name, (word, _) in _WRITTEN.items():
        told, real = value(seen, name)[i], seen.measured[name][i]
        half = np.exp(NINETY * seen.deviation[name][i])
        written |= {
            f"predicted_{word}": _number(told),
            f"predicted_{word}_low": _number(told / half),
            f"predicted_{word}_high": _number(told * half),
            f"measured_{word}": _number(real),
            f"error_{word}": _number(told / real - 1.0),
            f"baseline_{word}": _number(seen.baseline[name][i]),
            f"roofline_{word}": _number(seen.roofline[name][i]),
        }
        if headline is None:
            headline = written[f"error_{word}"]
    layout = job.layouts[int(seen.layouts[i])]
    predicted = seen.predicted
    return written | {
        "error": headline,
        "layout": {k: v for k, v in layout._asdict().items() if k != "batch"},
        "batch": float(predicted.batch[i]) if predicted is not None else None,
        "fitted": bool(seen.fitted[i]),
        "assumed": list(job.assumed),
        "refused": None,
    }
