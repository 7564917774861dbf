"""What a search says of its answer: alternatives, prices, relaxation, certificate."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results import outcome, store
from supernode_opt.results.telling import served
from supernode_opt.results.telling.parts import Grid, Part, grid
from supernode_opt.search import settings
from supernode_opt.system.report import is_share
from supernode_opt.words import figures, spoken

# How far an answer is shown, in words.
GRADES = {
    settings.PROVED: "bounds or exhaustion leave nothing better",
    settings.CONVEX: "every split that bounds left was solved, from several starts",
    settings.FOUND: "the best of what was tried; better designs are not excluded",
    settings.INFEASIBLE: "no design within the bounds meets every limit",
    settings.UNKNOWN: "no design that meets every limit was found, nor excluded",
}
# A variable this near to a bound, as a share of the box, is at it.
_AT = 1e-3
# Prices and constants that are printed, and what of a scenario is the job's.
_PRICES, _CONSTANTS = 8, 8
_JOB = ("model.", "training.")
# Fields of a certificate, as people read them.
_FIELDS = {
    "complete": "every candidate considered",
    "candidates": "candidates",
    "excluded_by_memory": "excluded: do not fit in memory",
    "excluded_by_bound": "excluded by bounds",
    "dominated": "excluded: another link is as good in everything",
    "solved": "solved one by one",
    "feasible": "solved and feasible",
    "open": "neither excluded nor solved",
    "families": "families of splits",
    "families_open": "families that were not listed",
    "open_splits": "splits in these",
    "open_time_s": "seconds to search these at the pace so far",
    "start": "the design to begin with is",
    "cells": "cells of hardware bounded",
    "open_cells": "cells left open",
    "gap": "could be better by at most",
    "gap_by_bounds": "could be better by at most, by bounds alone",
    "whole_lanes_cost": "lost by whole lanes",
    "chords_hold": "log-convex along sampled chords",
    "agreeing_starts": "starts that end at the same design",
    "enumerated_objective": "objective of the enumeration",
    "relaxed_objective": "objective of the relaxed problem",
    "relaxed_violation": "largest violation of the relaxed design",
    "rounded_objective": "objective after rounding",
    "agree": "rounding and enumeration agree",
    "assumptions": "takes for granted",
}
_UNDER_DRAWS = (
    "Values are at the catalog's constants; the order is that of what was sought under"
    " draws, the best first."
)
_SHARES = ("gap", "gap_by_bounds", "whole_lanes_cost", "relaxed_violation")


def alternatives(dataset: xr.Dataset) -> Part:
    """Name other kinds of design that are nearly as good, and what differs."""
    others = store.note(dataset, "alternatives") or ()
    wanted = dataset.attrs["objective"]
    unit, best = dataset[wanted].attrs["units"], outcome.design(dataset)
    ours, rows = float(dataset[wanted]), []
    for other in others:
        changes = [
            f"{spelled(n)} {spoken(v, dataset[f'design_{n}'].attrs['units'])}"
            for n, v in other["design"].items()
            if n in best and _differs(v, best[n])
        ]
        away = f"{100.0 * (other['objective'] / ours - 1.0):+.2g} %" if ours else ""
        said = spoken(other["objective"], unit, is_share(wanted))
        told = ["; ".join(changes) or "nothing"]
        # Results of older versions do not know why.
        told += [f"because: {why}" for why in [_because(other)] if why]
        told += [str(other["wins"])] if other.get("wins") else []
        rows.append((said, away, "\n".join(told)))
    heads = (spelled(wanted), "change", "differs from the answer in")
    table = grid(heads, rows, numbers=(0, 1))
    drawn = others and store.note(dataset, "robustness")
    lines = (_UNDER_DRAWS,) if drawn else ()
    return Part("alternatives", "Alternatives", lines, (table,))


def _because(other: Mapping[str, Any]) -> str:
    return "; ".join(other.get("loses") or ())


def prices(dataset: xr.Dataset, everything: bool = False) -> Part:
    """Say what limits, bounds and lanes are worth, and which constants matter most.

    Args:
      dataset: the result.
      everything: whether no price is left out, and no constant that matters.
    """
    said = list(store.note(dataset, "prices") or ())
    lines = said if everything else said[:_PRICES]
    if len(said) > len(lines):
        lines.append(f"and {len(said) - len(lines)} more: in the file of the result")
    table = _constants(dataset, everything)
    return Part("prices", "Prices", tuple(lines), (table,) if table.rows else ())


def _constants(dataset: xr.Dataset, everything: bool) -> Grid:
    """Return the constants that move the optimum most; the job's own are no choice."""
    rows = []
    for place in range(dataset.sizes.get("constant", 0)):
        name = str(dataset["constant"].values[place])
        slope = float(dataset["elasticity"].values[place])
        if slope == 0.0 or name.startswith(_JOB):
            continue
        value = float(dataset["constant_value"].values[place])
        unit = str(dataset["constant_unit"].values[place])
        rows.append((name, spoken(value, unit), f"{slope:+.3f} %"))
    shown = rows if everything else rows[:_CONSTANTS]
    wanted = spelled(str(dataset.attrs["objective"]))
    heads = ("constant", "value", f"1 % more: {wanted}")
    return grid(heads, shown, "Constants that matter most", (1, 2))


