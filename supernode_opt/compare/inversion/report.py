"""The answer to an inversion: as a dataset, in words, and as JSON."""

import json
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt.compare.about import about
from supernode_opt.compare.comparison.sentences import said, units_of
from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.compare.inversion.solve import Solution
from supernode_opt.compare.places import STEPPED
from supernode_opt.names import spelled
from supernode_opt.results import store
from supernode_opt.results.telling.comparison import ENDS
from supernode_opt.results.versions import stamp
from supernode_opt.words import figures, spoken


def dataset(asked: Inversion, solution: Solution) -> xr.Dataset:
    """Return solution and curves, labelled, in SI."""
    names = np.array([side.system for side in asked.sides], dtype=object)
    units = units_of(asked.quantity)
    words = {"units": asked.unit or "1", "long_name": asked.constant}
    return xr.Dataset(
        {
            asked.quantity: (("system", "constant"), solution.curves, units),
            "at_solution": ("system", np.asarray(solution.quantities), units),
            "elasticity": ("system", np.asarray(solution.elasticities), {"units": "1"}),
            "solution": ((), solution.value, words),
            "catalog": ("known", np.asarray(asked.known), words),
        },
        coords={
            "system": names,
            "constant": ("constant", solution.grid, words),
            "known": np.array(list(ENDS), dtype=object),
        },
        attrs={
            "study": asked.text,
            "name": asked.name,
            "quantity": asked.quantity,
            "target": np.nan if asked.target is None else asked.target,
            "found": int(solution.found),
            "stepped": int(asked.constant == STEPPED),
            "own_unit": asked.own_unit,
            "factor": asked.factor,
            "sentence": sentence(asked, solution),
            "lines": json.dumps(lines(asked, solution)),
            "summary": json.dumps(summary(asked, solution)),
            **about(asked.sides),
            "plans": json.dumps([dict(plan) for plan in solution.plans]),
            "broken": json.dumps(solution.broken),
            **stamp(),
        },
    )


def own(asked: Inversion, value: float) -> str:
    """Write a value of the constant in the unit the catalog writes it in."""
    if asked.own_unit == "K":
        return spoken(value, "K")
    unit = "" if asked.own_unit in ("", "1") else f" {asked.own_unit}"
    return f"{figures(float(f'{value / asked.factor:.4g}'))}{unit}"


def condition(asked: Inversion, verb: str = "equals") -> str:
    """Write what must be true."""
    first, name = asked.sides[0].system, spelled(asked.quantity)
    if asked.target is not None:
        return f"{name} of {first} {verb} {said(asked.target, asked.quantity)}"
    return f"{name} of {first} {verb} that of {asked.sides[1].system}"


def against_catalog(asked: Inversion, value: float) -> str:
    """Say where a value lies against the catalog's value and range."""
    now, low, high = asked.known
    if low == high and asked.own_unit == "K":
        return f"{own(asked, now)} today"
    if low == high:
        return (
            f"{figures(float(f'{value / now:.3g}'))} times the value {own(asked, now)}"
        )
    text = f"catalog {own(asked, now)}, {own(asked, low)} to {own(asked, high)}"
    if low <= value <= high:
        return f"inside the known range ({text})"
    factor = low / value if value < low else value / high
    side = "below" if value < low else "above"
    return f"a factor of {factor:.3g} {side} the known range ({text})"


def sentence(asked: Inversion, solution: Solution) -> str:
    """Say in one line what was found."""
    at = own(asked, solution.value)
    values = " against ".join(
        f"{said(value, asked.quantity)} ({side.system})"
        for side, value in zip(asked.sides, solution.quantities, strict=True)
    )
    if not solution.found:
        low, high = own(asked, asked.low), own(asked, asked.high)
        return (
            f"{condition(asked)} for no {spelled(asked.constant)} from {low} to {high};"
            f" nearest at {at}: {values}"
        )
    if solution.between is not None:
        before, after = (own(asked, size) for size in solution.between)
        words = spelled(asked.constant)
        text = f"{condition(asked, 'passes')} between a {words} of {before} and {after}"
        text += f", the sizes that can be built; at {after} {values}"
    else:
        verb = "equals" if solution.met else "reaches"
        text = f"{condition(asked, verb)} where {spelled(asked.constant)} is {at}"
        text += f": {against_catalog(asked, solution.value)}; {values}"
    if not solution.settled:
        text += "; beyond it another split is better and crosses the condition again"
    if solution.broken:
        text += f"; there {', '.join(solution.broken)}"
    return text


def lines(asked: Inversion, solution: Solution) -> list[str]:
    """Return what a person wants to know, line by line."""
    made = [asked.question] if asked.question else []
    made += [f"{sentence(asked, solution)}."]
    if asked.constant == STEPPED:
        sizes = solution.grid[np.isfinite(solution.curves).all(axis=0)]
        return [*made, f"sizes that can be built: {', '.join(map(figures, sizes))}"]
    for side, slope in zip(asked.sides, solution.elasticities, strict=True):
        made.append(
            f"elasticity of {spelled(asked.quantity)} of {side.system} there:"
            f" {slope:+.4g} (% per % of {spelled(asked.constant)})"
        )
    how = f"{solution.steps} steps"
    splits = "optimized anew at the solution" if asked.replan else "as today"
    return [*made, f"{how}; splits {splits}"]


def summary(asked: Inversion, solution: Solution) -> dict[str, Any]:
    """Return the answer as one JSON object, in SI; what is no number is null."""
    _, low, high = asked.known
    found = zip(
        asked.sides,
        solution.quantities,
        solution.elasticities,
        solution.plans,
        strict=True,
    )
    made = {
        "name": asked.name,
        "status": "found" if solution.found else "none",
        "message": sentence(asked, solution),
        "constant": asked.constant,
        "unit": asked.unit,
        "value": solution.value,
        "in_own_unit": {"value": solution.value / asked.factor, "unit": asked.own_unit},
        "catalog": dict(zip(ENDS, asked.known, strict=True)),
        "inside": bool(low <= solution.value <= high),
        "condition": condition(asked),
        "machines": [
            {
                "system": side.system,
                "precision": side.precision,
                asked.quantity: value,
                "elasticity": slope,
                "design": plan,
            }
            for side, value, slope, plan in found
        ],
        "between": solution.between,
        "settled": solution.settled,
        "broken": solution.broken,
    }
    return store.plain(made)
