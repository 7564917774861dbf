"""`supernode-opt validate` on a table of measured peaks of memory."""

from collections import Counter
from typing import Any

from rich.console import Group

from supernode_opt.cli import tables as writing
from supernode_opt.cli.tables import percent

FILE, FIGURES = "validation.nc", "draw_peaks"
_HEADINGS = ("stack", "rows", "peaks", "median", "bias", "outcomes", "wrong", "edge")
_WORDS = (
    "Errors in per cent of the measured peak. `wrong` are verdicts that the outcome"
    " contradicts, `edge` those of a probability between 10 and 90 per cent, the Brier"
    " score is the mean square of probability less outcome."
)


def _cells(name: str, found: dict[str, Any]) -> list[str]:
    shares = ["" if found[k] is None else percent(found[k]) for k in ("median", "bias")]
    counts = [str(found[key]) for key in ("outcomes", "wrong", "on_the_edge")]
    return [name, str(found["rows"]), str(found["peaks"]), *shares, *counts]


def tables(report: dict[str, Any]) -> Any:
    """Return errors and verdicts as a table for people."""
    rows = [_cells(name, found) for name, found in report["stacks"].items()]
    overall = report["overall"]
    table = writing.table(_HEADINGS, [*rows, _cells("all", overall)], whole=True)
    brier = overall["brier"]
    scored = "" if brier is None else f"Brier score {brier:.3f}."
    reasons = Counter(row["refused"] for row in report["rows"] if row["refused"])
    lines = [f"  {count:4d}  {reason}" for reason, count in reasons.most_common()]
    return Group(table, "", _WORDS, scored, f"Refused: {reasons.total()}", *lines)


def markdown(report: dict[str, Any]) -> str:
    """Write errors and verdicts by stack."""
    rows = [_cells(name, found) for name, found in report["stacks"].items()]
    rows.append(_cells("**all**", report["overall"]))
    return writing.markdown(_HEADINGS, rows)
