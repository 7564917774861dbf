"""The limits of a result: which are broken, which bind, and what they are worth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results import outcome, served
from supernode_opt.results.telling.parts import BAD, STRONG, Grid, Row
from supernode_opt.results.telling.served import LIMITS, unasked
from supernode_opt.system.report import is_share
from supernode_opt.words import spoken


def binding(dataset: xr.Dataset) -> str:
    """Say which limits are broken, which bind, or which is nearest."""
    rows = _asked(dataset)
    broken = [row for row in rows if violated(row)]
    if broken:
        return f"Violated: {_listed(broken)}."
    tight = [row for row in rows if row["tight"]]
    if tight:
        return f"Binding: {_listed(tight)}."
    known = [row for row in rows if row["margin"] is not None and row["limit"]]
    if not known or served.batch_limit(dataset) in ("time", "memory"):
        # There the batch is as large as a limit allows.
        return ""
    nearest = min(known, key=lambda row: row["margin"])
    return f"No limit binds; the nearest is {_listed([nearest])}."


def _asked(dataset: xr.Dataset) -> list[dict[str, Any]]:
    hidden = unasked(dataset)
    return [row for row in outcome.constraints(dataset) if row["name"] not in hidden]


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    return "; ".join(
        f"{_called(row)}, {_spoken(row, 'value')} of {_sense(row)}"
        f" {_spoken(row, 'limit')}"
        for row in rows
    )


def _called(row: dict[str, Any]) -> str:
    return LIMITS.get(row["name"], spelled(row["name"]))


def violated(row: dict[str, Any]) -> bool:
    """Tell whether a limit is broken."""
    return row["margin"] is not None and row["margin"] < -1e-6


def _sense(row: dict[str, Any]) -> str:
    return "at most" if row["at_most"] else "at least"


def _spoken(row: dict[str, Any], field: str) -> str:
    found = row[field]
    return "-" if found is None else spoken(found, row["unit"], is_share(row["name"]))


def constraints(dataset: xr.Dataset) -> tuple[Grid, ...]:
    """Return the table of all limits, binding ones first; none where there are none."""
    rows = _asked(dataset)
    if not rows:
        return ()
    name = str(dataset.attrs.get("objective", ""))
    priced = name in dataset and any(row["multiplier"] for row in rows)
    best = float(dataset[name]) if priced else np.nan
    made = []
    # Binding ones first; `sorted` keeps the order of the rest.
    for row in sorted(rows, key=lambda row: not row["tight"]):
        broken = violated(row)
        state = "violated" if broken else "binding" if row["tight"] else ""
        cells = [_called(row), _spoken(row, "value")]
        cells += [f"{_sense(row)} {_spoken(row, 'limit')}", state]
        if priced:
            # As a share of both: a price per watt or byte tells nobody anything.
            slope = (row["multiplier"] or 0.0) * row["limit"] / best
            cells.append(f"{slope:+.3g} %" if slope else "")
        mark = BAD if broken else STRONG if row["tight"] else ""
        made.append(Row(tuple(cells), mark))
    heads = ("limit on", "value", "limit", "")
    heads += (f"1 % more: {spelled(name)}",) * priced
    return (Grid(heads, tuple(made), "Limits", numbers=(1, 4)),)
