"""`supernode-opt validate` on training runs: errors of step time."""

from collections import Counter
from typing import Any

from rich.console import Group

from supernode_opt.cli import tables as writing
from supernode_opt.cli.tables import percent

FILE, FIGURES = "validation.nc", "draw_validation"
_PARTS = {"fitted": "Fitted rows (in-sample)", "never_fitted": "Rows never fitted"}
_COLUMNS = {
    "rows": "rows",
    "MAPE": "mape",
    "median": "median",
    "p90": "p90",
    "bias": "bias",
    "worst row": "worst_error",
    "by chip": "baseline_mape",
    "by stack": "baseline_by_stack_mape",
    "in 90 %": "coverage",
    "width": "width",
    "score": "interval_score",
}
_WORDS = (
    "Errors in per cent of measured step time. `by chip` and `by stack` are the"
    " mean errors of one constant utilisation per chip and precision, and stack as"
    " well; `in 90 %` is the share of rows inside their 90 % interval, `width` its"
    " median width in per cent of the step time, and `score` the mean interval score of"
    " log step time, which is less the narrower the intervals are and the less they"
    " miss by."
)

_EDGE = (
    "near the edge of memory or beyond it, where an allocator may give back and ask"
    " anew in every micro-batch: such runs can take several times as long."
)
# So many rows are named.
_NAMED = 3


def _cells(name: str, found: dict[str, Any]) -> list[str]:
    cells = {head: percent(found[key]) for head, key in _COLUMNS.items()}
    cells["rows"] = str(found["rows"])
    cells["worst row"] = f"{found['worst']} {cells['worst row']}"
    cells["in 90 %"] = f"{100.0 * found['coverage']:.0f}"
    cells["width"] = f"{100.0 * found['width']:.0f}"
    cells["score"] = f"{found['interval_score']:.2f}"
    return [name, *cells.values()]


def markdown(report: dict[str, Any]) -> str:
    """Write rows kept for validation per family, worst family last."""
    part = report["groups"]["validation"]
    families = sorted(part["family"].items(), key=lambda item: item[1]["mape"])
    rows = []
    for name, found in [*families, ("**all**", part["overall"])]:
        cells = _cells(name, found)
        del cells[4]
        rows.append(cells)
    heads = ("rows never fitted", "rows", "MAPE", "median", "bias", "worst row")
    heads += ("constant by chip", "and stack", "in 90 %", "width", "score")
    return writing.markdown(heads, rows)


def _ordered(groups: dict[str, Any], kind: str) -> list[tuple[str, Any]]:
    """Return groups in the order of their names, grades as they come: best first."""
    return list(groups.items()) if kind == "grade" else sorted(groups.items())


def tables(report: dict[str, Any]) -> Any:
    """Return the errors as tables for people."""
    shown: list[Any] = []
    for part, title in _PARTS.items():
        groups = report["groups"][part]
        for kind in ("platform", "source", "grade"):
            if not groups[kind]:
                continue
            table = writing.table(
                (kind, *_COLUMNS),
                [_cells(name[:27], one) for name, one in _ordered(groups[kind], kind)],
                whole=True,
                title=f"{title}, per {kind}",
                title_justify="left",
            )
            if groups["overall"] and kind == "platform":
                table.add_section()
                table.add_row(*_cells("all", groups["overall"]))
            shown += [table, ""]
    ranked = [
        f"  {one['group']}: {one['rows']} plans, Spearman {one['spearman']:.2f},"
        f" regret {100.0 * one['regret']:.1f} %"
        for one in report["rankings"]
    ]
    shown += ["Plans of one job, ranked:", *ranked, ""] if ranked else []
    edge = [row["run_id"] for row in report["rows"] if row.get("near_memory_edge")]
    if edge:
        more = f" and {len(edge) - _NAMED} more" if len(edge) > _NAMED else ""
        are = "is" if len(edge) == 1 else "are"
        shown += [f"{', '.join(edge[:_NAMED])}{more} {are} {_EDGE}", ""]
    reasons = Counter(row["refused"] for row in report["rows"] if row["refused"])
    lines = [f"  {count:4d}  {reason}" for reason, count in reasons.most_common()]
    return Group(*shown, _WORDS, "", f"Refused rows: {sum(reasons.values())}", *lines)
