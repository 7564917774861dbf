"""From a study to a dataset, by search."""

import dataclasses
from collections.abc import Callable

import xarray as xr

from supernode_opt.answer.asked import completed
from supernode_opt.answer.operators import operators
from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.evidence.told import behind
from supernode_opt.config import resolve
from supernode_opt.config.study import Study
from supernode_opt.problem.build import build_design
from supernode_opt.reading.node import StudyError
from supernode_opt.record import get
from supernode_opt.results import store
from supernode_opt.search.relaxed import moves
from supernode_opt.search.rules import STEPS
from supernode_opt.search.settings import STOPPED, Progress, Settings
from supernode_opt.search.solve import optimize
from supernode_opt.workload.split import TooManySplits

NO_DESIGN = "there is no design to consider"


@precisely
def run(
    study: Study,
    progress: Callable[[Progress], None] | None = None,
    keeps: bool = False,
) -> xr.Dataset:
    """Answer a study by optimization; see `optimize` for the arguments.

    Raises:
      StudyError: no design is legal whatever the limits, or there are too many.
    """
    problem = study.problem
    if not moves(problem):
        _used(study, "every count and choice is fixed")
    try:
        solution = optimize(problem, study.settings, study.seed, progress, keeps)
    except ValueError as error:
        # Other errors of this type are faults of ours and must show where they arose.
        if not isinstance(error, TooManySplits) and NO_DESIGN not in str(error):
            raise
        raise StudyError(f"{study.name}: {error}") from None
    if not solution.history and solution.status != STOPPED:
        _used(study, "there was nothing to descend on")
    constants = {
        v.name: float(get(solution.scenario, v.name))
        for v in problem.variables
        if "." in v.name
    }
    design = build_design(solution.design, solution.scenario)
    dataset = store.from_solution(
        resolve.text(study),
        dataclasses.replace(solution, design=solution.design | constants),
        seed=study.seed,
        objective=problem.objective.name,
        operators=operators(design, solution.scenario),
        assumed=study.chosen.assumed,
        evidence=behind(solution.scenario, solution.design).plain(),
    )
    return completed(dataset, study, solution.design, solution.scenario)


def _used(study: Study, why: str) -> None:
    """Refuse settings of the descent's steps where there is no descent.

    Raises:
      StudyError: one is not what it is by itself.
    """
    plain = Settings()
    for name in STEPS if study.settings.outer else ():
        if getattr(study.settings, name) != getattr(plain, name):
            raise StudyError(f"{study.name}: `solver.{name}` has no effect: {why}")
