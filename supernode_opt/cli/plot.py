"""`supernode-opt plot`: the figures of a saved result of any kind."""

from pathlib import Path
from typing import Any

from supernode_opt.cli import session
from supernode_opt.cli.options import Json, Out, Result


def plot(result: Result, out: Out = None, json: Json = False) -> int:
    """Draw the figures of a saved result of any kind."""
    from supernode_opt.results import kinds, manifest
    from supernode_opt.results.publish import publication

    kind, dataset = kinds.load(result)
    beside = result if result.is_dir() else result.parent
    # Figures of a result belong to it.
    within = out is None and (result.is_dir() or (beside / manifest.NAME).is_file())
    target = beside if within else out or beside / "figures"
    below = target / "figures" if within else target
    with publication(target, amend=within) as folder:
        where = folder / below.relative_to(target)
        drawn = _draw(kind, dataset, where)
    paths = [below / path.name for path in drawn]
    if json:
        session.print_json({"figures": [str(path) for path in paths]})
    else:
        print("\n".join(str(path) for path in paths))
    return session.DONE


def _draw(kind: str, dataset: Any, folder: Path) -> list[Path]:
    import matplotlib

    # Figures go to files; a window system may be missing.
    matplotlib.use("agg")
    from supernode_opt import plot as figures

    # One figure for each library, which a table has any number of.
    if kind == "collectives":
        return figures.draw_collectives(dataset, folder)
    return figures.draw_all(dataset, folder, kind=kind)
