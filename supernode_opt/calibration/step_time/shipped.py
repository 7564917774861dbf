"""The calibrations that come with the package: saving and loading a posterior.

There are two.  `posterior()` is fitted on every row that is not kept for validation; it
is what predictions use.  `judged()` has seen no row of any group (model on accelerator)
that has a validation row, whatever software it ran; published errors are its errors.
"""

import functools
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from supernode_opt.calibration.step_time.fit import Posterior

_FOLDER = "supernode_opt.calibration.step_time"
POSTERIOR, JUDGED = "posterior", "posterior_judged"


def save(posterior: Posterior, name: str, folder: Path, about: dict[str, Any]) -> None:
    """Write a posterior: a readable table, and its covariance beside it.

    Args:
      posterior: what was fitted.
      name: `POSTERIOR` or `JUDGED`.
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
