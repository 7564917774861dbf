"""From a study to a dataset, and from a dataset to a folder of results."""

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import xarray as xr

from supernode_opt.problem.build import build_design
from supernode_opt.record import get
from supernode_opt.search.settings import Progress
from supernode_opt.search.solve import optimize
from supernode_opt.study import resolve, store, table
from supernode_opt.study.node import StudyError
from supernode_opt.study.operators import operators
from supernode_opt.study.study import Study
from supernode_opt.workload.split import TooManySplits

NO_DESIGN = "there is no design to consider"


def run(study: Study, progress: Callable[[Progress], None] | None = None) -> xr.Dataset:
    """Answer a study by optimization.

    Raises:
      StudyError: no design is legal whatever the limits, or there are too many.
    """
    problem = study.problem
    try:
        solution = optimize(problem, study.settings, study.seed, progress)
    except ValueError as error:
        # Other errors of this type are faults of ours and must show where they arose.
        if not isinstance(error, TooManySplits) and NO_DESIGN not in str(error):
            raise
        raise StudyError(f"{study.name}: {error}") from None
    constants = {
        v.name: float(get(solution.scenario, v.name))
        for v in problem.variables
        if "." in v.name
    }
    design = build_design(solution.design, solution.scenario)
    return store.from_solution(
        resolve.text(study),
        dataclasses.replace(solution, design=solution.design | constants),
        seed=study.seed,
        objective=problem.objective.name,
        operators=operators(design, solution.scenario),
    )


def write(dataset: xr.Dataset, folder: Path) -> None:
    """Put data, question and table of a result into `folder`."""
    store.save(dataset, folder / "design.nc")
    (folder / "study.yaml").write_text(dataset.attrs["study"], encoding="utf-8")
    (folder / "report.txt").write_text(table.render(dataset), encoding="utf-8")


@contextlib.contextmanager
def results_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill whose files appear at `target` when all are complete.

    Files that are in `target` already are replaced one by one if they have the same
    name and left alone otherwise.

    Raises:
      StudyError: nothing can be written there.
    """
    target = target.absolute()
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise StudyError(f"{target}: must be a folder to write to, but is a file")
        made = tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent)
    except OSError as error:
        raise StudyError(f"{target}: cannot be written: {error.strerror}") from None
    hidden = Path(made)
    try:
        yield hidden
        # mkdtemp makes folders private; results are for everyone the parent is for.
        hidden.chmod(0o755)
        if not target.exists():
            hidden.rename(target)
        for path in sorted(hidden.rglob("*")) if hidden.exists() else ():
            place = target / path.relative_to(hidden)
            if path.is_dir():
                place.mkdir(exist_ok=True)
            else:
                os.replace(path, place)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        # What was made on the way goes again, unless the result is in it.
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()
