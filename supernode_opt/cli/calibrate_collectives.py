"""`supernode-opt calibrate` on tables of collectives."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from supernode_opt.cli import session


def calibrate(runs: Sequence[Path], name: str, out: Path | None, json: bool) -> int:
    """Fit the collectives of a platform, print constants and errors, write entries."""
    from rich.progress import BarColumn, Progress, TextColumn

    from supernode_opt.calibration.collectives import entries as collective_entries
    from supernode_opt.calibration.collectives import user as collective_user
    from supernode_opt.calibration.collectives.table import read
    from supernode_opt.calibration.data.runs import BadRuns
    from supernode_opt.reading.node import StudyError
    from supernode_opt.results.publish import publication

    try:
        rows = [row for path in runs for row in read(path, session.say)]
        columns = (TextColumn("{task.description}"), BarColumn())
        with Progress(*columns, console=session.console(stderr=True)) as progress:
            task = progress.add_task("fitting", total=1.0)

            def show(what: str, done: float) -> None:
                progress.update(task, description=what, completed=done)

            found = collective_user.calibrate(rows, show)
    except BadRuns as error:
        raise StudyError(str(error)) from None
    heading = (
        "Constants of collectives, written by `supernode-opt calibrate` on\n"
        f"{', '.join(path.name for path in runs)}; ranges are 5-95 % of the posterior."
    )
    today = datetime.date.today().isoformat()
    target = out or Path("results") / f"calibration_{name}"
    with publication(target) as folder:
        (folder / "collectives.yaml").write_text(
            collective_entries.text(found, name, heading, today), encoding="utf-8"
        )
    answer = _answer(found, name, rows)
    if json:
        session.print_json(answer)
    else:
        session.print_rich(_constants(answer), columns=140)
    session.written(target, "collectives.yaml")
    return session.DONE


def _answer(found: Any, name: str, rows: Any) -> dict[str, Any]:
    from supernode_opt.calibration.collectives.link import PARAMETERS, implied

    step = [
        {
            "library": one.library,
            "fabric": one.fabric,
            "collectives": "expert exchange" if one.exchange else "gather and scatter",
            "rows": one.rows,
            "constants": {
                parameter: {"value": value, "standard_error": deviation}
                for parameter, value, deviation in zip(
                    PARAMETERS, one.values, one.deviations, strict=True
                )
            },
            "unseen_median": one.median,
        }
        for one in implied(rows)
    ]
    return {
        "kind": "collectives",
        "platform": name,
        "libraries": [_library(one) for one in found],
        "step_time_model": step,
    }


def _library(one: Any) -> dict[str, Any]:
    from supernode_opt.calibration.collectives.constants import constants_at
    from supernode_opt.calibration.step_time.user import UNIDENTIFIED

    keys = sorted({(row.operation, row.machine.fabric) for row in one.rows})
    constants = [
        {
            "operation": operation,
            "fabric": fabric,
            "name": name,
            "value": known.value,
            "standard_error": known.value * known.deviation,
            "prior": known.prior,
            "identified": known.share < UNIDENTIFIED,
            "share_of_prior_spread": known.share,
        }
        for operation, fabric in keys
        for name, known in constants_at(one.posterior, operation, fabric).items()
    ]
    return {
        "library": one.library,
        "rows": len(one.rows),
        "fitted_rows": one.inside.rows,
        "in_sample": one.inside._asdict(),
        "unseen_half": None if one.unseen is None else one.unseen._asdict(),
        "leave_one_out_median": one.without,
        "constants": constants,
    }


def _constants(answer: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    shown: list[Any] = []
    for library in answer["libraries"]:
        title = f"{library['library']}: {library['fitted_rows']} rows fitted"
        table = Table(title=title, title_justify="left")
        names = list(dict.fromkeys(one["name"] for one in library["constants"]))
        table.add_column("operation", no_wrap=True)
        for name in names:
            table.add_column(f"{name} {_UNITS.get(name, ('', 1.0))[0]}".strip())
        lines: dict[str, dict[str, str]] = {}
        for one in library["constants"]:
            mark = "" if one["identified"] else " ?"
            cell = f"{_spoken(one['name'], one)}{mark}"
            key = f"{one['operation']} {one['fabric']}"
            lines.setdefault(key, {})[one["name"]] = cell
        for key, cells in lines.items():
            table.add_row(key, *(cells.get(name, "") for name in names))
        shown += [table, *_errors(library), ""]
    return Group(*shown, *_step(answer["step_time_model"]))


# What people say each constant in, and how many make one of its base unit.
_UNITS = {
    "call_time": ("(us)", 1e6),
    "step_time": ("(us)", 1e6),
    "chunk_time": ("(us)", 1e6),
    "item_time": ("(ns)", 1e9),
    "rendezvous_time": ("(us)", 1e6),
    "rendezvous_step_time": ("(us)", 1e6),
    "rendezvous_bytes": ("(MB)", 1e-6),
    "collective_latency": ("(us)", 1e6),
    "latency": ("(us)", 1e6),
}


def _spoken(name: str, number: dict[str, float]) -> str:
    """Write a value with its standard error."""
    many = _UNITS.get(name, ("", 1.0))[1]
    return f"{many * number['value']:.3g} ± {many * number['standard_error']:.1g}"


def _errors(library: dict[str, Any]) -> list[str]:
    def said(found: dict[str, Any]) -> str:
        return (
            f"median {100.0 * found['median']:.1f} %, p90 {100.0 * found['p90']:.1f} %,"
            f" bias {100.0 * found['bias']:+.1f} %"
        )

    lines = [f"  fitted rows: {said(library['in_sample'])}"]
    if library["unseen_half"]:
        unseen = library["unseen_half"]
        lines.append(f"  {unseen['rows']} rows never fitted: {said(unseen)}")
    words = {"ranks": "rank count"}
    for what, medians in library["leave_one_out_median"].items():
        each = ", ".join(f"{k} {100.0 * v:.1f} %" for k, v in medians.items())
        if each:
            lines.append(
                f"  median on a {words.get(what, what)} left out of the fit: {each}"
            )
    lines.append("  a question mark: the rows do not identify the constant")
    return lines


def _step(implied: list[dict[str, Any]]) -> list[Any]:
    from rich.table import Table

    if not implied:
        return []
    table = Table(title="What the step-time model would need", title_justify="left")
    names = list(implied[0]["constants"])
    said = [f"{name} {_UNITS.get(name, ('', 1.0))[0]}".strip() for name in names]
    for heading in ("library", "links", "collectives", *said, "median error"):
        table.add_column(heading)
    for one in implied:
        cells = [_spoken(*item) for item in one["constants"].items()]
        error = f"{100.0 * one['unseen_median']:.1f} %"
        table.add_row(one["library"], one["fabric"], one["collectives"], *cells, error)
    return [table]
