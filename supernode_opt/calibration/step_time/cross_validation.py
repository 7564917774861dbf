"""Cross-validation: every row predicted by a fit that has seen no row of its group."""

from collections.abc import Callable

import numpy as np

from supernode_opt.calibration.step_time.fit import (
    Prior,
    Table,
    fit,
    predict,
)

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
        fitted = fit(
            stacked, prior=prior, weights=1.0 - held, own_scale=prior is not None
        )
        result[held] = predict(stacked, fitted)[0][held, 0]
        show((number + 1) / folds)
    return result
