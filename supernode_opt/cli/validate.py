"""`supernode-opt validate`: the shipped calibration against measurements."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import Json, Out


def validate(
    runs: Annotated[
        Path | None,
        typer.Option(
            help="Measured runs, serving, GEMMs or collectives; if not given, shipped."
        ),
    ] = None,
    platform: Annotated[
        str,
        typer.Option(
            help="Predict all runs as this platform's, such as calibrate wrote.",
            metavar="NAME",
        ),
    ] = "",
    out: Out = None,
    json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table of the README.")
    ] = False,
) -> int:
    """Predict measured runs or GEMMs and print the errors."""
    session.lean()
    session.prepare()
    from supernode_opt.answer.judged import judged
    from supernode_opt.results.publish import publication
    from supernode_opt.results.store import save

    kind, report, dataset = judged(runs, platform, session.note)
    teller = importlib.import_module(f"supernode_opt.cli.validate_{kind}")
    if json:
        session.print_json(report)
    elif markdown:
        print(teller.markdown(report))
    else:
        session.print_rich(teller.tables(report), columns=140)
    if out is not None:
        with publication(out) as folder:
            save(dataset, folder / teller.FILE)
            if teller.FIGURES and all(dataset.sizes.values()):
                session.draw(teller.FIGURES, dataset, folder / "figures")
        session.written(out)
    return session.DONE
