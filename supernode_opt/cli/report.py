"""`supernode-opt report`: a saved result as one page to hand on."""

from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import Json, Result

NAME = "report.html"


def report(
    result: Result,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; if not given, beside it.", metavar="FILE"),
    ] = None,
    json: Json = False,
) -> int:
    """Write a saved result of any kind as one HTML page."""
    session.lean()
    from supernode_opt.results import kinds, manifest
    from supernode_opt.results.publish import publication

    _, dataset = kinds.load(result)
    page = _page(dataset)
    beside = result if result.is_dir() else result.parent
    # A page of a result belongs to it.
    if out is None and (result.is_dir() or (beside / manifest.NAME).is_file()):
        with publication(beside, amend=True) as folder:
            (folder / NAME).write_text(page, encoding="utf-8")
        out = beside / NAME
    else:
        out = out or result.with_suffix(".html")
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
    if json:
        session.print_json({"report": str(out)})
    else:
        print(out)
    return session.DONE


def _page(dataset) -> str:
    import matplotlib

    # Figures go into the page; a window system may be missing.
    matplotlib.use("agg")
    from supernode_opt.html.report import render

    return render(dataset)
