"""Refit of the calibration that comes with the package.

    python -m supernode_opt.calibration.step_time.refit a.csv b.csv:accelerator=A100

fits every constant on the shipped runs and on further tables that are not shipped, and
writes what it finds where the package reads it: both posteriors with their covariance,
and one catalog entry per platform.  Cells that a table lacks in all of its rows may be
given behind its name.
"""

import argparse
import dataclasses
import datetime
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jax
import numpy as np

from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.runs import Run, read
from supernode_opt.calibration.data.runs import shipped as shipped_runs
from supernode_opt.calibration.data.selecting import fittable, interpret_all
from supernode_opt.calibration.step_time import platforms, shipped
from supernode_opt.calibration.step_time.cross_validation import (
    cross_validate,
    evidence,
    widened,
)
from supernode_opt.calibration.step_time.fit import Posterior, fit, predict, table

_PACKAGE = Path(str(resources.files("supernode_opt")))
_HEADING = "Written by the calibration; ranges are 5-95 % of the posterior."


def read_given(words: str) -> tuple[Run, ...]:
    """Read `FILE` or `FILE:column=value,column=value`, values for missing columns.

    Raises:
      BadRuns: the file cannot be used.
    """
    name, _, rest = words.partition(":")
    given = dict(word.split("=", 1) for word in rest.split(",") if word)
    return read(Path(name), given)


def refit(
    jobs: Sequence[Job], unseen: Sequence[Job] = (), seed: int = 0
) -> tuple[Posterior, np.ndarray]:
    """Fit and cross-validate; return the posterior and absolute errors out of fold [1].

    Args:
      jobs: rows to fit.
      unseen: rows of other groups, which tell the noise together with rows out of fold.
      seed: deals groups to folds.
    """
    stacked = table(jobs)
    fitted = fit(stacked, show=lambda done: _say(f"fitting {done:.0%}"))
    crossed = cross_validate(
        stacked, seed, show=lambda done: _say(f"cross-validating {done:.0%}")
    )
    seen = [evidence(stacked, crossed, fitted)]
    if unseen:
        others = table(unseen)
        seen.append(evidence(others, predict(others, fitted)[0][:, 0], fitted))
    measured = np.asarray([job.seconds for job in jobs])
    posterior = dataclasses.replace(fitted, noise=widened(fitted, *seen))
    return posterior, np.abs(crossed / measured - 1.0)


def write(name: str, posterior: Posterior, missed: np.ndarray) -> str:
    """Write a posterior into the package; return its source line for the catalog."""
    today = datetime.date.today().isoformat()
    mean, median = (round(float(x), 4) for x in (missed.mean(), np.median(missed)))
    about = {
        "about": "Constants fitted on published runs: the rows below.  Logarithms of"
        " shared values, then deviations of chip families and of stacks; the last"
        " column is the posterior standard deviation.",
        "date": today,
        "cross_validated_mape": mean,
        "cross_validated_median": median,
        "rows_fitted": len(posterior.rows),
    }
    shipped.save(posterior, name, _PACKAGE / "calibration" / "step_time", about)
    return (
        f"fit on {len(posterior.rows)} published runs, {today}; cross-validated error"
        f" {100 * mean:.1f} % mean, {100 * median:.1f} % median"
    )


def write_catalog(posterior: Posterior, source: str) -> None:
    """Write the entry of every shipped platform."""
    entries = {
        platform.name: platforms.entry(platform, posterior, source)
        for platform in platforms.SHIPPED
    }
    text = platforms.text(entries, _HEADING)
    (_PACKAGE / "catalog" / "softwares.yaml").write_text(text, encoding="utf-8")


def _say(what: str) -> None:
    print(f"\r{what:30s}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Refit from the tables named on the command line and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="FILE[:column=value,...]")
    parser.add_argument("--seed", type=int, default=0, help="deals groups to folds")
    given = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    runs = [*shipped_runs()]
    runs += [run for words in given.tables for run in read_given(words)]
    known = interpret_all(runs)
    strict, all_rows = fittable(known), fittable(known, judged_groups=True)
    fitted = {job.run.name for job in strict}
    unseen = [job for job in all_rows if job.run.name not in fitted]
    judged, missed = refit(strict, unseen, given.seed)
    print(f"\n{shipped.JUDGED}: {write(shipped.JUDGED, judged, missed)}")
    posterior, missed = refit(all_rows, (), given.seed)
    # Noise is what a new group meets; more groups were unseen by the other one.
    posterior = dataclasses.replace(posterior, noise=judged.noise)
    source = write(shipped.POSTERIOR, posterior, missed)
    print(f"\n{shipped.POSTERIOR}: {source}")
    write_catalog(posterior, source)


if __name__ == "__main__":
    main()
