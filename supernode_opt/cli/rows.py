"""`supernode-opt study-of` and `row-of`: the same job as a study and as a row."""

from pathlib import Path
from typing import Annotated, Any

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import File, Json, Set

Row = Annotated[str, typer.Argument(help="Its run_id.", metavar="ROW")]
Runs = Annotated[
    Path | None, typer.Option(help="Measured runs, CSV; if not given, shipped.")
]


def study_of(row: Row, runs: Runs = None, json: Json = False) -> int:
    """Print the study that a row of measured runs is."""
    session.prepare()
    from supernode_opt.calibration.step_time import shipped
    from supernode_opt.calibration.step_time.fit import predict as predicted
    from supernode_opt.calibration.step_time.fit import table
    from supernode_opt.config import rows

    job = _job(row, runs)
    # Of several plans a row is taken to have run the fastest that fits.
    _, picked = predicted(table([job]), shipped.posterior())
    written = rows.study_of(job, job.plans[int(picked[0])])
    if json:
        session.print_json({"study": written, "assumed": list(job.assumed)})
        return session.DONE
    for one in job.assumed:
        print(f"# assumed: {one}")
    print(rows.text(written), end="")
    return session.DONE


def _job(row: str, runs: Path | None) -> Any:
    """Return the row of a table that is called `row`, as a job."""
    from supernode_opt.calibration.data import runs as tables
    from supernode_opt.calibration.data.interpret import interpret
    from supernode_opt.reading.node import StudyError, did_you_mean, shown

    where = "the shipped runs" if runs is None else str(runs)
    table = tables.shipped() if runs is None else tables.read(runs)
    found = next((run for run in table if run.name == row), None)
    if found is None:
        near = did_you_mean(row, [run.name for run in table])
        raise StudyError(f"{where}: has no run_id {shown(row)}{near}")
    try:
        return interpret(found)
    except tables.Refused as reason:
        raise StudyError(f"{where}: {row} cannot be a study: {reason}") from None
    except tables.BadRuns as error:
        raise StudyError(f"{where}: {error}") from None


def row_of(file: File, set_: Set = None, json: Json = False) -> int:
    """Print a frozen study as a row of a table of runs, with its header."""
    session.prepare()
    import csv
    import sys

    from supernode_opt.config import override, rows
    from supernode_opt.config.study import load

    cells = rows.row_of(load(file, set_ or ()), override.read(file, set_ or ()))
    if json:
        session.print_json(cells)
        return session.DONE
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([list(cells), list(cells.values())])
    return session.DONE
