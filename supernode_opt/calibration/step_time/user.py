"""Calibrating one platform from somebody's own runs, starting from what is shipped."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.step_time.batch import base_of
from supernode_opt.calibration.step_time.constants import CONSTANTS, INDEX, NAMES
from supernode_opt.calibration.step_time.cross_validation import cross_validate
from supernode_opt.calibration.step_time.fit import (
    Prior,
    Table,
    family_of,
    fit,
    predict,
    table,
)
from supernode_opt.calibration.step_time.intervals import NINETY, kind_of
from supernode_opt.calibration.step_time.leftover import Leftover, left_over
from supernode_opt.calibration.step_time.posterior import Posterior, constants_of
from supernode_opt.calibration.step_time.score import Errors, errors
from supernode_opt.catalog import load, provenance

# Above this share of its prior spread a constant was not identified by the rows.
UNIDENTIFIED = 0.8
# Least spread of a constant between installations: what published stacks share, one
# that nobody has seen may still have otherwise [1].
LOCAL = 0.2


class Fitted(NamedTuple):
    """A platform fitted to its own rows.

    Attributes:
      posterior: shared constants alone; they stand for this platform.
      stack: stack whose documentation applies.
      family: chip family.
      base: catalog software that its unfitted constants are from.
      prior: what was known before.
      identified: posterior over prior spread of each constant [constant] [1].
      before: errors on the rows with what was known before.
      inside: errors on the fitted rows.
      crossed: errors out of fold, `None` for a single group.
      left: kinds of rows that the form could not represent.
    """

    posterior: Posterior
    stack: str
    family: str
    base: str
    prior: Prior
    identified: np.ndarray
    before: Errors
    inside: Errors
    crossed: Errors | None
    left: tuple[Leftover, ...]


def own_prior(posterior: Posterior, family: str, stack: str, base: str = "") -> Prior:
    """Return what is known of a platform's constants before its rows are seen.

    The shipped calibration's mean and covariance for chip family and stack, widened
    by the constants' stack spread: another cluster is another installation.  Where
    microbenchmarks of the machine itself measured a constant of the software `base`,
    the mean is theirs; a training step may still differ as much as elsewhere.
    """
    mean, covariance = constants_of(posterior, family, stack)
    for name, value in _measured(base).items():
        mean[INDEX[name]] = np.log(value)
    local = np.asarray([max(constant.stack, LOCAL) for constant in CONSTANTS])
    spread = np.sqrt(np.diag(covariance) + local**2)
    return Prior(tuple((name, "shared", "") for name in NAMES), mean, spread)


def _measured(base: str) -> dict[str, float]:
    """Return the fitted constants that were measured for software `base`."""
    if not base:
        return {}
    unfused = load("software", base).score_bytes > 0.0
    renamed = {"attention_efficiency": "unfused_efficiency"} if unfused else {}
    return {
        renamed.get(field, field): number.value
        for field, number in provenance("software", base).items()
        if number.confidence == "measured"
        and number.value > 0.0
        and renamed.get(field, field) in INDEX
    }


@precisely
def calibrate(
    jobs: Sequence[Job],
    shipped: Posterior,
    seed: int,
    show: Callable[[str, float], None],
) -> Fitted:
    """Fit one platform, named by its most frequent chip family and stack, to its rows.

    `shipped` gives the prior, `seed` deals groups to folds, and `show` is told what is
    being done and its done share.

    Raises:
      ValueError: there are no rows.
    """
    if not jobs:
        raise ValueError("there is no row that could be fitted")
    stacked = table(jobs)
    keys = [(family_of(job.chip), job.stack.name) for job in jobs]
    family, stack = max(sorted(set(keys)), key=keys.count)
    usual = jobs[keys.index((family, stack))]
    base = base_of(usual)
    # Its documentation is its own, its constants may be another's.
    prior = own_prior(shipped, family, usual.stack.fitted, base)
    fitted = fit(
        stacked, prior=prior, show=lambda done: show("fitting", done), own_scale=True
    )
    crossed = cross_validate(
        stacked, seed, prior, lambda done: show("cross-validating", done)
    )
    result, _ = predict(stacked, fitted)
    told = result[:, 0]
    judged = told if np.isnan(crossed).any() else crossed
    spread = np.sqrt(np.diag(fitted.covariance))
    return Fitted(
        posterior=_signed(fitted, shipped, stacked, judged),
        stack=stack,
        family=family,
        base=base,
        prior=prior,
        identified=spread / prior.spread,
        before=_errors(stacked, predict(stacked, _unfitted(prior))[0][:, 0]),
        inside=_errors(stacked, told),
        crossed=None if np.isnan(crossed).any() else _errors(stacked, crossed),
        left=left_over(stacked.jobs, result[:, 1], told, stacked.measured),
    )


def _unfitted(prior: Prior) -> Posterior:
    """Return a posterior that has seen no row."""
    return Posterior(prior.names, prior.mean, np.diag(prior.spread**2), (), {})


def _signed(
    fitted: Posterior, shipped: Posterior, stacked: Table, judged: np.ndarray
) -> Posterior:
    """Return the posterior with the noise that predictions of `judged` rows show.

    Errors have longer tails than a normal distribution: nine rows of ten must lie in
    the interval, out of fold where there are folds.  At least the shipped noise is kept
    where rows are too few to show their own.
    """
    error = np.abs(np.log(judged / stacked.measured))
    kinds = np.asarray([kind_of(job) for job in stacked.jobs])
    noise = {
        kind: max(
            own,
            shipped.noise.get(kind, own),
            float(np.quantile(error[kinds == kind], 0.9)) / NINETY,
        )
        for kind, own in fitted.noise.items()
    }
    rows = tuple(job.run.identity for job in stacked.jobs)
    return dataclasses.replace(fitted, noise=noise, rows=rows)


def _errors(stacked: Table, predicted: np.ndarray) -> Errors:
    names = [job.run.name for job in stacked.jobs]
    return errors(predicted, stacked.measured, names)
