"""`study.optimize` where `models` lists several: one machine for all of them."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supernode_opt.api.progress import heard, shown
from supernode_opt.api.result import Result, Told
from supernode_opt.joint import answer
from supernode_opt.joint.journal import drop
from supernode_opt.joint.question import JointStudy, understood
from supernode_opt.joint.settings import JointSettings
from supernode_opt.reading.node import StudyError, did_you_mean
from supernode_opt.results import kinds
from supernode_opt.search.settings import out_of_range

if TYPE_CHECKING:
    from supernode_opt.api.study import Study


def optimized(
    study: "Study",
    progress: bool | Callable[[Any], None],
    settings: Mapping[str, Any],
    start: Any = None,
    resume: str | Path | None = None,
) -> Told:
    """Find the best machine for all jobs; see `Study.optimize`.

    Raises:
      StudyError: no design is legal, a setting is unknown, or the folder holds the
        search of another question.
    """
    asked = _with(understood(study.document, study._name), settings)
    folder = None if resume is None else Path(resume)
    with contextlib.ExitStack() as stack:
        show = progress
        if not callable(show):
            show = stack.enter_context(shown(bool(show)))
        tell = stack.enter_context(heard(show))
        machine = None if start is None else answer.machine_of(_dataset_of(start))
        dataset = answer.run(asked, tell, folder, resume is not None, machine)
    if folder is not None:
        drop(folder)
    return Told("joint", dataset)


def _dataset_of(start: Any) -> Any:
    """Return an earlier answer, or one that was saved, as its dataset."""
    return (
        start.to_xarray() if isinstance(start, Result) else kinds.load(Path(start))[1]
    )


def _with(asked: JointStudy, settings: Mapping[str, Any]) -> JointStudy:
    known = [field.name for field in dataclasses.fields(JointSettings)]
    for name, value in settings.items():
        if name not in known:
            near = did_you_mean(name, known)
            raise StudyError(
                f"optimize: `{name}` is no setting of a joint search{near}"
            )
        if said := out_of_range(name, value):
            raise StudyError(f"optimize: `{name}` {said}, but is {value!r}")
    changed = dataclasses.replace(asked.settings, **settings)
    return dataclasses.replace(asked, settings=changed)
