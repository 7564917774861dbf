"""The measured runs behind answers, and what their distance costs.

    python -m benchmarks.evidence a.csv b.csv:accelerator=A100

writes the runs of the tables that `benchmarks/refit.py` was given where the package
reads them.  With `--widening` it also leaves stacks, chip families and scales out in
turn (ten minutes), and prints the interval scores that tell the constants of
`supernode_opt/calibration/evidence/distance.py`.
"""

import argparse
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from scipy.optimize import minimize

from benchmarks.refit import read_given
from supernode_opt.calibration.data.interpret import Job, fittable, interpret_all
from supernode_opt.calibration.data.runs import shipped as shipped_runs
from supernode_opt.calibration.evidence import known
from supernode_opt.calibration.evidence.distance import (
    NEAR,
    OTHER,
    Point,
    distances,
    points,
)
from supernode_opt.calibration.evidence.told import GRADES
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.fit import fit, predict, table
from supernode_opt.calibration.step_time.intervals import (
    NINETY,
    explained,
    kind_of,
    noise_of,
)
from supernode_opt.calibration.step_time.posterior import Posterior
from supernode_opt.calibration.step_time.score import interval_score

FOLDS, RESAMPLED = 5, 100
# Jobs that are left out together: what is larger, smaller or longer than this.
_MOST_CHIPS, _FEW_CHIPS, _LONG = (128, 512), 8, (8192, 16384)


class Missed(NamedTuple):
    """Errors of predictions that had not seen their runs; arrays over them [row].

    Attributes:
      error: of log step time [1].
      explained: variance that the covariance of constants explains [1].
      noise: standard deviation of what nothing explains, before widening [1].
      distance: from the nearest run that was seen [1].
      weight: of the row [1].
      experience: number of what was left out, or of a group of rows.
    """

    error: np.ndarray
    explained: np.ndarray
    noise: np.ndarray
    distance: np.ndarray
    weight: np.ndarray
    experience: np.ndarray


def held_out(jobs: Sequence[Job], where: Sequence[Point]) -> Iterator[np.ndarray]:
    """Yield what is left out in turn: folds of groups first, then kinds of jobs."""
    groups = sorted({job.run.group for job in jobs})
    order = np.random.default_rng(0).permutation(len(groups))
    fold = {groups[group]: place % FOLDS for place, group in enumerate(order)}
    member = np.asarray([fold[job.run.group] for job in jobs])
    yield from (member == number for number in range(FOLDS))
    stack, family = (
        np.asarray([getattr(one, name) for one in where])
        for name in ("stack", "family")
    )
    yield from (stack == name for name in np.unique(stack))
    yield from (family == name for name in np.unique(family))
    for one, other in sorted(set(zip(stack, family, strict=True))):
        yield (stack == one) & (family == other)
    chips = np.asarray([job.run.size("n_accel") for job in jobs])
    length = np.asarray([job.training.sequence_length for job in jobs])
    yield from (chips >= most for most in _MOST_CHIPS)
    yield chips <= _FEW_CHIPS
    yield from (length >= long for long in _LONG)


def missed(
    held: Sequence[Job],
    kept: Sequence[Job],
    fitted: Posterior,
    noise: dict[str, float],
    *,
    one: bool,
) -> Missed:
    """Compare rows with what a fit on other rows says of them.

    Args:
      held, kept: the rows, and those that were fitted.
      fitted: the fit.
      noise: of log step time, by stack and kind of model [1].
      one: whether all of `held` are one experience, not each of their groups.
    """
    stacked = table(held)
    told, picked = predict(stacked, fitted)
    names = {stack for _, scope, stack in fitted.names if scope == "stack"}
    known_noise = {
        name: value
        for name, value in noise.items()
        if " " not in name or name.split(" ")[0] in names
    }
    full = dataclasses.replace(fitted, noise=known_noise)
    groups = Counter(job.run.group for job in held)
    seen = points([""] * len(kept), [known.of_job(job, job.plans[0]) for job in kept])
    place = [known.of_job(job, job.plans[0]) for job in held]
    share = len(groups) if one else 1.0
    names_of = {name: place for place, name in enumerate(groups)}
    return Missed(
        np.log(told[:, 0] / stacked.measured),
        explained(stacked, picked, fitted),
        np.asarray([noise_of(full, job.stack.fitted, kind_of(job)) for job in held]),
        np.asarray([distances(job, seen).min() for job in place]),
        np.asarray([1.0 / groups[job.run.group] / share for job in held]),
        np.asarray([0 if one else names_of[job.run.group] for job in held]),
    )


