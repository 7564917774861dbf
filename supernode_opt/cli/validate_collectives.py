"""`supernode-opt validate` on a table of collectives."""

from typing import Any

from rich.console import Group

from supernode_opt.cli import tables as writing
from supernode_opt.cli.tables import percent

FILE, FIGURES = "validation.nc", "draw_collectives"
_PARTS = {
    "never_fitted": "Rows never fitted",
    "fitted": "Rows of the half that is fitted",
}
_COLUMNS = ("median", "mape", "p90", "bias", "baseline_median", "baseline_mape")
_HEADINGS = ("rows", "median", "mean", "p90", "bias", "constant", "its mean", "worst")
_WORDS = (
    "Errors in per cent of measured time. `constant` is the median error of one"
    " latency and one bandwidth per library and machine, `its mean` the mean."
)


def _cells(name: str, found: dict[str, Any], worst: bool = True) -> list[str]:
    cells = [name, str(found["rows"]), *(percent(found[one]) for one in _COLUMNS)]
    # The worst row of an operation on a machine is named by its ranks and message.
    size = " ".join(found["worst"].split()[2:])
    return [*cells, f"{100.0 * found['worst_error']:+.0f} at {size}" if worst else ""]


def tables(report: dict[str, Any]) -> Any:
    """Return the errors as tables for people."""
    shown: list[Any] = []
    for part, title in _PARTS.items():
        groups = report["groups"][part]
        if groups["overall"] is None:
            continue
        table = writing.table(
            ("library, machine, operation", *_HEADINGS),
            words=(0, len(_HEADINGS)),
            whole=True,
            title=title,
            title_justify="left",
        )
        kinds = ("operation", "library") if part == "never_fitted" else ("library",)
        for kind in kinds:
            for name, found in groups[kind].items():
                table.add_row(*_cells(name, found))
            table.add_section()
        table.add_row(*_cells("all", groups["overall"], worst=False))
        shown += [table, ""]
    return Group(*shown, _WORDS)


def markdown(report: dict[str, Any]) -> str:
    """Write the rows never fitted per library, machine and operation."""
    part = report["groups"]["never_fitted"]
    named = [*part["operation"].items(), *part["library"].items()]
    if part["overall"] is not None:
        named.append(("**all**", part["overall"]))
    heads = ("collectives never fitted", *_HEADINGS)
    return writing.markdown(heads, [_cells(*one) for one in named])
