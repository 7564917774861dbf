"""Calibrating collectives: one fit per library, judged in three ways."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.collectives.constants import Posterior
from supernode_opt.calibration.collectives.fit import Problem, fit, predict, problem
from supernode_opt.calibration.collectives.judge import errors_of
from supernode_opt.calibration.collectives.table import Measurement
from supernode_opt.calibration.step_time.score import Errors

# A group left out of the fit must leave at least so many rows to fit.
_LEAST = 4
# A library with fewer rows cannot spare half of them for judging.
SPARED = 40


class Calibration(NamedTuple):
    """A fitted library and how wrong it is.

    Attributes:
      library: its name.
      rows: all its rows; about half of them were fitted, all if they are few.
      posterior: what was fitted.
      inside: errors on the fitted rows.
      unseen: errors on the others, `None` if there are none.
      without: median error [1] on the rows of a rank count, or a machine, by a fit to
        all others: {"ranks": {"2": ...}, "machine": {"dgx_a100": ...}}.
    """

    library: str
    rows: tuple[Measurement, ...]
    posterior: Posterior
    inside: Errors
    unseen: Errors | None
    without: dict[str, dict[str, float]]


@precisely
def calibrate(
    rows: Sequence[Measurement],
    show: Callable[[str, float], None] = lambda what, done: None,
) -> tuple[Calibration, ...]:
    """Fit every library of a table to its fitted half, or to all of a few rows.

    `show` is told what is being done and its done share.
    """
    libraries = sorted({row.library for row in rows})
    found = []
    for done, library in enumerate(libraries):
        show(f"fitting {library}", done / len(libraries))
        mine = tuple(row for row in rows if row.library == library)
        found.append(_calibrate(library, mine))
    show("fitted", 1.0)
    return tuple(found)


def _calibrate(library: str, rows: tuple[Measurement, ...]) -> Calibration:
    task = problem(library, rows)
    fitted = np.asarray([len(rows) < SPARED or row.is_fitted for row in rows])
    known = fit(task, fitted.astype(float))
    told = predict(task, known)
    return Calibration(
        library,
        rows,
        known,
        errors_of(rows, told, fitted),
        errors_of(rows, told, ~fitted) if (~fitted).any() else None,
        {
            "ranks": _without(task, [f"{row.ranks:.0f}" for row in rows]),
            "machine": _without(task, [row.machine.name for row in rows]),
        },
    )


def _without(task: Problem, labels: Sequence[str]) -> dict[str, float]:
    """Return the median error on each group by a fit that has seen none of it [1]."""
    found = {}
    measured = np.exp(task.measured)
    given = np.asarray(labels)
    for label in sorted(set(labels), key=lambda text: (len(text), text)):
        out = given == label
        if (~out).sum() < _LEAST:
            continue
        told = predict(task, fit(task, (~out).astype(float)))
        found[label] = float(np.median(np.abs(told / measured - 1.0)[out]))
    return found
