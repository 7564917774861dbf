"""The measured runs behind answers, and what their distance costs.

    python benchmarks/evidence.py a.csv b.csv:accelerator=A100

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
    OTHER,
    SLOPE,
    USUAL,
    Point,
    distances,
    points,
)
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.fit import fit, predict, table
from supernode_opt.calibration.step_time.intervals import (
    kind_of,
    noise_of,
    spread,
)
from supernode_opt.calibration.step_time.posterior import Posterior
from supernode_opt.calibration.step_time.score import interval_score

FOLDS = 5
# Jobs that are left out together: what is larger, smaller or longer than this.
_MOST_CHIPS, _FEW_CHIPS, _LONG = (128, 512), 8, (8192, 16384)


class Missed(NamedTuple):
    """Errors of predictions that had not seen their runs; arrays over them [row].

    Attributes:
      error: of log step time [1].
      explained: variance that the covariance of constants explains [1].
      noise: standard deviation of what nothing explains, before widening [1].
      distance: from the nearest run that was seen, in doublings [1].
      weight: of the row [1].
    """

    error: np.ndarray
    explained: np.ndarray
    noise: np.ndarray
    distance: np.ndarray
    weight: np.ndarray


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
    silent = dataclasses.replace(fitted, noise={})
    explained = spread(stacked, picked, silent) ** 2
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
    return Missed(
        np.log(told[:, 0] / stacked.measured),
        explained,
        np.asarray(
            [noise_of(full, job.stack.fitted, kind_of(job)) for job in held]
        ),
        np.asarray([distances(job, seen).min() for job in place]),
        np.asarray([1.0 / groups[job.run.group] / share for job in held]),
    )


def scored(rows: Missed, narrowest: float, slope: float) -> float:
    """Return the mean interval score where noise grows with distance [1]."""
    factor = narrowest + slope * rows.distance
    deviation = np.sqrt(rows.explained + (factor * rows.noise) ** 2)
    return float(
        np.average(interval_score(rows.error, deviation), weights=rows.weight)
    )


def tell_widening(jobs: Sequence[Job], unseen: Sequence[Job]) -> None:
    """Print the interval scores of no widening, of the shipped and of the best one."""
    noise = shipped.judged().noise
    where = [known.of_job(job, job.plans[0]) for job in jobs]
    found = []
    for number, mask in enumerate(held_out(jobs, where)):
        if mask.all() or not mask.any():
            continue
        held = [job for job, out in zip(jobs, mask, strict=True) if out]
        kept = [job for job, out in zip(jobs, mask, strict=True) if not out]
        fitted = fit(table(kept))
        found.append(missed(held, kept, fitted, noise, one=number >= FOLDS))
        print(f"{number:3d}: {len(held)} rows left out", flush=True)
    found.append(missed(unseen, jobs, shipped.judged(), noise, one=False))
    rows = Missed(*(np.concatenate(column) for column in zip(*found, strict=True)))
    best = minimize(
        lambda p: scored(rows, *p), [1.0 - SLOPE * USUAL, SLOPE], method="Nelder-Mead"
    )
    print(f"{len(rows.error)} errors, others {OTHER}")
    print(f"as the calibration has it: {scored(rows, 1.0, 0.0):.4f}")
    print(f"shipped: {scored(rows, 1.0 - SLOPE * USUAL, SLOPE):.4f}")
    print(f"best: {best.fun:.4f} with {best.x[0]:.3f} + {best.x[1]:.3f} per doubling")


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
    kept = [
        job for job in read.jobs if job.run.name in fitted | published
    ]
    folder = Path(str(resources.files(known.__package__)))
    (folder / "runs.csv").write_text(known.written(kept), encoding="utf-8")
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