def deviations(rows: Missed, near: float, times: float) -> np.ndarray:
    """Return deviations of log step time, distances taken so many times [row] [1]."""
    far = (times * rows.distance) ** 2
    return np.sqrt(rows.explained + (near * rows.noise) ** 2 + far)


def scored(rows: Missed, near: float, times: float) -> float:
    """Return the mean interval score where distance adds to the noise [1]."""
    scores = interval_score(rows.error, deviations(rows, near, times))
    return float(np.average(scores, weights=rows.weight))


def held(rows: Missed, mask: np.ndarray, near: float, times: float) -> float:
    """Return the share of the rows of `mask` that 90 % ranges hold [1]."""
    inside = np.abs(rows.error) <= NINETY * deviations(rows, near, times)
    return float(np.average(inside[mask], weights=rows.weight[mask]))


def tell_widening(jobs: Sequence[Job], unseen: Sequence[Job]) -> None:
    """Print the interval scores of no widening, of the shipped and of the best one."""
    noise = shipped.judged().noise
    where = [known.of_job(job, job.plans[0]) for job in jobs]
    found = []
    for number, mask in enumerate(held_out(jobs, where)):
        if mask.all() or not mask.any():
            continue
        out = [job for job, left in zip(jobs, mask, strict=True) if left]
        kept = [job for job, left in zip(jobs, mask, strict=True) if not left]
        fitted = fit(table(kept))
        found.append(missed(out, kept, fitted, noise, one=number >= FOLDS))
        print(f"{number:3d}: {len(out)} rows left out", flush=True)
    found.append(missed(unseen, jobs, shipped.judged(), noise, one=False))
    ends = np.cumsum([0, *(one.experience.max() + 1 for one in found)])
    found = [
        one._replace(experience=one.experience + end)
        for one, end in zip(found, ends[:-1], strict=True)
    ]
    rows = Missed(*(np.concatenate(column) for column in zip(*found, strict=True)))
    print(f"{len(rows.error)} errors, {ends[-1]} experiences, others {OTHER}")
    print(f"as the calibration has it: {scored(rows, 1.0, 0.0):.4f}")
    best = _best(rows)
    near, far = rows.distance <= GRADES["near"], rows.distance > GRADES["extrapolated"]
    for name, pair in {"shipped": (NEAR, 1.0), "best": best}.items():
        print(
            f"{name}: {scored(rows, *pair):.4f}, {pair[0]:.3f} of the noise and"
            f" {pair[1]:.3f} of the distance; holds {held(rows, near, *pair):.3f} near,"
            f" {held(rows, far, *pair):.3f} untested"
        )
    random, slopes = np.random.default_rng(0), []
    for _ in range(RESAMPLED):
        times = np.bincount(random.integers(0, ends[-1], ends[-1]), minlength=ends[-1])
        drawn = rows._replace(weight=rows.weight * times[rows.experience])
        slopes.append(_best(drawn)[1])
    low, high = np.percentile(slopes, (5.0, 95.0))
    print(f"of the distance, experiences resampled: {low:.3f} to {high:.3f} (5-95 %)")


def _best(rows: Missed) -> np.ndarray:
    """Return the shares of noise and distance of least score [1]."""
    start = [NEAR, 1.0]
    return minimize(lambda p: scored(rows, *p), start, method="Nelder-Mead").x


def main() -> None:
    """Write the runs, and tell what distance costs if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="FILE[:column=value,...]")
    parser.add_argument("--widening", action="store_true", help="repeat the fit")
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    runs = [*shipped_runs()]
    runs += [run for words in given.tables for run in read_given(words)]
    read = interpret_all(runs)
    fitted = set(shipped.posterior().rows)
    published = {run.name for run in shipped_runs()}
    kept = [job for job in read.jobs if job.run.name in fitted | published]
    folder = Path(str(resources.files("supernode_opt.calibration.evidence")))
    (folder / "runs.csv").write_text(known.written(kept, published), encoding="utf-8")
    if given.widening:
        jobs = fittable(read)
        names = {job.run.name for job in jobs}
        unseen = [
            job
            for job in kept
            if job.run.name not in names
            and not job.run.is_validation
            and not job.converted
        ]
        tell_widening(jobs, unseen)


if __name__ == "__main__":
    main()
