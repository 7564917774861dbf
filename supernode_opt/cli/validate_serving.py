"""`supernode-opt validate` on rows of machines that serve: latencies and rates."""

from collections import Counter
from typing import Any

from rich.console import Group

from supernode_opt.cli import tables as writing
from supernode_opt.cli.tables import percent

FILE, FIGURES = "validation.nc", ""
_PARTS = {"fitted": "Fitted rows (in-sample)", "never_fitted": "Rows never fitted"}
_QUANTITIES = {"tpot": "TPOT", "ttft": "TTFT", "rate": "tokens/s/chip"}
_COLUMNS = {
    "rows": "rows",
    "MAPE": "mape",
    "median": "median",
    "p90": "p90",
    "bias": "bias",
    "worst row": "worst_error",
    "one utilisation": "baseline_median",
    "roofline": "roofline_median",
    "in 90 %": "coverage",
    "width": "width",
}
_WORDS = (
    "Errors in per cent of what was measured. `one utilisation` is the median error of"
    " the plain roofline over one utilisation per chip and phase, fitted to these very"
    " rows; `roofline` that of the roofline itself; `in 90 %` is the share of rows"
    " inside their 90 % range, and `width` its median width."
)


def _cells(name: str, quantity: str, found: dict[str, Any]) -> list[str]:
    cells = {head: percent(found[key]) for head, key in _COLUMNS.items()}
    cells["rows"] = str(found["rows"])
    cells["worst row"] = f"{found['worst'][:36]} {cells['worst row']}"
    for head, key in (("in 90 %", "coverage"), ("width", "width")):
        cells[head] = f"{100.0 * found[key]:.0f}"
    return [name, _QUANTITIES[quantity], *cells.values()]


def _rows(groups: dict[str, Any]) -> list[list[str]]:
    return [
        _cells(name, quantity, found[quantity])
        for name, found in sorted(groups.items())
        for quantity in _QUANTITIES
        if quantity in found
    ]


def markdown(report: dict[str, Any]) -> str:
    """Write rows that were never fitted by family."""
    part = report["groups"]["never_fitted"]
    overall = {"**all**": part["overall"]} if part["overall"] else {}
    rows = _rows(part["family"]) + _rows(overall)
    return writing.markdown(("rows never fitted", "quantity", *_COLUMNS), rows, 2)


def tables(report: dict[str, Any]) -> Any:
    """Return the errors as tables for people."""
    shown: list[Any] = []
    for part, title in _PARTS.items():
        groups = report["groups"][part]
        if not groups["overall"]:
            continue
        for kind in ("family", "system", "model"):
            table = writing.table(
                (kind, "quantity", *_COLUMNS),
                _rows(groups[kind]),
                words=(0, 1),
                whole=True,
                title=f"{title}, per {kind}",
                title_justify="left",
            )
            if kind == "family":
                table.add_section()
                for row in _rows({"all": groups["overall"]}):
                    table.add_row(*row)
            shown += [table, ""]
        ranked = groups["overall"]["spearman"]
        if ranked is not None:
            count = groups["overall"]["ranked_groups"]
            said = f"layouts of one batch ranked: {count} groups, Spearman {ranked:.2f}"
            shown += [said, ""]
    reasons = Counter(row["refused"] for row in report["rows"] if row["refused"])
    lines = [f"  {count:4d}  {reason}" for reason, count in reasons.most_common()]
    return Group(*shown, _WORDS, "", f"Refused rows: {reasons.total()}", *lines)
