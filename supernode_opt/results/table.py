"""The printed answer: design, limits and prices, where time and power go, the proof."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from supernode_opt.results import outcome, store
from supernode_opt.search.settings import UNANSWERED
from supernode_opt.system.report import Report, is_share
from supernode_opt.units import quantities
from supernode_opt.words import figures, spoken

WIDTH = 88
# A variable this near to a bound, as a share of the box, leans on it.
_LEANS = 1e-3


def render(dataset: xr.Dataset) -> str:
    """Return the table of a result as plain text."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(tables(dataset))
    lines = console.file.getvalue().splitlines()  # type: ignore[union-attr]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def tables(dataset: xr.Dataset) -> Group:
    """Return everything a person wants to know of a result, ready to print."""
    sections = [
        _heading(dataset),
        _headline(dataset),
        _design(dataset),
        _constraints(dataset),
        _sentences("Assumed", store.note(dataset, "assumed")),
        _sentences("Prices", store.note(dataset, "prices")),
        _sentences("Least relaxation", _relaxation(dataset)),
        _sentences("Leans on", _leaning(dataset)),
        *(_breakdown(dataset, *one) for one in outcome.TOTALS.items()),
        _certificate(store.note(dataset, "certificate")),
        _alternatives(dataset),
    ]
    shown = [section for section in sections if section is not None]
    return Group(*(part for section in shown for part in (section, "")))


def ranges(
    report: Mapping[str, float | None], found: Mapping[str, tuple[float, float]]
) -> Table:
    """Return the 5-95 % ranges of the quantities that vary, ready to print."""
    units = {name: declared.unit for name, declared in quantities(Report)}
    shown = Table(title="5-95 % ranges", title_justify="left", box=box.SIMPLE)
    shown.add_column("quantity")
    for heading in ("low", "value", "high"):
        shown.add_column(heading, justify="right")
    for name, (low, high) in found.items():
        value = report.get(name)
        if value is not None and high > low:
            numbers = [
                spoken(x, units[name], is_share(name)) for x in (low, value, high)
            ]
            shown.add_row(name.replace("_", " "), *numbers)
    return shown


def _heading(dataset: xr.Dataset) -> RenderableType:
    question = outcome.question(dataset)
    status = str(store.note(dataset, "status"))
    lines = Text(question["name"], style="bold")
    lines.append(f": {status}", style="red" if status in UNANSWERED else "green")
    # Results of older versions do not know which runs they rest on.
    known = store.note(dataset, "evidence")
    behind = None if known is None else f"Evidence: {known['sentence']}."
    for line in (question.get("question"), store.note(dataset, "message"), behind):
        if line:
            lines.append(f"\n{line}", style="not bold")
    return lines


def _headline(dataset: xr.Dataset) -> Table:
    table = _table("Result", ("quantity", "value"))
    wanted = dataset.attrs["objective"]
    for name in dict.fromkeys((wanted, *outcome.HEADLINE)):
        style = "bold" if name == wanted else ""
        table.add_row(_words(name), _said(dataset, name), style=style)
    precision = dataset.attrs.get("precision")
    if precision:
        table.add_row("precision", precision.upper())
    return table


def _design(dataset: xr.Dataset) -> Table:
    table = _table("Design", ("variable", "value", "chosen from"))
    asked = outcome.asked(dataset)
    for name, value in outcome.design(dataset).items():
        unit = dataset[f"design_{name}"].attrs["units"]
        asked_for, origin = asked.get(name), "frozen"
        if name not in asked:
            origin = "follows"
        elif isinstance(asked_for, dict):
            low, high = (spoken(asked_for[word], unit) for word in ("low", "high"))
            origin = f"free, {low} to {high}"
        elif isinstance(asked_for, list):
            origin = f"free, {' | '.join(asked_for)}"
        style = "bold" if origin.startswith("free") else "dim"
        table.add_row(_words(name), spoken(value, unit), origin, style=style)
    return table


