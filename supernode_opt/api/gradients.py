"""`study.gradient`: which number of a design or of the catalog is worth how much."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from supernode_opt.api import slopes, wording
from supernode_opt.api.result import Result, found
from supernode_opt.api.verbs import verb
from supernode_opt.results.versions import stamp
from supernode_opt.search.solution import plain_report
from supernode_opt.system.report import scalars
from supernode_opt.words import spoken

if TYPE_CHECKING:
    from supernode_opt.api.study import Study

# What is printed; tables and datasets have all.
_SHOWN = 12


class Gradient(Result):
    """Derivatives of one quantity by every number of a design and its scenario.

    Attributes:
      quantity: what is differentiated.
      value: of it at the design, SI.
      at: machine, model and split at which, in words.
      how: what was held, in words.
    """

    kind = "gradient"

    def __init__(
        self,
        quantity: str,
        value: float,
        rows: Sequence[slopes.Slope],
        at: str,
        how: str,
    ) -> None:
        """Keep derivatives of `quantity`, largest elasticity first."""
        self.quantity, self.value, self.at, self.how = quantity, value, at, how
        self._rows = sorted(rows, key=lambda row: -abs(self._elastic(row)))
        self._named = {row.name: row for row in self._rows}

    def _elastic(self, row: slopes.Slope) -> float:
        """Return the per cent that one per cent more of the number brings."""
        share = row.slope * row.value / self.value if self.value else 0.0
        return share if math.isfinite(share) else 0.0

    def __getitem__(self, name: str) -> float:
        """Return the derivative by the number called `name`, in SI of both.

        Raises:
          StudyError: there is no such number.
        """
        return found(self._named, name, "number of this design or scenario").slope

    def elasticity(self, name: str) -> float:
        """Return the change in per cent for one per cent more of `name` [1].

        Raises:
          StudyError: there is no such number.
        """
        row = found(self._named, name, "number of this design or scenario")
        return self._elastic(row)

    def unit(self, name: str) -> str:
        """Return the unit of the derivative by `name`, such as "(token/s)/(B/s)".

        Raises:
          StudyError: there is no such number.
        """
        row = found(self._named, name, "number of this design or scenario")
        return self._unit(row)

    def _unit(self, row: slopes.Slope) -> str:
        over, under = (
            f"({unit})" if "/" in unit else unit or "1"
            for unit in (slopes.unit_of(self.quantity), row.unit)
        )
        return over if under == "1" else f"{over}/{under}"

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per number: value, unit, derivative, its unit, elasticity."""
        made = {
            "kind": [row.kind for row in self._rows],
            "value": [row.value for row in self._rows],
            "unit": [row.unit or "1" for row in self._rows],
            "derivative": [row.slope for row in self._rows],
            "derivative_unit": [self._unit(row) for row in self._rows],
            "elasticity": [self._elastic(row) for row in self._rows],
            "relaxed": [row.relaxed for row in self._rows],
        }
        names = pd.Index([row.name for row in self._rows], name="by")
        return pd.DataFrame(made, index=names)

    def to_xarray(self) -> xr.Dataset:
        """Return the same along the dimension `constant`, as tornado plots take it."""
        table = self.to_pandas()
        made = xr.Dataset(coords={"constant": table.index.to_numpy(dtype=object)})
        for name, column in table.items():
            values = column.to_numpy()
            kind = object if values.dtype.kind not in "fb" else values.dtype
            made[str(name)] = ("constant", values.astype(kind))
        made["elasticity"].attrs = {"units": "1", "long_name": "elasticity"}
        made["relaxed"] = made["relaxed"].astype(np.int8)
        about = {"kind": self.kind, "quantity": self.quantity, "subject": self.at}
        return made.assign_attrs(value=self.value, how=self.how, **about, **stamp())

    def summary(self) -> dict[str, Any]:
        """Return quantity, value and every row as plain values."""
        rows = self.to_pandas().reset_index().to_dict("records")
        about = {"quantity": self.quantity, "value": self.value, "at": self.at}
        return {**about, "how": self.how, "rows": rows}

    def _lines(self) -> list[str]:
        value = wording.said(self.quantity, self.value)
        lines = [
            f"{wording.words(self.quantity)} {value}: what 1 % more of each brings",
            self.at,
        ]
        lines = wording.wrapped(lines)
        for row in self._rows[:_SHOWN]:
            now = spoken(row.value, row.unit)
            lines.append(
                f"  {row.name[:38]:38} {now[:16]:>16} {self._elastic(row):+8.3f} %"
                + ("  relaxed" if row.relaxed else "")
            )
        more = len(self._rows) - _SHOWN
        lines += [f"  and {more} more: .to_pandas()"] if more > 0 else []
        return [*lines, *wording.wrapped([self.how])]


HOW = (
    "Derivatives of the exact model; of whole counts (relaxed) those of the model in"
    " which counts may be fractions."
)

HOW_SERVING = (
    "Derivatives of the model in which counts, requests of a batch among them, may be"
    " fractions: a batch that limits decide moves with them (implicit function)."
)


@verb
def gradient(study: "Study", quantity: str | None) -> Gradient:
    """Differentiate `quantity` at the study's design; see `Study.gradient`.

    Raises:
      StudyError: there is no such quantity.
    """
    built = study.frozen()
    problem = built.problem
    name = quantity or problem.objective.name
    known = {one: one for one in scalars(problem.scenario)}
    found(known, name, "quantity of the report")
    rows = slopes.slopes(problem.fixed, problem.scenario, {name: 1.0})
    value = float(getattr(plain_report(problem.fixed, problem.scenario), name))
    how = HOW if problem.scenario.serving is None else HOW_SERVING
    return Gradient(name, value, rows, wording.asked(built), how)


def envelope(
    study: "Study",
    values: dict[str, float | str],
    scenario: Any,
    quantity: str,
    prices: dict[str, float],
    value: float,
) -> Gradient:
    """Differentiate an optimum by the constants of its scenario.

    By the envelope theorem: the derivative of the Lagrangian at the design that was
    built, of the objective less every limit's multiplier times what is limited.  The
    split, the links, and limits at their values are held.

    Args:
      study: what was asked.
      values, scenario: the design that was built.
      quantity: what was sought.
      prices: change of it per unit of each limit, SI.
      value: of the quantity, SI.
    """
    weights = {quantity: 1.0}
    for name, price in prices.items():
        weights[name] = weights.get(name, 0.0) - price
    rows = [
        row
        for row in slopes.slopes(values, scenario, weights, throttled=not prices)
        if row.kind == "constant"
    ]
    kept = ", ".join(wording.words(name) for name in prices)
    how = "Derivatives at the built design: split, links and counts are held"
    how += (
        f", limits with a price ({kept}) are kept (envelope theorem)."
        if prices
        else "; no limit has a price, so that nothing else enters (envelope theorem)."
    )
    return Gradient(quantity, value, rows, wording.asked(study), how)
