"""`supernode-opt calibrate`: the constants of a platform from its measured runs."""

import importlib
import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import Json, Out, Seed


def calibrate(
    runs: Annotated[
        list[Path],
        typer.Option(
            help="Measured runs, GEMMs or collectives, CSV; repeatable.", metavar="FILE"
        ),
    ],
    platform: Annotated[
        str, typer.Option(help="Name of the new catalog entries.", metavar="NAME")
    ],
    out: Out = None,
    json: Json = False,
    seed: Seed = None,
) -> int:
    """Fit the constants of a platform to its measured runs or GEMMs."""
    session.prepare()
    from supernode_opt.answer import fits
    from supernode_opt.calibration.step_time.own_platform import folder_of
    from supernode_opt.catalog.read import OWN_CATALOG
    from supernode_opt.results.publish import publication
    from supernode_opt.results.store import save
    from supernode_opt.results.telling.calibration import dataset_of

    with session.progress_bar("fitting") as show:
        answer, files = fits.fitted(runs, platform, seed or 0, show, session.note)
    kind = fits.kind(runs)
    teller = importlib.import_module(f"supernode_opt.cli.calibrate_{kind}")
    target = out or folder_of(platform)
    with publication(target) as folder:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        save(dataset_of(kind, answer), folder / "calibration.nc")
    if json:
        session.print_json(answer)
    else:
        session.print_rich(teller.tables(answer), columns=teller.COLUMNS)
    session.written(target, next(iter(files)))
    if kind == "runs":
        session.note(f"to use it: export {OWN_CATALOG}={_with_own(target)}")
    return session.DONE


def _with_own(folder: Path) -> str:
    """Return the user's catalog folders with `folder`, which then wins, at the end."""
    from supernode_opt.catalog.read import OWN_CATALOG

    own = os.environ.get(OWN_CATALOG, "").split(os.pathsep)
    kept = [one for one in own if one and Path(one) != folder]
    return shlex.quote(os.pathsep.join([*kept, str(folder)]))
