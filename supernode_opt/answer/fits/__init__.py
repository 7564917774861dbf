"""Constants fitted to tables of measurements, by kind of table."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from supernode_opt.calibration.data.runs import BadRuns, kind_of
from supernode_opt.reading.node import StudyError

# What is told while a fit runs: what is done, and which share of it.
Show = Callable[[str, float], None]
Say = Callable[[str], None]


def kind(runs: Sequence[Path]) -> str:
    """Return of which kind the tables are: runs, gemm or collectives.

    Raises:
      StudyError: a table cannot be read, or they are of several kinds.
    """
    try:
        kinds = {kind_of(path) for path in runs}
    except BadRuns as error:
        raise StudyError(str(error)) from None
    # Of runs that tell their memory as well, the times are fitted.
    kinds = sorted({"runs" if one == "memory" else one for one in kinds})
    if len(kinds) > 1:
        raise StudyError(f"--runs: tables of {' and '.join(kinds)} in one fit")
    return kinds[0]


def fitted(
    runs: Sequence[Path],
    name: str,
    seed: int,
    show: Show,
    say: Say = lambda line: None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Fit the constants of a platform to its tables.

    Args:
      runs: tables of one kind, CSV.
      name: of the new catalog entries.
      seed: of the fit.
      show: told what is being done and how far.
      say: told what a table leaves to be assumed.

    Returns:
      What was found as plain values, and the text of catalog files by name.

    Raises:
      StudyError: a table cannot be used.
    """
    if not name.isidentifier():
        raise StudyError(f"--platform: {name!r} must be letters, digits and _")
    fitter = importlib.import_module(f"{__name__}.{kind(runs)}")
    try:
        return fitter.fitted(list(runs), name, seed, show, say)
    except BadRuns as error:
        raise StudyError(str(error)) from None
