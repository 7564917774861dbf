"""Cross-validation: every row predicted by a fit that has seen no row of its group."""

from collections.abc import Callable

import numpy as np

from supernode_opt.calibration.fit import Posterior, Prior, Table, fit, predict
from supernode_opt.calibration.intervals import NINETY, spread

FOLDS = 5


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
    """Return the noise that makes 90 % intervals hold out-of-fold rows, by kind [1].

    What the covariance of the constants does not explain is noise of the software and
    of the model itself; it is the part a new group would meet.
    """
    _, picked = predict(stacked, posterior)
    measured = np.log([job.seconds for job in stacked.jobs])
    missed = np.abs(np.log(crossed) - measured)
    bare = Posterior(
        posterior.names, posterior.mean, posterior.covariance, (), {"dense": 0.0}
    )
    explained = spread(stacked, picked, bare) ** 2
    kinds = np.asarray(["moe" if j.model.experts else "dense" for j in stacked.jobs])
    groups = np.asarray([job.run.group for job in stacked.jobs])
    sizes = {group: (groups == group).sum() for group in set(groups)}
    noise = dict(posterior.noise)
    for kind in noise:
        known = (kinds == kind) & np.isfinite(missed)
        if known.sum() < 10:
            continue
        # Every group counts once: long sweeps of one model are one experience.
        weight = np.asarray([1.0 / sizes[group] for group in groups[known]])
        order = np.argsort(missed[known])
        total = np.cumsum(weight[order]) / weight.sum()
        ninety = missed[known][order][np.searchsorted(total, 0.9)]
        rest = (ninety / NINETY) ** 2 - np.average(explained[known], weights=weight)
        noise[kind] = float(max(rest, noise[kind] ** 2) ** 0.5)
    return noise
