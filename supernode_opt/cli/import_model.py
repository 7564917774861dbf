"""`supernode-opt import-model`: a `config.json` of Hugging Face as a catalog entry."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from supernode_opt.cli import output, session
from supernode_opt.cli.options import Json

# No language model has fewer parameters: a unit was forgotten.
_LEAST = 1e4


def import_model(
    files: Annotated[
        list[Path],
        typer.Argument(help="config.json, or its folder.", metavar="FILE..."),
    ],
    name: Annotated[
        str | None, typer.Option(help="Of the entry, with one file.", metavar="NAME")
    ] = None,
    parameters: Annotated[
        str | None,
        typer.Option(help="That the model must have, such as 70.6B.", metavar="COUNT"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="models.yaml to write.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> int:
    """Read models from their config.json, count them, and write catalog entries."""
    session.prepare()
    from supernode_opt.calibration.written import text
    from supernode_opt.catalog import hugging_face
    from supernode_opt.catalog.counted import doubt, spoken_count
    from supernode_opt.config.model import count_of
    from supernode_opt.reading.node import StudyError
    from supernode_opt.units import UnitError
    from supernode_opt.workload import parameters as counts

    if len(files) > 1 and (name or parameters):
        raise StudyError("--name and --parameters go with one file")
    output.refuse_existing(out)
    try:
        stated = None if parameters is None else count_of(parameters)
    except UnitError as error:
        raise StudyError(f"--parameters {error}") from None
    if stated is not None and stated < _LEAST:
        raise StudyError(
            f"--parameters must be a count, such as {parameters}B, but is {parameters}"
        )
    entries: dict[str, dict[str, Any]] = {}
    for file in files:
        model = hugging_face.read(file)
        total = float(counts.parameters(model))
        active = float(counts.active_parameters(model))
        ahead = float(counts.mtp_parameters(model))
        known = name or re.sub(r"\W", "_", model.name.lower()).strip("_")
        if known in entries:
            raise StudyError(f"{file}: is called {known} like another file")
        entries[known] = {"source": f"config.json of {model.name}", **_fields(model)}
        told = f"{spoken_count(total)} parameters"
        told += f", {spoken_count(active)} of them active" if model.experts else ""
        told += f"; {spoken_count(ahead)} more that predict ahead" if ahead else ""
        session.say(f"{file}: {known}: {told}")
        said = doubt(model, model.name, stated)
        if said is not None:
            session.say(f"warning: {file}: {known} {said}")
    if json:
        session.print_json(entries)
        return session.DONE
    written = text(entries, "Models as their config.json has them.")
    if out is None:
        print(written, end="")
        return session.DONE
    output.write_new(out, written)
    return session.DONE


def _fields(model: Any) -> dict[str, Any]:
    """Return what a model has other than by default, whole numbers whole."""
    import dataclasses

    fields = {}
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if field.name != "name" and value != field.default:
            whole = isinstance(value, float) and value == int(value)
            fields[field.name] = int(value) if whole else value
    return fields
