"""Cross-validation: every row predicted by a fit that has seen no row of its group."""

from collections.abc import Callable

import numpy as np

from supernode_opt.calibration.fit import Posterior, Prior, Table, fit, predict
from supernode_opt.calibration.intervals import NINETY, kind_of, noise_name, spread

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


def widened(
    stacked: Table, crossed: np.ndarray, posterior: Posterior
) -> dict[str, float]:
    """Return the noise that makes 90 % intervals hold out-of-fold rows [1].

    What the covariance of the constants does not explain is noise of the software and
    of the model itself; it is the part a new group would meet.  It is told by kind of
    model and, as far as its own groups go, by stack (`noise_name`).
    """
    _, picked = predict(stacked, posterior)
    measured = np.log([job.seconds for job in stacked.jobs])
    missed = np.abs(np.log(crossed) - measured)
    silent = Posterior(posterior.names, posterior.mean, posterior.covariance, (), {})
    explained = spread(stacked, picked, silent) ** 2
    kinds = np.asarray([kind_of(job) for job in stacked.jobs])
    stacks = np.asarray([stack for _, stack in stacked.keys])
    groups = np.asarray([job.run.group for job in stacked.jobs])
    noise = dict(posterior.noise)
    for kind in posterior.noise:
        known = (kinds == kind) & np.isfinite(missed)
        if known.sum() < FEWEST_ROWS:
            continue
        least = posterior.noise[kind]
        common = _unexplained(missed[known], explained[known], groups[known], least)
        noise[kind] = common
        for stack in sorted(set(stacks[known])):
            own = known & (stacks == stack)
            if own.sum() < FEWEST_ROWS:
                continue
            told = _unexplained(missed[own], explained[own], groups[own], least / 2.0)
            share = len(set(groups[own])) / (len(set(groups[own])) + SHRUNK_GROUPS)
            mixed = share * told**2 + (1.0 - share) * common**2
            noise[noise_name(stack, kind)] = float(mixed**0.5)
    return noise


def _unexplained(
    missed: np.ndarray, explained: np.ndarray, groups: np.ndarray, least: float
) -> float:
    """Deviation that, added to what is explained, holds 90 % of the misses [1]."""
    # Every group counts once: long sweeps of one model are one experience.
    weight = np.asarray([1.0 / (groups == group).sum() for group in groups])
    order = np.argsort(missed)
    total = np.cumsum(weight[order]) / weight.sum()
    ninety = missed[order][min(np.searchsorted(total, 0.9), len(order) - 1)]
    rest = (ninety / NINETY) ** 2 - np.average(explained, weights=weight)
    return float(max(rest, least**2) ** 0.5)
