"""Answers about one design: evaluated as it is, or found by search."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from supernode_opt.answer import evaluation
from supernode_opt.api import wording
from supernode_opt.api.result import Result, found
from supernode_opt.api.sources import Now, Read, Source
from supernode_opt.batch.precise import precise, precisely
from supernode_opt.config.doubts import as_written
from supernode_opt.results import outcome, store, table
from supernode_opt.search.solution import ConstraintState
from supernode_opt.system.design import Design
from supernode_opt.system.report import FACTS, PARTS, SCALARS, Report
from supernode_opt.units import quantity_of, with_unit
from supernode_opt.words import figures

if TYPE_CHECKING:
    from supernode_opt.api.gradients import Gradient
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
    """

    kind = "design"

    def __init__(self, study: "Study", asked: "Study", source: Source) -> None:
        """Keep the answer `source` to `study`."""
        self.study, self.asked, self._source = study, asked, source

    def __getitem__(self, name: str) -> float:
        """Return the reported quantity `name`, SI.

        Raises:
          StudyError: nothing is reported under this name.
        """
        found(dict.fromkeys(SCALARS, True), name, "quantity of the report")
        return self._source.number(name)

    def __getattr__(self, name: str) -> float:
        """Return the reported quantity `name`, SI."""
        if name in SCALARS:
            return self[name]
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        """Return what there is, reported quantities included."""
        return sorted({*super().__dir__(), *SCALARS})

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
        known = {**outcome.TOTALS, **{part: part for part in PARTS}}
        part = found(known, name, "total of the report")
        return self._source.parts(part)

    @functools.cached_property
    @precisely
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
    @precisely
    def ranges(self) -> dict[str, tuple[float, float]]:
        """5-95 % range of every quantity, SI: what catalog and fit leave open."""
        from supernode_opt.problem.build import build_design
        from supernode_opt.uncertainty.intervals import report_intervals

        problem = self.study.problem
        design = build_design(problem.fixed, problem.scenario)
        seed = self.study.seed
        return report_intervals(design, problem.scenario, seed, problem.origins)

    @property
    def headline(self) -> tuple[str, ...]:
        """Names of the quantities that people are told first, what is sought first."""
        goal = self.study.problem.objective.name
        return tuple(dict.fromkeys((goal, *outcome.HEADLINE)))

    def nearest_limits(self) -> list[ConstraintState]:
        """Return the limits that bind or come nearest to it, tightest first."""
        return sorted(self._source.states(), key=lambda one: one.margin)[:_NEAREST]

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
            for name in SCALARS
        }
        columns = ["value", "low", "high", "unit", "description"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def summary(self) -> dict[str, Any]:
        """Return the answer as plain values, as `evaluate --json` prints it."""
        return outcome.summary(self.to_xarray())

    def explain(self) -> str:
        """Return the whole answer in words: limits, parts, evidence."""
        return table.render(self.to_xarray())

    def report(self, path: Path | str) -> Path:
        """Write the answer as one HTML file and return its path."""
        from supernode_opt.api.reporting import reported

        return reported(self, Path(path))

    def ranged(self, name: str) -> str:
        """Write a quantity with its 5-95 % range, as people say it."""
        value = wording.said(name, self[name])
        low, high = self.ranges.get(name, (self[name], self[name]))
        if not low < high:
            return value
        ends = (wording.said(name, end) for end in (low, high))
        return f"{value} ({' to '.join(ends)})"

    def _lines(self) -> list[str]:
        lines = [f"{wording.asked(self.study)}: {self.status}"]
        if self.taken:
            lines.append(f"Free were {', '.join(map(wording.words, self.taken))}.")
        lines = wording.wrapped(lines)
        for name in self.headline:
            lines.append(f"  {wording.words(name):<22} {self.ranged(name)}")
        for one in self.nearest_limits():
            state = "broken" if one.margin < -1e-6 else "tight" * one.tight
            left = f"{figures(100.0 * one.margin, 3)} % left"
            lines.append(f"  limit {wording.words(one.name):<28} {state or left}")
        lines += wording.wrapped([self.message])
        if self.evidence:
            lines += wording.wrapped([f"Evidence: {self.evidence}."])
        return lines

    def _repr_html_(self) -> str:
        from supernode_opt.html.notebook import design

        with precise():
            return design(**self._shown())

    def _shown(self) -> dict[str, Any]:
        """Return what a cell of a notebook shows."""
        return {
            "asked": wording.asked(self.study),
            "status": self.status,
            "good": self.status in ("feasible", "proved", "optimal if log-convex"),
            "taken": [
                f"{wording.words(name)} {wording.field_said(name, value)}"
                for name, value in self.taken.items()
            ],
            "headline": [
                (wording.words(name), wording.said(name, self[name]), *self._ends(name))
                for name in self.headline
            ],
            "bars": [
                self._bars(name) for name in ("step_time", "power") if self[name] > 0.0
            ],
            "limits": [
                (
                    wording.words(one.name),
                    wording.said(one.name, one.value),
                    wording.said(one.name, one.limit),
                    one.margin,
                )
                for one in self.nearest_limits()
            ],
            "message": self.message,
            "evidence": self.evidence,
            "assumed": self.assumed,
        }

    def _ends(self, name: str) -> tuple[str, str]:
        low, high = self.ranges.get(name, (self[name], self[name]))
        if not low < high:
            return "", ""
        return wording.said(name, low), wording.said(name, high)

    def _bars(self, name: str) -> dict[str, Any]:
        """Return the parts of a total, largest first, small ones together."""
        whole = self[name]
        parts = sorted(self.parts(name).items(), key=lambda item: -item[1])
        large = [(k, v) for k, v in parts if v >= 0.01 * whole][:8]
        rest = whole - sum(v for _, v in large)
        if rest > 1e-3 * whole:
            large.append(("everything else", rest))
        return {
            "title": f"{wording.words(name)} {wording.said(name, whole)}",
            "parts": [
                (wording.words(k), wording.said(name, v), v / whole) for k, v in large
            ],
        }


class Optimized(Evaluated):
    """The best design that was found, and how far it is shown to be the best.

    `status` is "proved", "optimal if log-convex", "best found", "stopped",
    "infeasible" or "none found"; the last two come with the design that is nearest.
    """

    @property
    def certificate(self) -> dict[str, Any]:
        """What was enumerated, excluded, solved and left open."""
        return dict(store.note(self.to_xarray(), "certificate"))

    @property
    def prices(self) -> list[str]:
        """What one more step of every limit, bound and port is worth, as sentences."""
        return list(store.note(self.to_xarray(), "prices"))

    @property
    def relaxation(self) -> dict[str, float]:
        """If there is no design: by how many per cent which limit must give way."""
        return dict(store.note(self.to_xarray(), "relaxation") or {})

    @property
    def alternatives(self) -> pd.DataFrame:
        """The best designs of other kinds, best first: what is sought, fields; SI."""
        rows = store.note(self.to_xarray(), "alternatives")
        goal = self.study.problem.objective.name
        return pd.DataFrame([{goal: row["objective"], **row["design"]} for row in rows])

    @functools.cached_property
    @precisely
    def sensitivity(self) -> "Gradient":
        """What one more per cent of every constant does to the optimum.

        By the envelope theorem at the built design; `how` says what was held.
        """
        from supernode_opt.api.gradients import envelope

        problem = self.study.problem
        goal = problem.objective.name
        states = self._source.states()
        prices = {one.name: one.multiplier for one in states if one.multiplier}
        return envelope(
            self.study, problem.fixed, problem.scenario, goal, prices, self[goal]
        )

    def _lines(self) -> list[str]:
        lines = super()._lines()
        for price in self.prices:
            lines += wording.wrapped([f"Price of {price}"])
        others = len(store.note(self.to_xarray(), "alternatives"))
        lines += [f"{others} alternatives: .alternatives"] if others else []
        return lines


@precisely
def evaluated(study: "Study") -> Evaluated:
    """Evaluate a study; see `Study.evaluate`.

    Raises:
      StudyError: anything in it cannot be used.
    """
    built = study.frozen()
    return Evaluated(built, study, Now(evaluation.evaluated(built.understood)))


def reopened(dataset: xr.Dataset) -> Evaluated:
    """Return the answer that a saved dataset is."""
    from supernode_opt.api.study import Study
    from supernode_opt.reading import document

    asked = Study.of(document.parse(dataset.attrs["study"], "study"))
    known = json.loads(dataset.attrs["certificate"])
    kind = Optimized if known else Evaluated
    return kind(built_study(asked, outcome.design(dataset)), asked, Read(dataset))


def built_study(asked: "Study", design: dict[str, float | str]) -> "Study":
    """Return `asked` with everything that was free there as `design` has it."""
    found = {}
    for name in asked.free:
        value = design.get(name)
        if isinstance(value, float) and name in Design.__dataclass_fields__:
            value = int(value) if value == int(value) else value
            value = as_written(Design, name, value)
        if value is not None:
            found[f"design.{name}"] = value
    return asked.set(found)
