"""From a document to a front on disk, resumable after any stop."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from supernode_opt.batch.precise import precisely
from supernode_opt.config.study import Study, refuse_several, understand
from supernode_opt.pareto.batches import with_batches
from supernode_opt.pareto.dataset import dataset, text_of
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.front import front_of
from supernode_opt.pareto.journal import Journal
from supernode_opt.pareto.section import Section, read_section, with_objective
from supernode_opt.problem.constraints import is_robust
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.results import kinds, store, table
from supernode_opt.results.publish import publication, state
from supernode_opt.results.versions import git_commit, versions

NAME = "front.nc"
_NO_DESIGN = "there is no design to consider"


def read(
    top: Node, default_name: str = "study", objectives: Sequence[str] = ()
) -> tuple[Study, Section]:
    """Read a study with its front.

    Args:
      top: the document.
      default_name: what the answer is called if it does not say.
      objectives: `SENSE:NAME` in place of those of the document.

    Raises:
      StudyError: anything in it cannot be used.
    """
    refuse_several(top)
    section = top.mapping().get("pareto")
    top = with_objective(top, section, objectives)
    study = understand(top, default_name)
    wanted = read_section(top, study, section, objectives)
    study = with_batches(study, wanted.goals)
    if not study.free:
        raise StudyError(f"{top.place}: nothing is free: a front needs a choice")
    if is_robust(study.problem):
        raise StudyError(
            f"{top.place}: a front is of quantities as they are expected: leave out"
            " quantiles and probabilities"
        )
    return study, wanted


@precisely
def pareto(
    study: Study,
    section: Section,
    *,
    out: Path | None = None,
    resume: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> xr.Dataset:
    """Find the front of a study.

    Args:
      study: the question.
      section: what is wanted at once.
      out: folder of the result; without one it is only in memory.
      resume: go on with what was stopped on the way to `out`.
      progress: called with what is done and how far.

    Raises:
      StudyError: no design is legal whatever the limits, or work of another front is in
        the way.
      OSError: the machine refuses to write.
    """
    show = progress or (lambda what, done: None)
    question = _question(study, section)
    place = None if out is None else state(out)
    if out is not None and resume and place is not None and not place.exists():
        before = _published(out, question["asked"])
        if before is not None:
            # Stopped when all was published already.
            return before
    journal = Journal(place, question, resume)
    finished = False
    try:
        settings = study.settings
        epsilon = Epsilon.of(study.problem, section.goals, settings, study.seed)
        front = front_of(epsilon, section, journal, show)
        found = dataset(study, section, front)
        found.attrs["asked"] = question["asked"]
        if out is not None:
            _publish(found, out)
        finished = True
        return found
    except ValueError as error:
        # Others of this type are faults of ours and must show.
        if _NO_DESIGN not in str(error):
            raise
        raise StudyError(f"{study.name}: {error}") from None
    finally:
        journal.close(remove=finished)


def _question(study: Study, section: Section) -> dict[str, Any]:
    """Return what an answer depends on."""
    text = text_of(study, section)
    asked = hashlib.sha256(f"{text}{git_commit()}{versions()}".encode()).hexdigest()
    return {
        "asked": asked,
        "study": study.name,
        "objectives": list(section.goals.names),
        "seed": study.seed,
        "versions": versions(),
        "commit": git_commit(),
    }


def _published(out: Path, asked: str) -> xr.Dataset | None:
    if not (out / NAME).is_file():
        return None
    _, before = kinds.load(out)
    return before if before.attrs.get("asked") == asked else None


def _publish(found: xr.Dataset, out: Path) -> None:
    with publication(out) as folder:
        store.save(found, folder / NAME)
        (folder / "study.yaml").write_text(found.attrs["study"], encoding="utf-8")
        (folder / "report.txt").write_text(table.render(found), encoding="utf-8")
