"""Where an answer about one design comes from: just evaluated, or a dataset."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import xarray as xr

from supernode_opt.answer.evaluation import Evaluation
from supernode_opt.problem.build import build_design
from supernode_opt.results import outcome, store
from supernode_opt.search.solution import ConstraintState
from supernode_opt.uncertainty.intervals import report_intervals


class Source(Protocol):
    """What is known of one design."""

    def number(self, name: str) -> float:
        """Return the reported quantity `name`, SI."""

    def parts(self, name: str) -> dict[str, float]:
        """Return the parts in the field `name` of the report, SI."""

    def states(self) -> Sequence[ConstraintState]:
        """Return the state of every limit, the study's first."""

    def told(self) -> dict[str, Any]:
        """Return status, message, evidence (a sentence) and what was assumed."""

    def design(self) -> dict[str, float | str]:
        """Return the design by field: SI numbers, choices by name."""

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the 5-95 % range of every quantity, SI; none where none is known."""

    def dataset(self) -> xr.Dataset:
        """Return all of it."""


class Now:
    """A design that was evaluated in this process."""

    def __init__(self, found: Evaluation) -> None:
        """Keep what was found; its dataset is made when somebody asks for it."""
        self._found = found
        self._made: xr.Dataset | None = None

    def number(self, name: str) -> float:
        """Return the reported quantity `name`, SI."""
        return float(getattr(self._found.report, name))

    def parts(self, name: str) -> dict[str, float]:
        """Return the parts in the field `name` of the report, SI."""
        return dict(vars(getattr(self._found.report, name)))

    def states(self) -> Sequence[ConstraintState]:
        """Return the state of every limit, the study's first."""
        return self._found.constraints

    def told(self) -> dict[str, Any]:
        """Return status, message, evidence (a sentence) and what was assumed."""
        evidence = self._found.evidence
        return {
            "status": self._found.status,
            "message": self._found.message,
            "evidence": "" if evidence is None else evidence.sentence,
            "assumed": list(self._found.study.chosen.assumed),
        }

    def design(self) -> dict[str, float | str]:
        """Return the design by field: SI numbers, choices by name."""
        return self._found.design

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the 5-95 % range of every quantity, SI."""
        if self._made is not None:
            return outcome.intervals(self._made)
        study = self._found.study
        problem = study.problem
        design = build_design(problem.fixed, problem.scenario)
        return report_intervals(design, problem.scenario, study.seed, problem.origins)

    def dataset(self) -> xr.Dataset:
        """Return all of it."""
        if self._made is None:
            self._made = self._found.dataset()
        return self._made


@dataclasses.dataclass(frozen=True)
class Read:
    """A design as a labelled dataset has it, of a search or from a file."""

    held: xr.Dataset

    def number(self, name: str) -> float:
        """Return the reported quantity `name`, SI."""
        return float(self.held[name])

    def parts(self, name: str) -> dict[str, float]:
        """Return the parts in the field `name` of the report, SI."""
        return {str(k): float(v) for k, v in self.held[name].to_series().items()}

    def states(self) -> Sequence[ConstraintState]:
        """Return the state of every limit, the study's first."""
        return [
            ConstraintState(**{key: row[key] for key in row if key != "unit"})
            for row in outcome.constraints(self.held)
        ]

    def told(self) -> dict[str, Any]:
        """Return status, message, evidence (a sentence) and what was assumed."""
        evidence = store.note(self.held, "evidence")
        return {
            "status": store.note(self.held, "status"),
            "message": store.note(self.held, "message"),
            # Results of older versions do not know which runs they rest on.
            "evidence": evidence["sentence"] if evidence else "",
            "assumed": store.note(self.held, "assumed") or [],
        }

    def design(self) -> dict[str, float | str]:
        """Return the design by field: SI numbers, choices by name."""
        return outcome.design(self.held)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the 5-95 % range of every quantity, SI; none where none is known."""
        return outcome.intervals(self.held)

    def dataset(self) -> xr.Dataset:
        """Return all of it."""
        return self.held
