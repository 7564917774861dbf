"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="Study, a YAML file.", metavar="FILE")]
Question = Annotated[Path, typer.Argument(help="A YAML file.", metavar="FILE")]
Result = Annotated[
    Path, typer.Argument(help="Folder or .nc file of a result.", metavar="RESULT")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one field; repeatable."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the random starts.")]
SeedOfDraws = Annotated[int | None, typer.Option(help="Seed of the draws.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a search that was stopped.")
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Begin with the design of a saved result.", metavar="RESULT"
    ),
]
