"""Prices and elasticities of an optimum as labelled arrays, and back as tables."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from supernode_opt.record import get
from supernode_opt.system.report import Report
from supernode_opt.units import quantity_of

if TYPE_CHECKING:
    # Results are read without the model.
    from supernode_opt.search.solution import Solution

_TEXTS = ("kind", "unit", "step_to", "back_to", "sentence")
_NUMBERS = {
    "value": "limit, bound, or lanes of a port, SI",
    "slope": "change of the objective per unit as it gives way",
    "slope_back": "change of the objective per unit as it is tightened",
    "step_value": "value from which on something else is better",
    "step_change": "change of the objective until just beyond that",
    "back_value": "the same as it is tightened",
    "back_change": "change of the objective until just beyond that",
}


def variables(solution: "Solution", objective: str) -> dict[str, Any]:
    """Return prices along `price`, and along `constant` elasticities, largest first.

    Args:
      solution: what a search found.
      objective: what was sought.
    """
    made: dict[str, Any] = {}
    if solution.prices:
        made["price"] = _texts("price", [one.what for one in solution.prices])
        for field in _TEXTS:
            texts = [str(getattr(one, field)) for one in solution.prices]
            made[f"price_{field}"] = _texts("price", texts)
        for field, words in _NUMBERS.items():
            values = [float(getattr(one, field)) for one in solution.prices]
            told = {"long_name": words}
            made[f"price_{field}"] = xr.Variable("price", np.array(values), told)
    if not solution.elasticities:
        return made
    known = sorted(solution.elasticities.items(), key=lambda one: -abs(one[1]))
    scenario = solution.scenario
    names, units = [], []
    for path, _ in known:
        owner, _, field = path.rpartition(".")
        holder = get(scenario, owner) if owner else scenario
        names.append(_spelled(path, scenario))
        units.append(quantity_of(type(holder), field).unit)
    said = quantity_of(Report, objective).unit or "1"
    words = {"long_name": f"d ln {objective} / d ln constant", "units": "1"}
    values = np.array([float(get(scenario, path)) for path, _ in known])
    slopes = np.array([slope for _, slope in known])
    best = float(solution.objective)
    per_unit = {"long_name": f"d {objective} [{said}] / d constant [its unit]"}
    return made | {
        "constant": _texts("constant", names),
        "constant_unit": _texts("constant", units),
        "constant_value": xr.Variable("constant", values, {"long_name": "value, SI"}),
        "elasticity": xr.Variable("constant", slopes, words),
        "constant_slope": xr.Variable("constant", slopes * best / values, per_unit),
    }


def _spelled(path: str, scenario: Any) -> str:
    from supernode_opt.catalog.origins import spelled

    return spelled(path, scenario)


def _texts(dimension: str, values: list[str]) -> xr.Variable:
    return xr.Variable((dimension,), np.array(values, dtype=object), fastpath=True)
