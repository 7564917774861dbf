"""`study.optimize`: the search, with a bar; stopped, its best design is kept."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supernode_opt.answer.run import asked as told_of
from supernode_opt.answer.run import run
from supernode_opt.api import joint
from supernode_opt.api.earlier import earlier, folder_of
from supernode_opt.api.progress import heard, shown
from supernode_opt.api.result import Told
from supernode_opt.api.solutions import Optimized, built_study
from supernode_opt.api.sources import Read
from supernode_opt.api.values import written
from supernode_opt.api.verbs import verb
from supernode_opt.config.records import read_record
from supernode_opt.config.study import Study as Understood
from supernode_opt.config.study import asks_for_several
from supernode_opt.reading.node import StudyError, did_you_mean
from supernode_opt.results import outcome, store
from supernode_opt.search.journal import Journal
from supernode_opt.search.rules import WORDS, idle
from supernode_opt.search.settings import STOPPED, Settings, out_of_range

if TYPE_CHECKING:
    from supernode_opt.api.study import Study


@verb
def optimized(
    study: "Study",
    progress: bool | Callable[[Any], None],
    settings: Mapping[str, Any],
    start: "Optimized | str | Path | None" = None,
    resume: "str | Path | None" = None,
) -> Optimized | Told:
    """Find the best design; see `Study.optimize`.

    Raises:
      StudyError: no design is legal whatever the limits, or a setting is unknown.
      KeyboardInterrupt: it was interrupted before there was a design.
    """
    if asks_for_several(study.document):
        return joint.optimized(study, progress, settings, start, resume)
    asked = _with(study.understood, settings)
    design = _design_of(start)
    journal = None
    if resume is not None:
        file = folder_of(resume) / "search.npz"
        journal = Journal(file, told_of(asked), resume=True)
    with contextlib.ExitStack() as stack:
        show = progress
        if not callable(show):
            show = stack.enter_context(shown(bool(show)))
        tell = stack.enter_context(heard(show))
        dataset = run(asked, tell, keeps=True, start=design, journal=journal)
    if journal is not None and store.note(dataset, "status") != STOPPED:
        journal.drop()
    built = built_study(study, outcome.design(dataset))
    return Optimized(built, study, Read(dataset))


def _design_of(start: "Optimized | str | Path | None") -> dict[str, Any] | None:
    """Return the design of an earlier answer."""
    if start is None:
        return None
    kind, dataset = earlier(start, tuple(f.name for f in dataclasses.fields(Settings)))
    if kind != "design":
        raise StudyError(f"optimize: `start` is no design, but a {kind}")
    return outcome.design(dataset)


def _with(study: Understood, settings: Mapping[str, Any]) -> Understood:
    known = [field.name for field in dataclasses.fields(Settings)]
    for name, value in settings.items():
        if name not in known:
            near = did_you_mean(name, known)
            raise StudyError(f"optimize: `{name}` is no setting of the solver{near}")
        if name in WORDS and value not in WORDS[name]:
            near = did_you_mean(str(value), WORDS[name])
            raise StudyError(f"optimize: `{name}` has no {value!r}{near}")
    given = written(settings, "", "optimize")
    changed = read_record(given, Settings, study.settings)
    for name, value in settings.items():
        if said := out_of_range(name, getattr(changed, name)):
            raise StudyError(f"optimize: `{name}` {said}, but is {value!r}")
    if found := idle(settings, vars(changed)):
        raise StudyError(f"optimize: `{found[0]}` has no effect: {found[1]}")
    return dataclasses.replace(study, settings=changed)
