"""`supernode-opt new`: a commented starter file."""

import re
from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import output, session


def new(
    kind: Annotated[str, typer.Argument(help="chip, system, model or study.")],
    name: Annotated[str | None, typer.Argument(help="Of what the file holds.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write.", metavar="FILE")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="Entry to start from; of a study its system.", metavar="NAME"
        ),
    ] = None,
) -> int:
    """Write a commented starter file for a chip, system, model or study of your own."""
    from supernode_opt.config import starter
    from supernode_opt.reading.node import StudyError, alike, did_you_mean, shown

    found = alike(kind, starter.KINDS)
    if found is None:
        near = did_you_mean(kind, starter.KINDS)
        raise StudyError(f"new: must be a known kind, but is {shown(kind)}{near}")
    name = name or f"my_{found}"
    if not re.fullmatch(r"[A-Za-z]\w*", name):
        said = "must be a name of letters, digits and `_`"
        raise StudyError(f"new {found}: {said}, but is {shown(name)}")
    target = out or Path(starter.file_name(found, name))
    text = starter.text(found, name, like or starter.LIKE[found], target)
    output.write_new(target, text)
    return session.DONE
