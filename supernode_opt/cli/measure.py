"""`supernode-opt measure`: this machine as catalog entries, tables and a dataset."""

from typing import Annotated, Any

import typer

from supernode_opt.cli import session, stop
from supernode_opt.cli.options import Json, Out


def measure(
    name: Annotated[
        str | None, typer.Option(help="Of the new entries.", metavar="NAME")
    ] = None,
    out: Out = None,
    minutes: Annotated[float, typer.Option(help="Time to spend.")] = 5.0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look, in some twenty seconds.")
    ] = False,
    like: Annotated[
        str | None,
        typer.Option(help="System to take what is not measured from.", metavar="NAME"),
    ] = None,
    json: Json = False,
    seed: Annotated[int, typer.Option(help="Seed of the operands.")] = 0,
) -> int:
    """Measure this machine; write its catalog entries and runs."""
    from supernode_opt.measure import measuring
    from supernode_opt.measure.plan import BadMeasurement
    from supernode_opt.reading.node import StudyError

    request = measuring.Request(name, out, minutes, quick, seed, like or "")
    try:
        measuring.check(request)
        session.prepare()
        done = _watched(request)
    except BadMeasurement as error:
        raise StudyError(str(error)) from None
    _write(done)
    answer = _answer(done)
    if json:
        session.print_json(answer)
    else:
        session.print_rich(_tables(answer))
    session.written(done.folder)
    return session.DONE


def _watched(request: Any) -> Any:
    """Measure under a progress bar; say what an interruption would leave."""
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    from supernode_opt.measure import measuring

    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    words = TextColumn("{task.description}")
    bar = Progress(*columns, words, console=session.console(stderr=True))
    with bar as progress:
        task = progress.add_task("looking at the devices", total=1.0)
        kept: list[Any] = []

        def show(what: str, done: float) -> None:
            progress.update(task, description=what, completed=done)
            for journal in kept:
                count = len(journal.entries)
                stop.keep(f"{count} measured points kept in {journal.path}")

        return measuring.measure(request, show, kept.append)


def _write(done: Any) -> None:
    import shutil

    from supernode_opt.results.publish import publication, state
    from supernode_opt.results.store import save

    with publication(done.folder) as folder:
        for file, text in done.files.items():
            (folder / file).write_text(text, encoding="utf-8")
        save(done.dataset, folder / "measurement.nc")
    shutil.rmtree(state(done.folder), ignore_errors=True)


def _answer(done: Any) -> dict[str, Any]:
    """Return what was found as one JSON object."""
    import yaml

    from supernode_opt.measure.findings import summary

    constants = []
    for kind in ("chip", "host", "software"):
        (fields,) = (
            entry
            for entry in yaml.safe_load(done.files[f"{kind}s.yaml"]).values()
            if "notes" in entry
        )
        constants += [
            {"kind": kind, "name": field, **number}
            for field, number in fields.items()
            if isinstance(number, dict) and number["confidence"] == "measured"
        ]
    found, sheet = done.findings, done.findings.sheet
    return {
        "name": done.name,
        "folder": str(done.folder),
        "device": found.device.words,
        "recognised_as": found.device.chip or None,
        "stands_in": found.device.alike,
        "best_gemm_rates": dict(found.rates),
        "best_stream": found.stream,
        # Best BF16 GEMM rate over the data sheet's, of a recognised device [1].
        "share_of_data_sheet": sheet and found.rates["bfloat16"] / sheet.peak_bf16,
        "power_w": found.watts,
        "power_limit_w": found.limit,
        "points": {name: len(rows) for name, rows in found.entries.items()},
        "fits": summary(found),
        "constants": constants,
        "notes": list(done.notes),
        "files": sorted([*done.files, "measurement.nc"]),
        "spent_s": done.spent,
    }


def _tables(answer: dict[str, Any]) -> Any:
    from rich.console import Group

    from supernode_opt.cli.tables import percent, table
    from supernode_opt.words import spoken

    known = answer["recognised_as"]
    title = f"{answer['name']}: {answer['device']}"
    title += f", recognised as {known}" if known else ""
    headings = ("measured", "value", "5 %", "95 %")
    rows = (
        (
            f"{row['kind']}.{row['name']}",
            *(spoken(row[key], row["unit"]) for key in ("value", "low", "high")),
        )
        for row in answer["constants"]
    )
    lines = [
        f"best {precision} GEMM: {spoken(rate, 'flop/s')}"
        for precision, rate in answer["best_gemm_rates"].items()
    ]
    share = answer["share_of_data_sheet"]
    if share is not None:
        lines.append(f"best BF16 GEMM over data sheet: {percent(share)} %")
    lines += [
        f"fit of {name}: {fit['points']} points, error"
        f" {percent(fit['median_error'])} % (median),"
        f" {percent(fit['p90_error'])} % (90th percentile)"
        for name, fit in answer["fits"].items()
    ]
    folder = answer["folder"]
    ending = (
        "What was not measured stands as in system"
        f" {answer['stands_in']} and says so. Next:",
        f"  export SUPERNODE_OPT_CATALOG={folder}",
        f"  supernode-opt calibrate --runs {folder}/runs.csv --platform"
        f" {answer['name']}",
    )
    shown = table(headings, rows, title=title, title_justify="left")
    return Group(shown, *lines, *answer["notes"], *ending)
