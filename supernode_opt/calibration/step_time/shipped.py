"""The calibrations that come with the package.

There are two.  `posterior()` is fitted on every row that is not kept for validation; it
is what predictions use.  `judged()` has seen no row of any group (model on accelerator)
that has a validation row, whatever software it ran; published errors are its errors.
"""

import functools
import json
from importlib import resources

import numpy as np

from supernode_opt.calibration.step_time.posterior import Posterior

_FOLDER = "supernode_opt.calibration.step_time"
POSTERIOR, JUDGED = "posterior", "posterior_judged"


def posterior() -> Posterior:
    """Return the calibration that predictions use."""
    return _load(POSTERIOR)


def judged() -> Posterior:
    """Return the calibration that knows no group it is judged on."""
    return _load(JUDGED)


@functools.cache
def _load(name: str) -> Posterior:
    folder = resources.files(_FOLDER)
    table = json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))
    names = tuple((row[0], row[1], row[2]) for row in table["constants"])
    mean = np.asarray([row[3] for row in table["constants"]])
    spread = np.asarray([row[4] for row in table["constants"]])
    with folder.joinpath(f"{name}.npz").open("rb") as file, np.load(file) as stored:
        lower = stored["correlation"].astype(float)
    correlation = np.zeros((len(mean), len(mean)))
    correlation[np.tril_indices(len(mean))] = lower
    correlation = np.maximum(np.abs(correlation), np.abs(correlation.T)) * np.sign(
        correlation + correlation.T
    )
    np.fill_diagonal(correlation, 1.0)
    return Posterior(
        names=names,
        mean=mean,
        covariance=correlation * np.outer(spread, spread),
        rows=tuple(table["rows"]),
        noise=table["noise"],
    )
