"""`supernode-opt plot`: the figures of a saved result of any kind."""

from pathlib import Path
from typing import Annotated, Any

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import Json, Out, Result


def plot(
    result: Result,
    out: Out = None,
    formats: Annotated[
        str, typer.Option("--format", help="png, pdf or svg; several by commas.")
    ] = "png",
    width: Annotated[
        float, typer.Option(help="Inches: a column has 3.5, a page 7.2.", min=2.5)
    ] = 7.2,
    json: Json = False,
) -> int:
    """Draw the figures of a saved result of any kind."""
    session.lean()
    from supernode_opt.results import kinds, manifest
    from supernode_opt.results.publish import publication

    kind, dataset = kinds.load(result)
    suffixes = _suffixes(formats)
    beside = result if result.is_dir() else result.parent
    # Figures of a result belong to it.
    within = out is None and (result.is_dir() or (beside / manifest.NAME).is_file())
    target = beside if within else out or beside / "figures"
    below = target / "figures" if within else target
    with publication(target, amend=within) as folder:
        where = folder / below.relative_to(target)
        drawn = _draw(kind, dataset, where, suffixes, width)
    paths = [below / path.name for path in drawn]
    if json:
        session.print_json({"figures": [str(path) for path in paths]})
    else:
        print("\n".join(str(path) for path in paths))
    return session.DONE


def _suffixes(formats: str) -> list[str]:
    """Return the formats of figures that are asked for."""
    from supernode_opt.plot.files import SUFFIXES
    from supernode_opt.reading.node import StudyError

    asked = [one.strip().lower().removeprefix(".") for one in formats.split(",")]
    for one in asked:
        if one not in SUFFIXES:
            known = ", ".join(SUFFIXES)
            raise StudyError(f"--format must be one of {known}, but is {one!r}")
    return asked


def _draw(
    kind: str, dataset: Any, folder: Path, suffixes: list[str], width: float
) -> list[Path]:
    import matplotlib

    # Figures go to files; a window system may be missing.
    matplotlib.use("agg")
    from supernode_opt import plot as figures

    # One figure for each library, which a table has any number of.
    if kind == "collectives":
        return figures.draw_collectives(dataset, folder, suffixes, width)
    return figures.draw_all(dataset, folder, suffixes, width, kind)
