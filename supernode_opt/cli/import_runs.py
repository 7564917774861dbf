"""`supernode-opt import-runs`: logs and benchmarks as rows of tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from supernode_opt.cli import output, session
from supernode_opt.cli.options import Json


def import_runs(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Logs of torchtitan and Megatron-LM, TensorBoard event files, wandb"
            " histories (CSV, JSON), MLPerf results; results of vllm bench serve, of"
            " SGLang's bench_serving and of InferenceX.",
            metavar="FILE...",
        ),
    ],
    accelerator: Annotated[
        str | None,
        typer.Option(
            "--accelerator", "--platform", help="Chip or system.", metavar="NAME"
        ),
    ] = None,
    chips: Annotated[
        int | None, typer.Option(help="Accelerators of the job.", metavar="COUNT")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Catalog name or path of a config.json.", metavar="NAME"),
    ] = None,
    stack: Annotated[
        str | None, typer.Option(help="Software, such as nemo.", metavar="NAME")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Cell of every row, such as tp=8; repeatable.",
            metavar="COLUMN=VALUE",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV file to write.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> int:
    """Turn logs of runs and benchmarks into rows for `validate` and `calibrate`."""
    session.prepare()
    from supernode_opt.logs import files as logs
    from supernode_opt.logs import rows, serving

    output.refuse_existing(out)
    if any(serving.fits(file) for file in files):
        own = {"chip": accelerator, "chips": chips, "model": model, "source": stack}
        said = {name: str(value) for name, value in own.items() if value is not None}
        return _of_servers(files, said | _words(set_ or ()), out, json)
    named = {"accelerator": accelerator, "n_accel": chips, "stack": stack}
    given = {column: str(value) for column, value in named.items() if value is not None}
    given |= _cells(set_ or ())
    shape = _model(model) if model else None
    found: list[Any] = []
    for file, run_id in zip(files, _ids(files), strict=True):
        found.append(rows.row(logs.read(file), given, shape, run_id))
        for line in found[-1].told:
            session.say(line)
    if json:
        told = [
            {"cells": dict(one.cells), "assumed": list(one.assumed)} for one in found
        ]
        session.print_json({"rows": told})
        return session.DONE
    written = rows.text(found)
    if out is None:
        print(written, end="")
        return session.DONE
    output.write_new(out, written)
    session.say(f"now: supernode-opt validate --runs {out}")
    if len(found) >= 10:
        session.say(f"and: supernode-opt calibrate --runs {out} --platform NAME")
    return session.DONE


def _of_servers(
    files: Sequence[Path], given: dict[str, str], out: Path | None, json: bool
) -> int:
    """Write results of benchmarks of servers as rows."""
    from supernode_opt.logs import serving

    found = [
        row
        for file, name in zip(files, _ids(files), strict=True)
        for row in serving.rows(file, given, name)
    ]
    if json:
        session.print_json({"rows": [{"cells": cells} for cells in found]})
        return session.DONE
    written = serving.text(found)
    if out is None:
        print(written, end="")
        return session.DONE
    output.write_new(out, written)
    session.say(f"now: supernode-opt validate --runs {out}")
    return session.DONE


def _words(words: Sequence[str]) -> dict[str, str]:
    """Return what is written as COLUMN=VALUE."""
    from supernode_opt.reading.node import StudyError, shown

    found = {}
    for word in words:
        column, equals, value = word.partition("=")
        if not equals or not column.strip() or not value.strip():
            raise StudyError(f"--set must be COLUMN=VALUE, but is {shown(word)}")
        found[column.strip()] = value.strip()
    return found


def _cells(words: Sequence[str]) -> dict[str, str]:
    from supernode_opt.calibration.data.columns import SHORT
    from supernode_opt.calibration.data.runs import shipped
    from supernode_opt.reading.node import StudyError, did_you_mean, shown

    known = {*SHORT.values(), *shipped()[0].cells}
    found = _words(words)
    for column in found:
        if column not in known and "." not in column:
            near = did_you_mean(column, known)
            raise StudyError(f"--set: {shown(column)} is no column of a table{near}")
    return found


def _ids(files: Sequence[Path]) -> list[str]:
    """Return names of rows: those of the files, with their folders where needed."""
    stems = [file.stem for file in files]
    return [
        stem if stems.count(stem) == 1 else f"{file.absolute().parent.name}/{stem}"
        for file, stem in zip(files, stems, strict=True)
    ]


def _model(written: str) -> Any:
    """Return the model of `--model`."""
    from supernode_opt.config.model import read_model
    from supernode_opt.reading.node import Node

    return read_model(Node(written, "", "--model"))
