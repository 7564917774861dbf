"""What a design says: asked, answer with its range, why, what else, and the details."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results import outcome, store
from supernode_opt.results.telling import distrust, search
from supernode_opt.results.telling.asked import asked
from supernode_opt.results.telling.parts import (
    BAD,
    FAINT,
    STRONG,
    Grid,
    Part,
    Row,
    facts,
    grid,
)
from supernode_opt.search.settings import UNANSWERED
from supernode_opt.system.report import is_share
from supernode_opt.words import both, spoken

# What the grades of evidence mean: the distance from the nearest fitted run.
GRADES = {
    "measured": "measured: sizes within less than a doubling of a fitted run",
    "near": "near: sizes within three doublings of a fitted run",
    "extrapolated": "extrapolated: sizes, chip or precision further away than that",
    "untested": "untested: no fitted run of its stack, chip family or kind of model",
}
# Fields of a design that are the machine's where a study is silent.
_MACHINE = ("chips", "scale_up_domain", "scale_up_bandwidth", "scale_out_bandwidth")
_MACHINE += ("oversubscription", "clock", "coolant_flow", "inlet_temperature")
_MACHINE += ("scale_up_link", "scale_out_link")
# Of the parts of a total, those that a sentence names; each at least this share.
_NAMED, _LEAST = 4, 0.05


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a design, in the order of the questions.

    Args:
      dataset: the result.
      everything: whether the range of every quantity is told.
    """
    return [
        asked(dataset),
        _answer(dataset),
        _why(dataset),
        distrust.robustness(dataset),
        search.alternatives(dataset),
        search.extremes(dataset),
        distrust.regret(dataset),
        search.prices(dataset, everything),
        search.relaxation(dataset),
        search.bounds(dataset),
        *([_ranges(dataset)] if everything else []),
        _design(dataset),
        _breakdowns(dataset),
        search.certificate(dataset),
        _evidence(dataset),
    ]


def value(dataset: xr.Dataset, name: str) -> str:
    """Write a reported quantity."""
    unit = dataset[name].attrs["units"]
    return spoken(float(dataset[name]), unit, is_share(name))


def range_of(
    dataset: xr.Dataset, name: str, known: dict[str, tuple[float, float]]
) -> str:
    """Write the range of a quantity, "" where it does not vary."""
    low, high = known.get(name, (np.nan, np.nan))
    if not np.isfinite([low, high]).all():
        return ""
    unit, share = dataset[name].attrs["units"], is_share(name)
    # Ends that are written alike are no range.
    alike = spoken(low, unit, share) == spoken(high, unit, share)
    return "" if alike else both(low, high, unit, share)


def _answer(dataset: xr.Dataset) -> Part:
    status = str(store.note(dataset, "status"))
    unanswered = status in UNANSWERED
    wanted = dataset.attrs["objective"]
    headline = f"{status}: {search.GRADES[status]}" if status in search.GRADES else ""
    lines = [headline or status, str(store.note(dataset, "message"))]
    if unanswered:
        lines.append("The design that comes nearest to the limits has:")
    known = outcome.intervals(dataset)
    rows = [
        Row(
            (spelled(name), value(dataset, name), range_of(dataset, name, known)),
            STRONG if name == wanted else "",
        )
        for name in dict.fromkeys((wanted, *outcome.HEADLINE))
    ]
    headings = ("quantity", "value", "5-95 %")
    if not known:
        headings, rows = headings[:2], [Row(r.cells[:2], r.mark) for r in rows]
    table = Grid(headings, tuple(rows), numbers=(1, 2))
    mark = BAD if unanswered else STRONG
    return Part("answer", "Answer", tuple(filter(None, lines)), (table,), mark)


def _why(dataset: xr.Dataset) -> Part:
    lines = [_binding(dataset)]
    for whole, verb in (("step_time", "goes to"), ("power", "goes to")):
        shares = _shares(dataset, whole, outcome.TOTALS[whole])
        named = [s for s in shares[:_NAMED] if s[2] >= _LEAST] or shares[:1]
        listed = ", ".join(f"{name} {100.0 * share:.0f} %" for name, _, share in named)
        lines.append(f"{spelled(whole).capitalize()} {verb} {listed}.")
    narrows = store.note(dataset, "narrows")
    if narrows:
        listed = ", ".join(f"{k} {100.0 * v:.0f} %" for k, v in narrows.items())
        lines.append(f"The range of step time comes from {listed} (of its variance).")
    return Part("why", "Why", tuple(filter(None, lines)), _constraints(dataset))


def _binding(dataset: xr.Dataset) -> str:
    """Say which limits are broken, which bind, or which is nearest."""
    rows = outcome.constraints(dataset)
    broken = [row for row in rows if _violated(row)]
    if broken:
        return f"Violated: {_listed(broken)}."
    tight = [row for row in rows if row["tight"]]
    if tight:
        return f"Binding: {_listed(tight)}."
    known = [row for row in rows if row["margin"] is not None and row["limit"]]
    if not known:
        return ""
    nearest = min(known, key=lambda row: row["margin"])
    return f"No limit binds; the nearest is {_listed([nearest])}."


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    return "; ".join(
        f"{spelled(row['name'])}, {_spoken(row, 'value')} of {_sense(row)}"
        f" {_spoken(row, 'limit')}"
        for row in rows
    )


def _violated(row: dict[str, Any]) -> bool:
    return row["margin"] is not None and row["margin"] < -1e-6


