"""`study.optimize` where `models` lists several: one machine for all of them."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from supernode_opt.api.progress import heard, shown
from supernode_opt.api.result import Told
from supernode_opt.joint import answer
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
    name: str,
) -> Told:
    """Find the best machine for all jobs; see `Study.optimize`.

    Raises:
      StudyError: no design is legal, or a setting is unknown.
    """
    asked = _with(understood(study.document, name), settings)
    if callable(progress):
        with heard(progress) as tell:
            return Told("joint", answer.run(asked, tell))
    with shown(bool(progress)) as show, heard(show) as tell:
        return Told("joint", answer.run(asked, tell))


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
