"""`supernode-opt pareto`: designs of which none is better in all that is wanted."""

from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import session, stop
from supernode_opt.cli.options import File, Json, Out, Seed, Set


def pareto(
    file: File,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            "--objective",
            metavar="SENSE:NAME",
            help="Such as maximize:mfu; two or three, in place of the study's.",
        ),
    ] = None,
    set_: Set = None,
    out: Out = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a front that was stopped.")
    ] = False,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Find the front of two or three objectives; write results/<study>_front/."""
    session.prepare()
    from supernode_opt.config.study import document_of
    from supernode_opt.pareto import run as running
    from supernode_opt.results import kinds, table
    from supernode_opt.results.publish import publication

    top, name = document_of(file, set_ or (), seed)
    study, section = running.read(top, name, objective or ())
    target = out or Path("results") / f"{study.name}_front"
    stop.keep("what was searched is kept", "--resume")
    with session.progress_bar("searching", passing=True) as show:
        found = running.pareto(study, section, out=target, resume=resume, progress=show)
    if found.sizes["point"]:
        with publication(target, amend=True) as folder:
            session.draw("draw_front", found, folder / "figures")
    if json:
        session.print_json(kinds.summary(found))
    else:
        session.print_rich(table.tables(found))
    session.written(target)
    if found.sizes["point"]:
        return session.DONE
    session.say(f"{found['end_status'].values[0]}: {found['end_message'].values[0]}")
    return session.INFEASIBLE