def _sense(row: dict[str, Any]) -> str:
    return "at most" if row["at_most"] else "at least"


def _spoken(row: dict[str, Any], field: str) -> str:
    found = row[field]
    return "-" if found is None else spoken(found, row["unit"], is_share(row["name"]))


def _constraints(dataset: xr.Dataset) -> tuple[Grid, ...]:
    rows = outcome.constraints(dataset)
    if not rows:
        return ()
    name = str(dataset.attrs.get("objective", ""))
    priced = name in dataset and any(row["multiplier"] for row in rows)
    best = float(dataset[name]) if priced else np.nan
    made = []
    # Binding ones first; `sorted` keeps the order of the rest.
    for row in sorted(rows, key=lambda row: not row["tight"]):
        violated = _violated(row)
        state = "violated" if violated else "binding" if row["tight"] else ""
        cells = [spelled(row["name"]), _spoken(row, "value")]
        cells += [f"{_sense(row)} {_spoken(row, 'limit')}", state]
        if priced:
            # As a share of both: a price per watt or byte tells nobody anything.
            slope = (row["multiplier"] or 0.0) * row["limit"] / best
            cells.append(f"{slope:+.3g} %" if slope else "")
        mark = BAD if violated else STRONG if row["tight"] else ""
        made.append(Row(tuple(cells), mark))
    heads = ("limit on", "value", "limit", "")
    heads += (f"1 % more: {spelled(name)}",) * priced
    return (Grid(heads, tuple(made), "Limits", numbers=(1, 4)),)


def _ranges(dataset: xr.Dataset) -> Part:
    known = outcome.intervals(dataset)
    rows = [
        (spelled(name), *_three(dataset, name, ends))
        for name, ends in known.items()
        if name in dataset and np.isfinite(ends).all() and ends[1] > ends[0]
    ]
    table = grid(("quantity", "5 %", "value", "95 %"), rows, numbers=(1, 2, 3))
    return Part("ranges", "5-95 % ranges", (), (table,))


def _three(
    dataset: xr.Dataset, name: str, ends: tuple[float, float]
) -> tuple[str, ...]:
    unit, numbers = dataset[name].attrs["units"], (ends[0], dataset[name], ends[1])
    return tuple(spoken(float(x), unit, is_share(name)) for x in numbers)


def _design(dataset: xr.Dataset) -> Part:
    rows = []
    given, stated = outcome.asked(dataset), outcome.stated(dataset)
    for name, built in outcome.design(dataset).items():
        unit = dataset[f"design_{name}"].attrs["units"]
        asked_for, origin = given.get(name), "given"
        if name not in given:
            origin = "follows from the rest"
        elif isinstance(asked_for, dict):
            origin = f"free, {both(asked_for['low'], asked_for['high'], unit)}"
        elif isinstance(asked_for, list):
            origin = f"free, {' | '.join(asked_for)}"
        elif stated is not None and name not in stated:
            origin = "as the machine has it" if name in _MACHINE else "nothing else"
        mark = STRONG if origin.startswith("free") else FAINT
        rows.append(Row((spelled(name), spoken(built, unit), origin), mark))
    table = Grid(("variable", "value", "chosen from"), tuple(rows))
    taken = store.note(dataset, "assumed") or ()
    lines = [f"Taken from usual practice, as the study is silent: {a}." for a in taken]
    return Part("design", "Design", tuple(lines), (table,))


def _shares(
    dataset: xr.Dataset, whole: str, part: str
) -> list[tuple[str, float, float]]:
    """Return name, value [SI] and share [1] of the parts of a total, largest first."""
    total, values = float(dataset[whole]), dataset[part].to_series()
    order = values.sort_values(ascending=False, kind="stable").items()
    return [(spelled(str(k)), float(v), float(v) / total) for k, v in order if v > 0.0]


def _breakdowns(dataset: xr.Dataset) -> Part:
    grids = []
    for whole, part in outcome.TOTALS.items():
        unit = dataset[part].attrs["units"]
        rows = [
            (name, spoken(size, unit), f"{100.0 * share:.1f} %")
            for name, size, share in _shares(dataset, whole, part)
        ]
        title = f"{spelled(whole).capitalize()} {value(dataset, whole)}"
        grids.append(grid(("part", "value", "share"), rows, title, (1, 2)))
    return Part("parts", "Where time, memory, power and money go", (), tuple(grids))


def _evidence(dataset: xr.Dataset) -> Part:
    # Results of older versions do not know which runs they rest on.
    known = store.note(dataset, "evidence")
    if known is None:
        return Part("evidence", "Evidence")
    lines = (f"{known['sentence']}.",)
    # Nor, perhaps, more of them than a sentence.
    runs, of = known.get("runs"), known.get("of")
    if not isinstance(runs, dict) or not isinstance(of, dict):
        return Part("evidence", "Evidence", lines)
    if not known.get("nearest"):
        return Part("evidence", "Evidence", lines)
    rows = [
        ("grade", GRADES.get(str(known.get("grade")), "")),
        ("nearest fitted run", str(known.get("nearest") or "none")),
        (f"fitted runs of {of.get('chip')}", str(runs.get("chip", ""))),
        (f"of these with {of.get('stack')}", str(runs.get("stack", ""))),
        (f"of these {of.get('kind')}", str(runs.get("kind", ""))),
        ("of these with as many chips, within a factor of two", str(runs.get("scale"))),
        ("more that were never fitted", str(runs.get("judged", ""))),
    ]
    return Part("evidence", "Evidence", (), (facts(rows),))
