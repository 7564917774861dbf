"""From a study to a dataset, by search."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import xarray as xr

from supernode_opt.answer.asked import completed, evidence_of
from supernode_opt.answer.operators import operators
from supernode_opt.batch.identity import identity
from supernode_opt.batch.precise import precisely
from supernode_opt.config import resolve
from supernode_opt.config.study import Study
from supernode_opt.problem.build import build_design
from supernode_opt.problem.constraints import is_robust
from supernode_opt.reading.node import StudyError
from supernode_opt.record import get
from supernode_opt.results import store
from supernode_opt.robust import solve as robust
from supernode_opt.robust.regret import distrusted
from supernode_opt.search.journal import Journal, Stranger
from supernode_opt.search.relaxed import moves
from supernode_opt.search.rules import STEPS
from supernode_opt.search.settings import STOPPED, Progress, Settings
from supernode_opt.search.solution import plain_report
from supernode_opt.search.solve import optimize
from supernode_opt.search.start import Start
from supernode_opt.system.scenario import apply
from supernode_opt.uncertainty.intervals import ready
from supernode_opt.workload.split import TooManySplits

NO_DESIGN = "there is no design to consider"


def asked(study: Study) -> str:
    """Return the question, and the program that is asked, as one string."""
    told = f"{resolve.text(study)}\n{identity()}"
    return hashlib.sha256(told.encode()).hexdigest()


@precisely
def run(
    study: Study,
    progress: Callable[[Progress], None] | None = None,
    keeps: bool = False,
    start: Start | None = None,
    journal: Journal | None = None,
) -> xr.Dataset:
    """Answer a study by optimization; see `optimize` for the arguments.

    Raises:
      StudyError: no design is legal whatever the limits, there are too many, or the
        journal is of another question.
    """
    problem = study.problem
    if not moves(problem):
        _used(study, "every count and choice is fixed")
    search = robust.optimize if is_robust(problem) else _plain
    # What tells of the answer is read or compiled while it is sought.
    pool = ThreadPoolExecutor(max_workers=1)
    pool.submit(precisely(_ready), study)
    try:
        answer = search(
            problem, study.settings, study.seed, progress, keeps, start, journal
        )
    except Stranger as error:
        raise StudyError(str(error)) from None
    except ValueError as error:
        # Other errors of this type are faults of ours and must show where they arose.
        known = isinstance(error, TooManySplits | robust.Certain)
        if not known and NO_DESIGN not in str(error):
            raise
        raise StudyError(f"{study.name}: {error}") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Nobody waits in vain.
    solution = answer.solution
    if not solution.history and solution.status != STOPPED and start is None:
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
        evidence=evidence_of(solution.scenario, solution.design),
    )
    made, regret = distrusted(problem, solution, study.seed)
    told = {
        "regret": None if regret is None else regret.plain(),
        "robustness": answer.robustness,
    }
    dataset = dataset.assign_attrs({k: json.dumps(v) for k, v in told.items() if v})
    return completed(dataset, study, solution.design, solution.scenario, made)


def _plain(*asked: Any) -> robust.Answer:
    """Answer a study at the catalog's constants alone."""
    return robust.Answer(optimize(*asked), None)


def _ready(study: Study) -> None:
    """Read or compile what tells of a design of the study."""
    problem = study.problem
    values = {v.name: v.low for v in problem.variables}
    values |= {choice.name: choice.options[0] for choice in problem.choices}
    scenario = apply(problem.scenario, {n: v for n, v in values.items() if "." in n})
    chosen = problem.fixed | {n: v for n, v in values.items() if "." not in n}
    design = build_design(chosen, scenario)
    ready(design, scenario, problem.origins)
    plain_report(chosen, scenario)
    operators(design, scenario)


def _used(study: Study, why: str) -> None:
    """Refuse settings of the descent's steps where there is no descent.

    Raises:
      StudyError: one is not what it is by itself.
    """
    plain = Settings()
    for name in STEPS if study.settings.outer else ():
        if getattr(study.settings, name) != getattr(plain, name):
            raise StudyError(f"{study.name}: `solver.{name}` has no effect: {why}")
