"""`supernode-opt plot`: the figures of a saved result of any kind."""

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
        drawn = session.draw(_DRAWERS[kind], dataset, where)
    paths = [below / path.name for path in drawn]
    if json:
        session.print_json({"figures": [str(path) for path in paths]})
    else:
        print("\n".join(str(path) for path in paths))
    return session.DONE


# Functions of the plot room that draw each kind into a folder.
_DRAWERS = {
    "design": "draw_all",
    "comparison": "draw_comparison",
    "inversion": "draw_inversion",
    "crossover": "draw_crossover",
    "validation": "draw_validation",
    "memory": "draw_peaks",
    "collectives": "draw_collectives",
    "gemm": "draw_gemm",
}
