"""How good predictions are: errors, ranking, scaling, coverage, and two baselines."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.shapes import flops_per_token
from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.catalog import load, system
from supernode_opt.system.kernels import peak

Key = TypeVar("Key")
# A group must be this large before its ranking means anything.
RANKED_ROWS = 8
# What a 90 % range misses.
MISSED = 0.1


class Errors(NamedTuple):
    """Errors of one group of rows.

    Attributes:
      rows: how many.
      mape: mean absolute relative error [1].
      median: of the absolute relative error [1].
      p90: its ninetieth percentile [1].
      bias: median signed relative error [1].
      worst: name of the worst row.
      worst_error: its signed relative error [1].
    """

    rows: int
    mape: float
    median: float
    p90: float
    bias: float
    worst: str
    worst_error: float


def errors(predicted: np.ndarray, measured: np.ndarray, names: Sequence[str]) -> Errors:
    """Summarise predictions of at least one row; all in one unit."""
    signed = predicted / measured - 1.0
    size = np.abs(signed)
    worst = int(np.argmax(size))
    return Errors(
        len(signed),
        float(size.mean()),
        float(np.median(size)),
        float(np.quantile(size, 0.9)),
        float(np.median(signed)),
        names[worst],
        float(signed[worst]),
    )


def interval_score(error: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Score central 90 % ranges of log step time by their misses; less is better [1].

    It is the width, and twenty times what is missed by (Gneiting and Raftery 2007,
    Strictly Proper Scoring Rules, equation 43, with alpha 0.1), which no range
    minimises in the mean but the true one.

    Args:
      error: of log step time [row] [1].
      deviation: its standard deviation [row] [1].
    """
    half = NINETY * deviation
    return 2.0 * half + 2.0 / MISSED * np.maximum(np.abs(error) - half, 0.0)


def plan_group(job: Job) -> tuple[str, ...]:
    """Return what must be equal for two rows to differ in their plan alone."""
    columns = ("source", "release_or_date", "model", "accelerator", "precision")
    sizes = ("n_accel", "gbs", "seq_len")
    return tuple(job.run.text(column) for column in (*columns, *sizes))


def members(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """Return the positions of each of `keys`, in the order of their first."""
    found: dict[Key, list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return found


class Ranking(NamedTuple):
    """How well plans of one job are ranked.

    Attributes:
      group: what the rows share.
      rows: how many plans.
      spearman: rank correlation of predicted and measured time [1].
      regret: measured time of the plan predicted fastest over the fastest, less 1 [1].
    """

    group: str
    rows: int
    spearman: float
    regret: float


def rankings(
    jobs: Sequence[Job], predicted: np.ndarray, measured: np.ndarray
) -> tuple[Ranking, ...]:
    """Rank every group of at least `RANKED_ROWS` rows that differ in plan alone."""
    # `scipy.stats.spearmanr` does the same, but takes a second to import.
    from pandas import DataFrame

    found = []
    for key, rows in members(map(plan_group, jobs)).items():
        if len(rows) < RANKED_ROWS:
            continue
        told, real = predicted[rows], measured[rows]
        if np.ptp(told) == 0.0 or np.ptp(real) == 0.0:
            continue
        regret = real[np.argmin(told)] / real.min() - 1.0
        label = f"{key[2]} on {key[5]} {key[3]} ({key[4]}, batch {key[6]})"
        both = DataFrame({"told": told, "real": real})
        correlation = float(both.corr(method="spearman").to_numpy()[0, 1])
        found.append(Ranking(label, len(rows), correlation, float(regret)))
    return tuple(found)


def scaling_errors(
    jobs: Sequence[Job], predicted: np.ndarray, measured: np.ndarray
) -> np.ndarray:
    """Return errors of scaling efficiency against the smallest run of each series [1].

    A series shares source, release, model, accelerator and precision; efficiency is
    tokens per second and chip over that of its smallest run.
    """
    found: list[float] = []
    for rows in members(plan_group(job)[:5] for job in jobs).values():
        chips = np.asarray([jobs[row].run.number("n_accel") for row in rows])
        tokens = np.asarray([float(jobs[row].training.global_batch) for row in rows])
        if len(set(chips)) < 2:
            continue
        told, real = (tokens / (chips * t[rows]) for t in (predicted, measured))
        small = chips == chips.min()
        ratio = (told / told[small].mean()) / (real / real[small].mean())
        found.extend(ratio[~small] - 1.0)
    return np.asarray(found)


def utilisation(job: Job) -> float:
    """Share of peak that the measured run reached, recompute not counted [1]."""
    chip = load("chip", system(job.machine).chip)
    nominal = float(np.asarray(peak(chip, job.training.precision)))
    nominal = nominal or float(chip.peak_bf16)
    chips = job.run.size("n_accel")
    tokens = job.training.global_batch * job.training.sequence_length
    flops = tokens * flops_per_token(job.model, job.training.sequence_length)
    return float(flops) / (job.seconds * chips * nominal)


def baseline(
    jobs: Sequence[Job], fitted: np.ndarray | Sequence[bool], by_stack: bool
) -> np.ndarray:
    """Predict with one constant utilisation per accelerator and precision [s].

    The constants, one per stack as well if `by_stack`, are taken from the `fitted`
    rows; a key without any takes the median of all of them.
    """
    reached = np.asarray([utilisation(job) for job in jobs])
    mask = np.asarray(fitted, bool)
    keys = [
        (job.machine, job.training.precision, job.stack.name if by_stack else "")
        for job in jobs
    ]
    everything = float(np.median(reached[mask])) if mask.any() else 0.4
    used = np.full(len(jobs), everything)
    for rows in members(keys).values():
        if mask[rows].any():
            used[rows] = np.median(reached[rows][mask[rows]])
    measured = np.asarray([job.seconds for job in jobs])
    return measured * reached / used
