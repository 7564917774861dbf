"""The answer of a search, and answers that were saved."""

import functools
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from supernode_opt.api import wording
from supernode_opt.api.designs import Evaluated
from supernode_opt.api.sources import Read
from supernode_opt.api.verbs import verb
from supernode_opt.config.doubts import as_written
from supernode_opt.results import outcome, store
from supernode_opt.system.design import EVERY_NUMBER, holder_of

if TYPE_CHECKING:
    from supernode_opt.api.gradients import Gradient
    from supernode_opt.api.study import Study


class Optimized(Evaluated):
    """The best design that was found, and how far it is shown to be the best.

    `status` is "proved", "optimal if log-convex", "best found", "stopped",
    "infeasible" or "none found"; the last two come with the design that is nearest.
    """

    how = "found"

    @property
    def certificate(self) -> dict[str, Any]:
        """What was enumerated, excluded, solved and left open."""
        return dict(store.note(self.to_xarray(), "certificate"))

    @property
    def prices(self) -> pd.DataFrame:
        """What every limit, port and bound that the design leans on is worth.

        Slopes are derivatives of what is sought by the value, SI, as it gives way
        (`slope`) and as it is tightened (`slope_back`); `step_value` and `back_value`
        are where other lanes or another design become better.
        """
        dataset = self.to_xarray()
        if "price" not in dataset.dims:
            return pd.DataFrame({"sentence": store.note(dataset, "prices") or []})
        names = [n for n in map(str, dataset.data_vars) if n.startswith("price_")]
        columns = {name.removeprefix("price_"): dataset[name].values for name in names}
        return pd.DataFrame(columns, index=pd.Index(dataset["price"].values, name="of"))

    @property
    def elasticities(self) -> pd.Series:
        """Per cent that one per cent more of each constant brings, largest first."""
        known = outcome.elasticities(self.to_xarray())
        return pd.Series(known, name="elasticity", dtype=float)

    @property
    def extremes(self) -> pd.DataFrame:
        """Of the designs near the best, those with the least of a quantity; SI."""
        rows = store.note(self.to_xarray(), "extremes") or []
        named = ("words", "value", "best", "objective")
        table = [{k: row[k] for k in named} | row["design"] for row in rows]
        return pd.DataFrame(table, index=pd.Index([row["what"] for row in rows]))

    @property
    def regret(self) -> dict[str, Any]:
        """How probably it is the best of its alternatives, and what else is lost.

        `probability` of being the best, and `better` than the answer, of the answer and
        each alternative; `loss` expected, as a share of the answer; a `sentence`.
        Empty without alternatives.
        """
        return dict(store.note(self.to_xarray(), "regret") or {})

    @property
    def robustness(self) -> dict[str, Any]:
        """How it stands under draws, beside the best without; empty if not asked.

        `robust` and `nominal`, each with the value at the catalog's constants
        (`nominal`), the `quantile` with its `standard_error`, SI, and the `chance` of
        the `limits`.
        """
        return dict(store.note(self.to_xarray(), "robustness") or {})

    @property
    def relaxation(self) -> dict[str, float]:
        """If there is no design: by how many per cent which limit must give way."""
        return dict(store.note(self.to_xarray(), "relaxation") or {})

    @property
    def alternatives(self) -> pd.DataFrame:
        """The best designs of other kinds, best first: what is sought, fields; SI.

        `loses` says why it is not the best, `wins` what would put it ahead.
        """
        rows = store.note(self.to_xarray(), "alternatives")
        goal = self.study.problem.objective.name
        return pd.DataFrame(
            [
                {
                    goal: row["objective"],
                    **row["design"],
                    "loses": "; ".join(row.get("loses", ())),
                    "wins": row.get("wins", ""),
                }
                for row in rows
            ]
        )

    @functools.cached_property
    @verb
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
        for price in self.prices["sentence"]:
            lines += wording.wrapped([f"Price of {price}"])
        others = len(store.note(self.to_xarray(), "alternatives"))
        lines += [f"{others} alternatives: .alternatives"] if others else []
        return lines

    def _repr_html_(self) -> str:
        from supernode_opt.api.cells import cell
        from supernode_opt.html.notebook import design

        return design(**cell(self), prices=list(self.prices["sentence"]))


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
        if isinstance(value, float) and name in EVERY_NUMBER:
            value = int(value) if value == int(value) else value
            value = as_written(holder_of(name), name, value)
        if value is not None:
            found[f"design.{name}"] = value
    return asked.set(found)
