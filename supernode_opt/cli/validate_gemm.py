"""`supernode-opt validate` on a table of measured GEMMs."""

from pathlib import Path
from typing import Any

from supernode_opt.cli import session

FILE, FIGURES = "gemm.nc", "draw_gemm"
_HALVES = {
    "held_out": "Shapes kept from every fit",
    "fit_half": "Shapes that a fit may see",
}
_COLUMNS = ("median", "p90", "bias", "baseline")
_WORDS = (
    "Errors in per cent of measured time and watts; `baseline` is the median error of"
    " one fraction of peak and of the power limit per series. Watts of `brief` kernels"
    " are read by sensors that average over a second."
)


def judged(runs: Path) -> tuple[dict[str, Any], Any]:
    """Predict a table of GEMMs; return report and dataset."""
    from supernode_opt.calibration.gemm import score
    from supernode_opt.calibration.gemm.predict import shipped
    from supernode_opt.calibration.gemm.table import read

    table = read([runs])
    session.say(f"predicting {len(table)} GEMMs")
    seen = score.score(table, shipped())
    return score.report(seen), score.dataset(seen)


def percent(value: float) -> str:
    """Write a share in per cent."""
    return f"{100.0 * value:.1f}"


def _cells(group: dict[str, Any]) -> list[str]:
    series = f"{group['chip']} {group['precision']}"
    cells = [series, group["regime"], str(group["rows"])]
    for sizes in (group["time"], group["watts"]):
        cells += ["-" if sizes is None else percent(sizes[c]) for c in _COLUMNS]
    return cells


def _heads() -> list[str]:
    heads = ["series", "regime", "rows"]
    return heads + [f"{what} {c}" for what in ("time", "watts") for c in _COLUMNS]


def markdown(report: dict[str, Any]) -> str:
    """Write the shapes kept from every fit."""
    groups = report["groups"]["held_out"]
    heads = _heads()
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "--:|" * 9]
    lines += ["| " + " | ".join(_cells(group)) + " |" for group in groups]
    return "\n".join(lines)


def tables(report: dict[str, Any]) -> Any:
    """Return the errors as tables for people."""
    from rich.console import Group

    shown = [
        table_of(f"{title}:", report["groups"][half])
        for half, title in _HALVES.items()
        if report["groups"][half]
    ]
    lines = [_WORDS]
    lines += [
        f"{one['kernel']}: {one['limit']:.2f} x the power limit makes {one['shapes']}"
        f" shapes capped at both {one['measured']:.3f} x as fast, predicted"
        f" {one['predicted']:.3f} x"
        for one in report["elasticities"]
    ]
    lines += [
        f"refused: {one['rows']} rows of {one['series']}, {one['why']}"
        for one in report["refused"]
    ]
    return Group(*shown, *lines)


def table_of(title: str, groups: list[dict[str, Any]]) -> Any:
    """Return the errors of groups as one table."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for place, head in enumerate(_heads()):
        justify = "left" if place < 2 else "right"
        table.add_column(head.replace(" ", "\n"), justify=justify, no_wrap=True)
    for group in groups:
        table.add_row(*_cells(group))
    return table
