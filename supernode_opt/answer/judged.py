"""The shipped calibration, or one of one's own, judged by tables of measurements."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supernode_opt.calibration.data import runs as tables
from supernode_opt.calibration.data.runs import BadRuns
from supernode_opt.reading.node import StudyError

Say = Callable[[str], None]
# A report as plain values, and the dataset that figures are drawn from.
Judged = tuple[dict[str, Any], Any]


def kind(runs: Path | None, platform: str = "") -> str:
    """Return of which kind a table is: runs, serving, gemm, memory or collectives.

    Raises:
      BadRuns: it cannot be read.
      StudyError: a platform is named for a table that has none.
    """
    found = "runs" if runs is None else tables.kind_of(runs)
    if platform and found == "memory":
        # A platform of one's own has fitted times, not peaks.
        found = "runs"
    if platform and found != "runs":
        raise StudyError(f"--platform: a table of {found} has none")
    return found


def judged(
    runs: Path | None, platform: str = "", say: Say = lambda line: None
) -> tuple[str, dict[str, Any], Any]:
    """Predict what was measured; return the kind of table, a report and a dataset.

    Args:
      runs: a table, CSV; the shipped training runs if `None`.
      platform: of one's own, as whose runs all are predicted.
      say: told how much is predicted, and what a table leaves to be assumed.

    Raises:
      StudyError: the table cannot be used; the text is one line.
    """
    try:
        found = kind(runs, platform)
        if runs is None or found == "runs":
            return "runs", *_runs(runs, platform, say)
        judges = {
            "gemm": _gemm,
            "memory": _memory,
            "collectives": _collectives,
            "serving": _serving,
        }
        return found, *judges[found](runs, say)
    except BadRuns as error:
        written = str(error)
        where = "" if runs is None or written.startswith(str(runs)) else f"{runs}: "
        raise StudyError(f"{where}{written}") from None


def _runs(runs: Path | None, platform: str, say: Say) -> Judged:
    """Judge step times; shipped rows by a calibration that saw none of their groups."""
    from supernode_opt.calibration.step_time import own_platform, shipped, validation

    table = tables.shipped() if runs is None else tables.read(runs)
    if platform:
        known = own_platform.find(platform)
        say(f"predicting {len(table)} rows as runs of {platform}")
        read = functools.partial(own_platform.read_as, known.platform)
        seen = validation.validate(table, known.posterior, read)
        about = {"platform": platform}
    else:
        say(f"predicting {len(table)} rows")
        fitted = shipped.judged() if runs is None else shipped.posterior()
        seen, about = validation.validate(table, fitted), {}
    if runs is not None and not seen.jobs:
        reasons = "; ".join(sorted({why for _, why in seen.refused})[:3])
        raise StudyError(
            f"{runs}: no row can be used: {reasons or 'the file is empty'}"
        )
    return {**about, **validation.report(seen)}, validation.dataset(seen)


def _gemm(runs: Path, say: Say) -> Judged:
    from supernode_opt.calibration.gemm import score
    from supernode_opt.calibration.gemm.predict import shipped
    from supernode_opt.calibration.gemm.table import read

    table = read([runs])
    say(f"predicting {len(table)} GEMMs")
    seen = score.score(table, shipped())
    return score.report(seen), score.dataset(seen)


def _memory(runs: Path, say: Say) -> Judged:
    from supernode_opt.calibration import peaks

    table = tables.read(runs)
    say(f"predicting {len(table)} peaks")
    seen = peaks.predict(table)
    return peaks.report(seen), peaks.dataset(seen)


def _collectives(runs: Path, say: Say) -> Judged:
    from supernode_opt.calibration.collectives import judge
    from supernode_opt.calibration.collectives.table import read

    table = read(runs, say)
    say(f"predicting {len(table)} collectives")
    seen = judge.judge(table)
    return judge.report(seen), judge.dataset(seen)


def _serving(runs: Path, say: Say) -> Judged:
    from supernode_opt.calibration.serving import judge, posterior
    from supernode_opt.calibration.serving.dataset import dataset
    from supernode_opt.calibration.serving.tables import read

    table = read(runs)
    say(f"predicting {len(table)} rows of machines that serve")
    seen = judge.judge(table, posterior.shipped())
    if not seen.jobs:
        reasons = "; ".join(sorted({why for _, why in seen.refused})[:3])
        raise BadRuns(f"no row can be used: {reasons or 'the file is empty'}")
    return judge.report(seen), dataset(seen)
