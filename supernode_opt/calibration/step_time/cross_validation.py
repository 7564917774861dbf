"""Cross-validation: every row predicted by a fit that has seen no row of its group."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from supernode_opt.calibration.step_time.fit import (
    Posterior,
    Prior,
    Table,
    fit,
    predict,
)
from supernode_opt.calibration.step_time.intervals import (
    NINETY,
    kind_of,
    noise_name,
    spread,
)

FOLDS = 5
# Rows below which a stack does not tell its own noise, and groups that count as much
# as all other stacks together.
FEWEST_ROWS = 10
SHRUNK_GROUPS = 2.0


def cross_validate(
    stacked: Table,
    seed: int = 0,
    prior: Prior | None = None,
    show: Callable[[float], None] = lambda done: None,
) -> np.ndarray:
    """Return the out-of-fold prediction of each job [job] [s].

    Groups (model and accelerator) are dealt to at most `FOLDS` folds; a table of one
    group gives no prediction, which is NaN.
    """
    groups = sorted({job.run.group for job in stacked.jobs})
    result = np.full(len(stacked.jobs), np.nan)
    if len(groups) < 2:
        return result
    order = np.random.default_rng(seed).permutation(len(groups))
    folds = min(FOLDS, len(groups))
    fold = {groups[group]: place % folds for place, group in enumerate(order)}
    member = np.asarray([fold[job.run.group] for job in stacked.jobs])
    for number in range(folds):
        held = member == number
        fitted = fit(stacked, prior=prior, weights=1.0 - held)
        result[held] = predict(stacked, fitted)[0][held, 0]
        show((number + 1) / folds)
    return result


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
    silent = dataclasses.replace(posterior, noise={})
    return Evidence(
        np.abs(np.log(told) - measured),
        spread(stacked, picked, silent) ** 2,
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
