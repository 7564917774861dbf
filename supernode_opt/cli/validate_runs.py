"""`supernode-opt validate` on training runs: errors of step time."""

from pathlib import Path
from typing import Any

from supernode_opt.cli import session

FILE, FIGURES = "validation.nc", "draw_validation"
_PARTS = {
    "fitted": "Fitted rows (in-sample)",
    "never_fitted": "Rows never fitted",
}


def judged(runs: Path | None) -> tuple[dict[str, Any], Any]:
    """Predict the rows of a table, or the shipped ones; return report and dataset."""
    from supernode_opt.calibration.data.runs import read
    from supernode_opt.calibration.data.runs import shipped as shipped_runs
    from supernode_opt.calibration.step_time import shipped, validation

    table = shipped_runs() if runs is None else read(runs)
    # Shipped rows are judged by a calibration that has seen none of their groups.
    known = shipped.judged() if runs is None else shipped.posterior()
    session.say(f"predicting {len(table)} rows")
    seen = validation.validate(table, known)
    return validation.report(seen), validation.dataset(seen)


def markdown(report: dict[str, Any]) -> str:
    """Write rows kept for validation per family, worst family last."""
    part = report["groups"]["validation"]
    heads = ("rows never fitted", "rows", "MAPE", "median", "bias", "worst row")
    heads += ("constant by chip", "and stack", "in 90 %")
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    families = sorted(part["family"].items(), key=lambda item: item[1]["mape"])
    for name, found in [*families, ("**all**", part["overall"])]:
        shares = [
            f"{100.0 * found[key]:.1f}"
            for key in ("mape", "median", "bias", "worst_error")
        ]
        rest = [
            f"{100.0 * found[key]:.1f}"
            for key in ("baseline_mape", "baseline_by_stack_mape")
        ]
        cells = [name, str(found["rows"]), *shares[:3]]
        cells += [f"{found['worst']} {shares[3]}", *rest]
        cells += [f"{100.0 * found['coverage']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tables(report: dict[str, Any]) -> Any:
    """Return the errors as tables for people."""
    from rich.console import Group
    from rich.table import Table

    shown: list[Any] = []
    for part, title in _PARTS.items():
        groups = report["groups"][part]
        for kind in ("platform", "source"):
            if not groups[kind]:
                continue
            table = Table(title=f"{title}, per {kind}", title_justify="left")
            table.add_column(kind, no_wrap=True)
            for name in _COLUMNS:
                table.add_column(name, justify="right", no_wrap=True)
            for name, found in sorted(groups[kind].items()):
                table.add_row(name[:27], *_cells(found))
            if groups["overall"] and kind == "platform":
                table.add_section()
                table.add_row("all", *_cells(groups["overall"]))
            shown += [table, ""]
    shown += _rankings(report["rankings"])
    shown += _refusals(report["rows"])
    return Group(*shown)


def _rankings(ranked: list[dict[str, Any]]) -> list[Any]:
    lines = [
        f"  {one['group']}: {one['rows']} plans, Spearman {one['spearman']:.2f},"
        f" regret {100.0 * one['regret']:.1f} %"
        for one in ranked
    ]
    return ["Plans of one job, ranked:", *lines, ""] if lines else []


_COLUMNS = (
    "rows",
    "MAPE",
    "median",
    "p90",
    "bias",
    "worst row",
    "by chip",
    "by stack",
    "in 90 %",
)


def _cells(found: dict[str, Any]) -> list[str]:
    def percent(name: str) -> str:
        return "-" if found[name] is None else f"{100.0 * found[name]:.1f}"

    return [
        str(found["rows"]),
        percent("mape"),
        percent("median"),
        percent("p90"),
        percent("bias"),
        f"{found['worst']} {percent('worst_error')}",
        percent("baseline_mape"),
        percent("baseline_by_stack_mape"),
        percent("coverage"),
    ]


def _refusals(rows: list[dict[str, Any]]) -> list[Any]:
    from collections import Counter

    reasons = Counter(row["refused"] for row in rows if row["refused"])
    lines = [f"  {count:4d}  {reason}" for reason, count in reasons.most_common()]
    words = (
        "Errors in per cent of measured step time. `by chip` and `by stack` are the"
        " mean errors of one constant utilisation per chip and precision, and stack as"
        " well; `in 90 %` is the share of rows inside their 90 % interval."
    )
    return [words, "", f"Refused rows: {sum(reasons.values())}", *lines]
