"""What a design says: asked, answer with its range, why, what else, and the details."""

import numpy as np
import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results import outcome, store
from supernode_opt.results import served as serving
from supernode_opt.results.telling import distrust, limits, search, served
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
from supernode_opt.results.telling.quantity import range_of, value
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
        for name in dict.fromkeys((wanted, *outcome.headline(dataset)))
    ]
    headings = ("quantity", "value", "5-95 %")
    if not known:
        headings, rows = headings[:2], [Row(r.cells[:2], r.mark) for r in rows]
    tables = [Grid(headings, tuple(rows), numbers=(1, 2))]
    if serving.requests(dataset) is not None:
        tables.append(served.phases(dataset, known))
    mark = BAD if unanswered else STRONG
    return Part("answer", "Answer", tuple(filter(None, lines)), tuple(tables), mark)


def _why(dataset: xr.Dataset) -> Part:
    lines = [limits.binding(dataset)]
    wholes = ["step_time", "power"]
    if serving.requests(dataset) is not None:
        lines += served.why(dataset)
        wholes.insert(1, "prefill_step")
    for whole in wholes:
        shares = _shares(dataset, whole)
        named = [s for s in shares[:_NAMED] if s[2] >= _LEAST] or shares[:1]
        listed = ", ".join(f"{name} {100.0 * share:.0f} %" for name, _, share in named)
        lines.append(f"{_called(dataset, whole).capitalize()} goes to {listed}.")
    narrows = store.note(dataset, "narrows")
    if narrows:
        listed = ", ".join(f"{k} {100.0 * v:.0f} %" for k, v in narrows.items())
        lines.append(f"The range of step time comes from {listed} (of its variance).")
    return Part("why", "Why", tuple(filter(None, lines)), limits.constraints(dataset))


def _called(dataset: xr.Dataset, whole: str) -> str:
    """Return what a total is called."""
    serves = serving.requests(dataset) is not None
    known = served.WHOLES if serves else {}
    return known.get(whole, spelled(whole))


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
    inert = served.hidden(dataset)
    for name, built in outcome.design(dataset).items():
        if name in inert:
            continue
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
        said = served.chosen(name, built) or spoken(built, unit)
        rows.append(Row((spelled(name), said, origin), mark))
    table = Grid(("variable", "value", "chosen from"), tuple(rows))
    taken = store.note(dataset, "assumed") or ()
    lines = [f"Taken from usual practice, as the study is silent: {a}." for a in taken]
    return Part("design", "Design", tuple(lines), (table,))


def _shares(dataset: xr.Dataset, whole: str) -> list[tuple[str, float, float]]:
    """Return name, value [SI] and share [1] of the parts of a total, largest first."""
    values = dataset[outcome.TOTALS.get(whole, whole)].to_series()
    total = float(dataset[whole].sum())
    order = values.sort_values(ascending=False, kind="stable").items()
    return [(spelled(str(k)), float(v), float(v) / total) for k, v in order if v > 0.0]


def _breakdowns(dataset: xr.Dataset) -> Part:
    grids = []
    wholes = list(outcome.TOTALS)
    if serving.requests(dataset) is not None:
        wholes.insert(1, "prefill_step")
    for whole in wholes:
        unit = dataset[whole].attrs["units"]
        rows = [
            (name, spoken(size, unit), f"{100.0 * share:.1f} %")
            for name, size, share in _shares(dataset, whole)
        ]
        total = spoken(float(dataset[whole].sum()), unit)
        title = f"{_called(dataset, whole).capitalize()} {total}"
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