def extremes(dataset: xr.Dataset) -> Part:
    """Name the designs near the best with the least of something."""
    wanted = dataset.attrs["objective"]
    unit, rows = dataset[wanted].attrs["units"], []
    for one in store.note(dataset, "extremes") or ():
        known = one["what"] in dataset
        its = dataset[one["what"]].attrs["units"] if known else ""
        least, ours = (spoken(float(one[k]), its) for k in ("value", "best"))
        if least == ours:
            rows.append((one["words"], least, "the answer itself", ""))
            continue
        goal = spoken(float(one["objective"]), unit, is_share(wanted))
        rows.append((one["words"], least, f"instead of {ours}", goal))
    heads = ("of those solved near the best", "value", "", spelled(wanted))
    return Part("extremes", "Extremes", (), (grid(heads, rows, "", (1, 3)),))


def relaxation(dataset: xr.Dataset) -> Part:
    """Say by how much limits must give way for a design to exist."""
    return Part(
        "relaxation",
        "Least relaxation",
        tuple(
            f"{spelled(name)}: move the limit by {abs(needed):.3g} %"
            for name, needed in store.note(dataset, "relaxation") or ()
        ),
    )


def bounds(dataset: xr.Dataset) -> Part:
    """Name the variables that end at a bound which the study set."""
    found, asked = [], outcome.asked(dataset)
    inert = served.hidden(dataset)
    for name, value in outcome.design(dataset).items():
        ends = asked.get(name)
        if name in inert or not isinstance(ends, dict) or isinstance(value, str):
            continue
        slack = _AT * (ends["high"] - ends["low"])
        unit = dataset[f"design_{name}"].attrs["units"]
        for word, side in (("low", "lower"), ("high", "upper")):
            if abs(value - ends[word]) <= slack:
                found.append(
                    f"{spelled(name)}: its {side} bound, {spoken(value, unit)}"
                )
    return Part("bounds", "At a bound of the study", tuple(found))


def certificate(dataset: xr.Dataset) -> Part:
    """Say what was enumerated, excluded, solved and left open."""
    known: Mapping[str, Any] = store.note(dataset, "certificate") or {}
    rows = [(_FIELDS.get(k, spelled(k)), _fact(k, v)) for k, v in known.items()]
    table = grid(("what was shown", ""), [row for row in rows if row[1]], numbers=())
    return Part("certificate", "Certificate", (), (table,) if rows else ())


def _fact(name: str, value: Any) -> str:
    """Write one fact of a certificate, "" where there is none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "agreeing_starts" and not value:
        # Where bounds decided nobody started again.
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        # What is left of rounding is nothing.
        return f"{100.0 * round(value, 9):.3g} %" if name in _SHARES else figures(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{spelled(str(k))} {v}" for k, v in value.items())
    return "" if value is None else str(value)


def _differs(one: float | str, other: float | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one != other
    return abs(one - other) > 5e-3 * max(abs(one), abs(other))
