"""`study.optimize` where `models` lists several: one machine for all of them."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supernode_opt.api.earlier import earlier, folder_of
from supernode_opt.api.progress import heard, shown
from supernode_opt.api.result import Told
from supernode_opt.api.values import written
from supernode_opt.config.records import read_record
from supernode_opt.joint import answer
from supernode_opt.joint.journal import drop
from supernode_opt.joint.question import JointStudy, understood
from supernode_opt.joint.settings import JointSettings
from supernode_opt.reading.node import StudyError, did_you_mean
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
    folder = None if resume is None else folder_of(resume)
    machine = _machine_of(start)
    with contextlib.ExitStack() as stack:
        show = progress
        if not callable(show):
            show = stack.enter_context(shown(bool(show)))
        tell = stack.enter_context(heard(show))
        dataset = answer.run(asked, tell, folder, resume is not None, machine)
    if folder is not None:
        drop(folder)
    return Told("joint", dataset)


def _machine_of(start: Any) -> dict[str, Any] | None:
    """Return the machine of an earlier answer."""
    if start is None:
        return None
    known = tuple(field.name for field in dataclasses.fields(JointSettings))
    return answer.machine_of(earlier(start, known)[1])


def _with(asked: JointStudy, settings: Mapping[str, Any]) -> JointStudy:
    known = [field.name for field in dataclasses.fields(JointSettings)]
    for name in settings:
        if name not in known:
            near = did_you_mean(name, known)
            raise StudyError(
                f"optimize: `{name}` is no setting of a joint search{near}"
            )
    given = written(settings, "", "optimize")
    changed = read_record(given, JointSettings, asked.settings)
    for name, value in settings.items():
        if said := out_of_range(name, getattr(changed, name)):
            raise StudyError(f"optimize: `{name}` {said}, but is {value!r}")
    return dataclasses.replace(asked, settings=changed)
