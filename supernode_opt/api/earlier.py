"""Answers of earlier searches, and folders, that a search is given to go on from."""

from os import PathLike
from pathlib import Path
from typing import Any

import xarray as xr

from supernode_opt.api.result import Result
from supernode_opt.reading.node import StudyError, did_you_mean
from supernode_opt.results import kinds


def earlier(start: Any, settings: tuple[str, ...]) -> tuple[str, xr.Dataset]:
    """Return the kind and the dataset of an earlier answer, or of one that was saved.

    Args:
      start: an answer, or where one was saved.
      settings: names of the solver's settings, one of which may have been meant.

    Raises:
      StudyError: it is neither.
    """
    if isinstance(start, Result):
        return start.kind, start.to_xarray()
    if isinstance(start, str | PathLike):
        return kinds.load(Path(start))
    near = did_you_mean("start", settings)
    raise StudyError(
        "optimize: `start` must be an earlier answer or the folder of one, but is"
        f" {start!r}{near}"
    )


def folder_of(resume: Any) -> Path:
    """Return the folder that keeps a search.

    Raises:
      StudyError: it is not the name of one.
    """
    if isinstance(resume, str | PathLike):
        return Path(resume)
    raise StudyError(f"optimize: `resume` must be a folder, but is {resume!r}")
