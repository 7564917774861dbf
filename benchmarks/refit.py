"""Refit of the calibration that comes with the package.

    python benchmarks/refit.py a.csv b.csv:accelerator=A100

fits every constant on the shipped runs and on further tables that are not shipped, and
writes what it finds where the package reads it: both posteriors with their covariance,
and one catalog entry per platform.  Cells that a table lacks in all of its rows may be
given behind its name.  Afterwards `benchmarks/evidence.py` with the same tables writes
the runs that answers are said to rest on.
"""

import argparse
import dataclasses
import datetime
import json
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from supernode_opt.calibration import written
from supernode_opt.calibration.data.interpret import Job, fittable, interpret_all
from supernode_opt.calibration.data.platforms import SHIPPED
from supernode_opt.calibration.data.runs import Run, read
from supernode_opt.calibration.data.runs import shipped as shipped_runs
from supernode_opt.calibration.step_time import platforms, shipped
from supernode_opt.calibration.step_time.cross_validation import cross_validate
from supernode_opt.calibration.step_time.fit import (
    Table,
    fit,
    predict,
    table,
)
from supernode_opt.calibration.step_time.intervals import (
    NINETY,
    explained,
    kind_of,
    noise_name,
)
from supernode_opt.calibration.step_time.posterior import Posterior

_PACKAGE = Path(str(resources.files("supernode_opt")))
_HEADING = "Written by the calibration; ranges are 5-95 % of the posterior."
# Rows below which a stack does not tell its own noise, and groups that count as much
# as all other stacks together.
FEWEST_ROWS = 10
SHRUNK_GROUPS = 2.0


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


class Evidence(NamedTuple):
    """Rows predicted by a fit that has seen no row of their group; arrays [row].

    Attributes:
      missed: size of the error of log step time [1].
      explained: variance that the constants' covariance explains [1].
      kind, stack, group: what the row is.
    """

    missed: np.ndarray
    explained: np.ndarray
    kind: np.ndarray
    stack: np.ndarray
    group: np.ndarray


def evidence(stacked: Table, told: np.ndarray, posterior: Posterior) -> Evidence:
    """Compare unseen rows with what was told of them [job] [s]."""
    _, picked = predict(stacked, posterior)
    measured = np.log([job.seconds for job in stacked.jobs])
    return Evidence(
        np.abs(np.log(told) - measured),
        explained(stacked, picked, posterior),
        np.asarray([kind_of(job) for job in stacked.jobs]),
        np.asarray([stack for _, stack in stacked.keys]),
        np.asarray([job.run.group for job in stacked.jobs]),
    )


def widened(posterior: Posterior, *seen: Evidence) -> dict[str, float]:
    """Return the noise that makes 90 % intervals hold unseen rows [1].

    What the covariance of the constants does not explain is noise of the software and
    of the model itself; it is the part a new group would meet.  It is told by kind of
    model and, as far as its own groups go, by stack (`noise_name`).
    """
    every = Evidence(*(np.concatenate(columns) for columns in zip(*seen, strict=True)))
    noise = dict(posterior.noise)
    for kind, least in posterior.noise.items():
        known = (every.kind == kind) & np.isfinite(every.missed)
        if known.sum() < FEWEST_ROWS:
            continue
        noise[kind] = common = _unexplained(every, known, least)
        for stack in sorted(set(every.stack[known])):
            own = known & (every.stack == stack)
            if own.sum() < FEWEST_ROWS:
                continue
            told = _unexplained(every, own, least / 2.0)
            groups = len(set(every.group[own]))
            share = groups / (groups + SHRUNK_GROUPS)
            mixed = share * told**2 + (1.0 - share) * common**2
            noise[noise_name(stack, kind)] = float(mixed**0.5)
    return noise


def _unexplained(every: Evidence, rows: np.ndarray, least: float) -> float:
    """Deviation that, added to what is explained, holds 90 % of the misses [1]."""
    missed, groups = every.missed[rows], every.group[rows]
    # Every group counts once: long sweeps of one model are one experience.
    weight = np.asarray([1.0 / (groups == group).sum() for group in groups])
    order = np.argsort(missed)
    total = np.cumsum(weight[order]) / weight.sum()
    ninety = missed[order][min(np.searchsorted(total, 0.9), len(order) - 1)]
    explained = np.average(every.explained[rows], weights=weight)
    return float(max((ninety / NINETY) ** 2 - explained, least**2) ** 0.5)


def save(posterior: Posterior, name: str, folder: Path, about: dict[str, Any]) -> None:
    """Write a posterior: a readable table, and its covariance beside it.

    Args:
      posterior: what was fitted.
      name: `shipped.POSTERIOR` or `shipped.JUDGED`.
      folder: where to write both files.
      about: when, from what and how well, for the reader.
    """
    spread = np.sqrt(np.diag(posterior.covariance))
    constants = [
        [*name, round(float(mean), 5), round(float(deviation), 4)]
        for name, mean, deviation in zip(
            posterior.names, posterior.mean, spread, strict=True
        )
    ]
    lines = ",\n".join("    " + json.dumps(row) for row in constants)
    head = json.dumps({**about, "noise": posterior.noise}, indent=2)
    text = head[:-2] + ',\n  "rows": ' + json.dumps(list(posterior.rows))
    text += ',\n  "constants": [\n' + lines + "\n  ]\n}\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    lower = np.tril_indices(len(spread))
    correlation = posterior.covariance / np.outer(spread, spread)
    np.savez_compressed(
        folder / f"{name}.npz", correlation=correlation[lower].astype(np.float16)
    )


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
    save(posterior, name, _PACKAGE / "calibration" / "step_time", about)
    return (
        f"fit on {len(posterior.rows)} published runs, {today}; cross-validated error"
        f" {100 * mean:.1f} % mean, {100 * median:.1f} % median"
    )


def write_catalog(posterior: Posterior, source: str) -> None:
    """Write the entry of every shipped platform."""
    entries = {
        platform.name: platforms.entry(platform, posterior, source)
        for platform in SHIPPED
    }
    text = written.text(entries, _HEADING)
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
