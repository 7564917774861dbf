"""What a crossover says: where one machine overtakes another."""

import json
import math
from typing import Any

import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results.telling import machines
from supernode_opt.results.telling.parts import BAD, Part, Row, facts, grid
from supernode_opt.words import figures, spoken


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a crossover."""
    lines = [str(line) for line in json.loads(dataset.attrs["lines"])]
    question = dataset.attrs["question"]
    if question and lines[:1] == [question]:
        lines = lines[1:]
    return [_asked(dataset), *_answers(dataset, lines)]


def _asked(dataset: xr.Dataset) -> Part:
    names = [str(name) for name in dataset["machine"].values]
    across, up = dataset["across"], dataset["up"]
    more = [
        ("precision", machines.precision_of(dataset)),
        ("compared by", spelled(str(dataset.attrs["quantity"]))),
        ("across", spelled(str(across.attrs["long_name"]))),
        ("up", spelled(str(up.attrs["long_name"]))),
        ("split", "the best legal split of each machine, at every step"),
    ]
    return machines.asked(dataset, names, [machines.model_of(dataset)], more)


def _answers(dataset: xr.Dataset, lines: list[str]) -> list[Part]:
    known = json.loads(dataset.attrs.get("summary", "null"))
    # Files of old versions have their sentences alone.
    if known is None:
        return [Part("answer", "Answer", tuple(lines))]
    quantity, unit = known["quantity"], dataset[known["quantity"]].attrs["units"]
    first, rival = known["machine"], known["rival"]
    factor, own = dataset.attrs["across_factor"], dataset.attrs["across_own_unit"]
    own = "" if own in ("", "1") else f" [{own}]"
    rows = [
        Row(
            (
                figures(step["across"] / factor),
                spoken(step[quantity], unit),
                _ratio(step, ""),
                f"{_ratio(step, '_low')}-{_ratio(step, '_high')}",
                f"{100.0 * step['share']:.0f} %",
                _equal(dataset, step),
            ),
            BAD if step["cannot"] else "",
        )
        for step in known["steps"]
    ]
    heads = (f"{spelled(known['across'])}{own}", spelled(quantity), "ratio")
    heads += ("5-95 %", "better in", f"equal at {spelled(known['up'])} of (5-95 %)")
    table = grid(heads, [], numbers=(0, 1, 2, 3, 4))._replace(rows=tuple(rows))
    cannot = [
        (f"{first}, {spelled(known['across'])} {figures(s['across'] / factor)}", s)
        for s in known["steps"]
        if s["cannot"]
    ]
    limits = [(where, ", ".join(step["cannot"])) for where, step in cannot]
    limits += [
        (f"{rival['machine']}, {spelled(known['across'])} {size}", ", ".join(why))
        for size, why in rival["cannot"].items()
    ]
    why = Part("why", "Cannot be built", (), (facts(limits),) if limits else ())
    return [Part("answer", "Answer", (lines[0],), (table,)), why]


def _ratio(step: dict[str, Any], end: str) -> str:
    value = step[f"ratio{end}"]
    return "-" if value is None else f"{value:.3f}"


def _equal(dataset: xr.Dataset, step: dict[str, Any]) -> str:
    """Say at which value of the constant both are equal, and its range."""
    at = [step[f"crossing{end}"] for end in ("", "_low", "_high")]
    if at[0] is None:
        return "none in the bracket"
    low, high = at[1:]
    least = "none" if low == 0.0 else _own(dataset, low)
    most = "any" if high is None or math.isinf(high) else _own(dataset, high)
    return f"{_own(dataset, at[0])} ({least} to {most})"


def _own(dataset: xr.Dataset, value: float) -> str:
    unit = str(dataset.attrs["own_unit"])
    if unit == "K":
        return spoken(value, "K")
    number = figures(float(f"{value / float(dataset.attrs['factor']):.4g}"))
    return number if unit in ("", "1") else f"{number} {unit}"
