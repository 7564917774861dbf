"""The answer to a study in which nothing is left to find."""

from __future__ import annotations

import dataclasses
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from supernode_opt.answer.operators import operators
from supernode_opt.answer.verdict import verdict
from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.evidence.told import Evidence, behind
from supernode_opt.config import resolve
from supernode_opt.config.study import Study
from supernode_opt.problem.build import build_design
from supernode_opt.problem.constraints import is_robust
from supernode_opt.reading.node import StudyError
from supernode_opt.robust.solve import Certain, standing
from supernode_opt.search.solution import (
    ConstraintState,
    constraint_states,
    plain_report,
)
from supernode_opt.system.report import Report
from supernode_opt.uncertainty.intervals import ready

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What the one design of a study does, and how it stands to its limits.

    Light, for what a table or a figure needs beside it is made when it is asked for.

    Attributes:
      study: what was asked.
      report: of its design, plain floats in SI.
      constraints: state of every limit, the study's first.
      status: "feasible" or "infeasible".
      message: one sentence and more, for people.
      memory_verdict: how likely it fits, in a word or two.
      broken: (limit, per cent by which it must give way) of all that are not kept.
      wall_s: duration [s].
    """

    study: Study
    report: Report
    constraints: tuple[ConstraintState, ...]
    status: str
    message: str
    memory_verdict: str
    broken: tuple[tuple[str, float], ...]
    wall_s: float

    @property
    def feasible(self) -> bool:
        """Whether every limit is kept."""
        return not self.broken

    @property
    def objective(self) -> float:
        """The quantity that the study seeks, in SI."""
        return float(getattr(self.report, self.study.problem.objective.name))

    @property
    def design(self) -> dict[str, float | str]:
        """Values by `Design` field in SI, and data_parallel; choices by name."""
        problem = self.study.problem
        if problem.scenario.serving is not None:
            return dict(problem.fixed)
        return {**problem.fixed, "data_parallel": self.report.data_parallel}

    @cached_property
    def evidence(self) -> Evidence | None:
        """The measured runs behind it; none of serving are told yet."""
        problem = self.study.problem
        if problem.scenario.serving is not None:
            return None
        return behind(problem.scenario, problem.fixed)

    @cached_property
    @precisely
    def operators(self) -> dict[str, Any]:
        """Kernels of one forward pass: name, flops [flop], bytes [B], time [s]."""
        problem = self.study.problem
        return operators(
            build_design(problem.fixed, problem.scenario), problem.scenario
        )

    @precisely
    def dataset(self) -> xr.Dataset:
        """Return it as the labelled dataset that results are saved as, with ranges."""
        from supernode_opt.answer.asked import completed
        from supernode_opt.results import store

        problem = self.study.problem
        dataset = store.to_dataset(
            resolve.text(self.study),
            self.design,
            problem.scenario,
            self.report,
            seed=self.study.seed,
            objective=problem.objective.name,
            constraints=self.constraints,
            operators=self.operators,
            notes={
                "status": self.status,
                "message": self.message,
                "memory_verdict": self.memory_verdict,
                "certificate": {},
                "alternatives": [],
                "prices": [],
                "relaxation": self.broken or None,
                "evaluations": 1,
                "assumed": list(self.study.chosen.assumed),
                "evidence": None if self.evidence is None else self.evidence.plain(),
                "wall_s": self.wall_s,
            },
        )
        if is_robust(problem):
            try:
                told = standing(problem, problem.fixed, self.report, self.study.seed)
            except Certain as error:
                raise StudyError(f"{self.study.name}: {error}") from None
            dataset = dataset.assign_attrs(robustness=json.dumps(told))
        return completed(dataset, self.study, self.design, problem.scenario)


@precisely
def evaluated(study: Study) -> Evaluation:
    """Evaluate the one design of `study` and judge it by its limits.

    A study of a structure that was evaluated before, with other numbers in it, takes
    milliseconds.

    Raises:
      StudyError: something in it is free.
    """
    _fixed(study)
    began = time.perf_counter()
    problem = study.problem
    report = plain_report(problem.fixed, problem.scenario)
    states = constraint_states(problem, report)
    found = verdict(problem, report, states)
    return Evaluation(
        study=study,
        report=report,
        constraints=tuple(states),
        status="infeasible" if found.broken else "feasible",
        message=found.message,
        memory_verdict=found.memory,
        broken=found.broken,
        wall_s=time.perf_counter() - began,
    )


@precisely
def evaluate_study(study: Study) -> xr.Dataset:
    """Return `evaluated(study)` as the dataset that results are saved as.

    Raises:
      StudyError: something in it is free.
    """
    _fixed(study)
    problem = study.problem
    design = build_design(problem.fixed, problem.scenario)
    # The program for ranges is read or compiled beside the others.
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(precisely(ready), design, problem.scenario, problem.origins)
        return evaluated(study).dataset()


def _fixed(study: Study) -> None:
    """Refuse a study in which something is left to find."""
    if study.free:
        names = ", ".join(study.free)
        raise StudyError(
            f"{study.name}: evaluate needs every variable fixed; free are: {names}."
            " `run` finds them"
        )
