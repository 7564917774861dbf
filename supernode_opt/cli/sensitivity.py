"""`supernode-opt sensitivity`: which uncertain constants a quantity hangs on."""

from pathlib import Path
from typing import Annotated, Any

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import File, Json, Out, SeedOfDraws, Set


def sensitivity(
    file: File,
    quantity: Annotated[
        str, typer.Option(help="Reported quantity.", metavar="NAME")
    ] = "tokens_per_s",
    samples: Annotated[
        int, typer.Option(help="Base samples, a power of two.", min=2)
    ] = 512,
    set_: Set = None,
    out: Out = None,
    json: Json = False,
    seed: SeedOfDraws = None,
) -> int:
    """Tell which uncertain constants a quantity hangs on: Sobol indices, tornado."""
    session.prepare()
    from supernode_opt.config.study import load, refuse_draws
    from supernode_opt.results import store, table
    from supernode_opt.results.publish import publication
    from supernode_opt.sweep.sensitivity import sensitivity as answered

    study = load(file, set_ or ())
    refuse_draws(study, "sensitivity")
    with session.progress_bar("evaluating samples", passing=True):
        found = answered(study, quantity, samples, seed)
    target = out or Path("results") / f"{study.name}_sensitivity"
    with publication(target) as folder:
        store.save(found, folder / "sensitivity.nc")
        (folder / "study.yaml").write_text(found.attrs["study"], encoding="utf-8")
        (folder / "report.txt").write_text(table.render(found), encoding="utf-8")
        session.draw("draw_sensitivity", found, folder / "figures")
    if json:
        session.print_json(_summary(found))
    else:
        session.print_rich(table.tables(found))
    session.written(target)
    return session.DONE


def _summary(found: Any) -> dict[str, Any]:
    from supernode_opt.results.store import plain

    def rows(dimension: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            {dimension: str(found[dimension].values[place])}
            | {name: plain(found[name].values[place]) for name in names}
            for place in range(found.sizes[dimension])
        ]

    return {
        "quantity": found.attrs["quantity"],
        "units": found.attrs["quantity_units"],
        "value": float(found["value"]),
        "samples": int(found.attrs["samples"]),
        "evaluations": int(found.attrs["evaluations"]),
        "factors": rows(
            "factor", ("first_order", "first_order_half", "total", "total_half")
        ),
        "constants": rows("constant", ("elasticity", "low", "high")),
    }
