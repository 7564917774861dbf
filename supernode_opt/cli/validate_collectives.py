"""`supernode-opt validate` on a table of collectives."""

from pathlib import Path
from typing import Any

from supernode_opt.cli import session

FILE, FIGURES = "validation.nc", "draw_collectives"


def judged(runs: Path) -> tuple[dict[str, Any], Any]:
    """Predict the collectives of a table; return report and dataset."""
    from supernode_opt.calibration.collectives import judge
    from supernode_opt.calibration.collectives.table import read

    table = read(runs, session.say)
    session.say(f"predicting {len(table)} collectives")
    seen = judge.judge(table)
    return judge.report(seen), judge.dataset(seen)


_PARTS = {
    "never_fitted": "Rows never fitted",
    "fitted": "Rows of the half that is fitted",
}
_COLUMNS = ("median", "mape", "p90", "bias", "baseline_median", "baseline_mape")
_HEADINGS = ("rows", "median", "mean", "p90", "bias", "constant", "its mean")


def _cells(found: dict[str, Any]) -> list[str]:
    numbers = [f"{100.0 * found[column]:.1f}" for column in _COLUMNS]
    return [str(found["rows"]), *numbers]


def _worst(found: dict[str, Any]) -> str:
    """Name the worst row of an operation on a machine by its ranks and message."""
    size = " ".join(found["worst"].split()[2:])
    return f"{100.0 * found['worst_error']:+.0f} at {size}"


def tables(report: dict[str, Any]) -> Any:
    """Return the errors as tables for people."""
    from rich.console import Group
    from rich.table import Table

    shown: list[Any] = []
    for part, title in _PARTS.items():
        groups = report["groups"][part]
        if groups["overall"] is None:
            continue
        table = Table(title=title, title_justify="left")
        table.add_column("library, machine, operation", no_wrap=True)
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("worst", no_wrap=True)
        kinds = ("operation", "library") if part == "never_fitted" else ("library",)
        for kind in kinds:
            for name, found in groups[kind].items():
                table.add_row(name, *_cells(found), _worst(found))
            table.add_section()
        table.add_row("all", *_cells(groups["overall"]))
        shown += [table, ""]
    words = (
        "Errors in per cent of measured time. `constant` is the median error of one"
        " latency and one bandwidth per library and machine, `its mean` the mean."
    )
    return Group(*shown, words)


def markdown(report: dict[str, Any]) -> str:
    """Write the rows never fitted per library, machine and operation."""
    part = report["groups"]["never_fitted"]
    heads = ("collectives never fitted", *_HEADINGS, "worst")
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    named = [*part["operation"].items(), *part["library"].items()]
    if part["overall"] is not None:
        named.append(("**all**", part["overall"]))
    for name, found in named:
        lines.append("| " + " | ".join([name, *_cells(found), _worst(found)]) + " |")
    return "\n".join(lines)
