"""`supernode-opt validate` on a table of measured GEMMs."""

from typing import Any

from rich.console import Group

from supernode_opt.cli import tables as writing
from supernode_opt.cli.tables import percent

FILE, FIGURES = "gemm.nc", "draw_gemm"
_HALVES = {
    "held_out": "Held-out shapes, in no fit",
    "fit_half": "Shapes that a fit may see",
}
_COLUMNS = ("median", "p90", "bias", "baseline")
_HEADS = (
    *("series", "regime", "rows"),
    *(f"{what} {column}" for what in ("time", "watts") for column in _COLUMNS),
)
_WORDS = (
    "Errors in per cent of measured time and watts; `baseline` is the median error of"
    " one fraction of peak and of the power limit per series. Watts of `brief` kernels"
    " are read by sensors that average over a second."
)


def _cells(group: dict[str, Any]) -> list[str]:
    series = f"{group['chip']} {group['precision']}"
    cells = [series, group["regime"], str(group["rows"])]
    for sizes in (group["time"], group["watts"]):
        cells += [percent(sizes and sizes[column]) for column in _COLUMNS]
    return cells


def markdown(report: dict[str, Any]) -> str:
    """Write the shapes kept from every fit."""
    return writing.markdown(_HEADS, map(_cells, report["groups"]["held_out"]), words=2)


def tables(report: dict[str, Any]) -> Any:
    """Return the errors as tables for people."""
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
    return writing.table(
        [head.replace(" ", "\n") for head in _HEADS],
        map(_cells, groups),
        words=(0, 1),
        whole=True,
        title=title,
        title_justify="left",
    )