def _constraints(dataset: xr.Dataset) -> Table | None:
    rows = outcome.constraints(dataset)
    if not rows:
        return None
    table = _table("Constraints", ("quantity", "value", "limit", "", "multiplier"))
    # Tight ones first; `sorted` keeps the order of the rest.
    for row in sorted(rows, key=lambda row: not row["tight"]):
        unit, name = row["unit"], row["name"]
        value, limit = (
            "-" if row[field] is None else spoken(row[field], unit, is_share(name))
            for field in ("value", "limit")
        )
        violated = row["margin"] is not None and row["margin"] < -1e-6
        state = "violated" if violated else "tight" if row["tight"] else ""
        multiplier = row["multiplier"]
        table.add_row(
            _words(name),
            value,
            f"{'at most' if row['at_most'] else 'at least'} {limit}",
            state,
            "" if not multiplier else figures(multiplier),
            style="red" if violated else "bold" if row["tight"] else "",
        )
    return table


def _sentences(title: str, sentences: Iterable[str] | None) -> RenderableType | None:
    if not sentences:
        return None
    lines: list[RenderableType] = [Text(title, style="bold")]
    for sentence in sentences:
        lines.append(Padding(sentence, (0, 0, 0, 2), expand=False))
    return Group(*lines)


def _relaxation(dataset: xr.Dataset) -> list[str]:
    return [
        f"{_words(name)}: move the limit by {abs(needed):.3g} %"
        for name, needed in store.note(dataset, "relaxation") or ()
    ]


def _leaning(dataset: xr.Dataset) -> list[str]:
    """Name the variables that end at a bound which the study set."""
    found = []
    asked = outcome.asked(dataset)
    for name, value in outcome.design(dataset).items():
        bounds = asked.get(name)
        if not isinstance(bounds, dict) or isinstance(value, str):
            continue
        slack = _LEANS * (bounds["high"] - bounds["low"])
        for word in ("low", "high"):
            if abs(value - bounds[word]) <= slack:
                unit = dataset[f"design_{name}"].attrs["units"]
                found.append(f"{_words(name)}: its {word} bound, {spoken(value, unit)}")
    return found


def _breakdown(dataset: xr.Dataset, whole: str, part: str) -> Table:
    total, unit = float(dataset[whole]), dataset[part].attrs["units"]
    title = f"{_words(whole).capitalize()} {spoken(total, unit)}"
    table = _table(title, ("part", "value", "share"))
    values = dataset[part].to_series().sort_values(ascending=False, kind="stable")
    for name, value in values.items():
        if value > 0.0:
            share = f"{100.0 * value / total:.1f} %"
            table.add_row(_words(str(name)), spoken(value, unit), share)
    return table


def _certificate(certificate: Mapping[str, Any] | None) -> Table | None:
    if not certificate:
        return None
    table = _table("Certificate", ("stage", "value"))
    for name, value in certificate.items():
        if isinstance(value, bool):
            said = "yes" if value else "no"
        elif isinstance(value, int | float):
            said = figures(value)
        elif isinstance(value, Mapping):
            said = ", ".join(f"{_words(str(k))} {v}" for k, v in value.items())
        else:
            said = "-" if value is None else str(value)
        table.add_row(_words(name), said)
    return table


def _alternatives(dataset: xr.Dataset) -> Table | None:
    others = store.note(dataset, "alternatives")
    if not others:
        return None
    wanted = dataset.attrs["objective"]
    unit = dataset[wanted].attrs["units"]
    table = _table("Alternatives", (_words(wanted), "differs in"), numbers=0)
    best = outcome.design(dataset)
    for other in others:
        changes = [
            f"{_words(name)} {spoken(value, dataset[f'design_{name}'].attrs['units'])}"
            for name, value in other["design"].items()
            if name in best and _differs(value, best[name])
        ]
        said = "; ".join(changes) or "nothing"
        table.add_row(spoken(other["objective"], unit, is_share(wanted)), said)
    return table


def _differs(one: float | str, other: float | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one != other
    return abs(one - other) > 5e-3 * max(abs(one), abs(other))


def _said(dataset: xr.Dataset, name: str) -> str:
    return spoken(float(dataset[name]), dataset[name].attrs["units"], is_share(name))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(title: str, columns: tuple[str, ...], numbers: int = 1) -> Table:
    """Begin a table; the column at the index `numbers` is flush right."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=True,
    )
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index == numbers else "left")
    return table
