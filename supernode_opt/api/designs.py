"""Answers about one design: evaluated as it is, or found by search."""

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from supernode_opt.answer import evaluation
from supernode_opt.api import wording
from supernode_opt.api.result import Result, found
from supernode_opt.api.sources import Now, Source
from supernode_opt.api.verbs import verb
from supernode_opt.batch.precise import precise
from supernode_opt.reading.node import did_you_mean
from supernode_opt.results import outcome
from supernode_opt.search.solution import ConstraintState, nearest
from supernode_opt.system.report import FACTS, Report, parts, scalars
from supernode_opt.units import quantity_of, with_unit

if TYPE_CHECKING:
    from supernode_opt.api.study import Study

# Limits that are shown even where they do not bind.
_NEAREST = 4


class Evaluated(Result):
    """What one design does.

    Reported quantities are attributes and items, in SI: `report.mfu`, `report["power"]`
    [W]; `report.quantity("power")` is the same with its unit.

    Attributes:
      study: with everything frozen, as it was evaluated.
      asked: the study as it was asked; of what was free there, see `taken`.
      how: in words, how what was free got its value.
    """

    kind = "design"
    how = "taken as built, with the best split"

    def __init__(self, study: "Study", asked: "Study", source: Source) -> None:
        """Keep the answer `source` to `study`."""
        self.study, self.asked, self._source = study, asked, source

    def __getitem__(self, name: str) -> float:
        """Return the reported quantity `name`, SI.

        Raises:
          StudyError: nothing is reported under this name.
        """
        found(dict.fromkeys(self._scalars, True), name, "quantity of the report")
        return self._source.number(name)

    def __getattr__(self, name: str) -> float:
        """Return the reported quantity `name`, SI."""
        # What is not made yet has no study to look at.
        if not name.startswith("_") and name in self._scalars:
            return self[name]
        near = "" if name.startswith("_") else did_you_mean(name, dir(self))
        kind = type(self).__name__
        raise AttributeError(f"{kind!r} has no attribute {name!r}{near}")

    def __dir__(self) -> list[str]:
        """Return what there is, reported quantities included."""
        return sorted({*super().__dir__(), *self._scalars})

    @property
    def _scalars(self) -> tuple[str, ...]:
        """Names of what is reported."""
        return scalars(self.__dict__["study"].problem.scenario)

    def quantity(self, name: str) -> Any:
        """Return the reported quantity `name` as a pint quantity, in SI.

        Raises:
          StudyError: nothing is reported under this name.
        """
        return with_unit(self[name], quantity_of(Report, name).unit)

    def parts(self, name: str) -> dict[str, float]:
        """Return the named parts of a total, such as of "step_time" [s], SI.

        Raises:
          StudyError: nothing with parts is reported under this name.
        """
        every = parts(self.study.problem.scenario)
        known = {**outcome.TOTALS, **{part: part for part in every}}
        part = found(known, name, "total of the report")
        return self._source.parts(part)

    @functools.cached_property
    @verb
    def _told(self) -> dict[str, Any]:
        return self._source.told()

    @property
    def design(self) -> dict[str, float | str]:
        """The design by field: SI numbers, choices by name."""
        return self._source.design()

    @property
    def status(self) -> str:
        """Whether every limit holds, or how far an optimum is shown."""
        return self._told["status"]

    @property
    def message(self) -> str:
        """What there is to say of the status, in a sentence."""
        return self._told["message"]

    @property
    def constraints(self) -> pd.DataFrame:
        """Every limit: value, limit, margin (share left) and price, SI."""
        rows = [dataclasses.asdict(state) for state in self._source.states()]
        return pd.DataFrame(rows).set_index("name")

    @property
    def taken(self) -> dict[str, float | str]:
        """What was free in the study that was asked, and the value it was given."""
        fixed = self.study.problem.fixed
        return {name: fixed[name] for name in self.asked.free if name in fixed}

    @property
    def evidence(self) -> str:
        """Which measured runs the answer rests on, in a sentence."""
        return self._told["evidence"]

    @property
    def assumed(self) -> list[str]:
        """What the study does not say and was taken from usual practice."""
        return self._told["assumed"]

    @functools.cached_property
    @verb
    def ranges(self) -> dict[str, tuple[float, float]]:
        """5-95 % range of every quantity, SI: what catalog and fit leave open."""
        return self._source.ranges()

    @property
    def headline(self) -> tuple[str, ...]:
        """Names of the quantities that people are told first, what is sought first."""
        goal = self.study.problem.objective.name
        serves = self.study.problem.scenario.serving is not None
        told = outcome.SERVING_HEADLINE if serves else outcome.HEADLINE
        return tuple(dict.fromkeys((goal, *told)))

    def nearest_limits(self) -> list[ConstraintState]:
        """Return the limits that bind or come nearest to it, tightest first."""
        return nearest(self._source.states())[:_NEAREST]

    def to_xarray(self) -> xr.Dataset:
        """Return all of the answer, as the file of a result holds it."""
        with precise():
            return self._source.dataset()

    def to_pandas(self) -> pd.DataFrame:
        """Return every reported quantity with its unit and 5-95 % range."""
        rows = {
            name: (
                self[name],
                *self.ranges.get(name, (float("nan"), float("nan"))),
                quantity_of(Report, name).unit or "1",
                FACTS[name].description,
            )
            for name in self._scalars
        }
        columns = ["value", "low", "high", "unit", "description"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def summary(self) -> dict[str, Any]:
        """Return the answer as plain values, as `evaluate --json` prints it."""
        return outcome.summary(self.to_xarray())

    def ranged(self, name: str) -> str:
        """Write a quantity with its 5-95 % range, as people say it."""
        value = wording.said(name, self[name])
        low, high = self.ranges.get(name, (self[name], self[name]))
        if not low < high:
            return value
        return f"{value} ({wording.range_said(name, low, high)})"

    def _lines(self) -> list[str]:
        lines = [f"{wording.asked(self.study)}: {self.status}"]
        if self.taken:
            lines.append(f"Free, and {self.how}: {wording.values_said(self.taken)}.")
        lines = wording.wrapped(lines)
        for name in self.headline:
            lines.append(f"  {wording.words(name):<22} {self.ranged(name)}")
        for one in self.nearest_limits():
            lines.append(f"  limit {wording.words(one.name):<28} {wording.left(one)}")
        lines += wording.wrapped([self.message])
        if self.evidence:
            lines += wording.wrapped([f"Evidence: {self.evidence}."])
        return lines

    def _repr_html_(self) -> str:
        from supernode_opt.api.cells import cell
        from supernode_opt.html.notebook import design

        return design(**cell(self))


@verb
def evaluated(study: "Study") -> Evaluated:
    """Evaluate a study; see `Study.evaluate`.

    Raises:
      StudyError: anything in it cannot be used.
    """
    built = study.frozen()
    return Evaluated(built, study, Now(evaluation.evaluated(built.understood)))
