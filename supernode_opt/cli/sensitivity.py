"""`supernode-opt sensitivity`: which uncertain constants a quantity hangs on."""

from pathlib import Path
from typing import Annotated, Any

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import File, Json, Out, SeedOfDraws, Set

_SHOWN = 12


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
    from supernode_opt.config.study import load
    from supernode_opt.results import store
    from supernode_opt.results.publish import publication
    from supernode_opt.sweep.sensitivity import sensitivity as answered

    study = load(file, set_ or ())
    with session.progress_line() as show:
        show(_Stage())
        found = answered(study, quantity, samples, seed)
    target = out or Path("results") / f"{study.name}_sensitivity"
    with publication(target) as folder:
        store.save(found, folder / "sensitivity.nc")
        (folder / "study.yaml").write_text(found.attrs["study"], encoding="utf-8")
        text = "\n".join(_lines(found))
        (folder / "report.txt").write_text(f"{text}\n", encoding="utf-8")
    if json:
        session.print_json(_summary(found))
    else:
        for table in _tables(found):
            session.print_rich(table)
    session.written(target)
    return session.DONE


class _Stage:
    """What a progress line shows while all samples are evaluated at once."""

    stage, done, objective, constraint, violation = "evaluating", 0.0, None, "", 0.0


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


def _cells(found: Any) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return the rows of both tables, as many as are worth a look."""
    shares: list[tuple[str, ...]] = [
        (
            str(found["factor"].values[i]),
            _share(found, "first_order", i),
            _share(found, "total", i),
        )
        for i in range(min(_SHOWN, found.sizes["factor"]))
    ]
    moves: list[tuple[str, ...]] = [
        (
            str(found["constant"].values[i]),
            f"{float(found['elasticity'][i]):+.3f}",
            f"{100.0 * float(found['low'][i]):+.2f} %",
            f"{100.0 * float(found['high'][i]):+.2f} %",
        )
        for i in range(min(_SHOWN, found.sizes["constant"]))
    ]
    return shares, moves


def _share(found: Any, name: str, place: int) -> str:
    value, half = (float(found[n][place]) for n in (name, f"{name}_half"))
    return f"{100.0 * value:.1f} +/- {100.0 * half:.1f} %"


def _heads(found: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    name = found.attrs["quantity"].replace("_", " ")
    return (
        (f"variance of {name} due to", "alone", "with what it shares"),
        ("constant", f"d ln {name}", "at its low end", "at its high end"),
    )


def _lines(found: Any) -> list[str]:
    return [
        line
        for head, rows in zip(_heads(found), _cells(found), strict=True)
        for line in (*("  ".join(row) for row in (head, *rows)), "")
    ]


def _tables(found: Any) -> list[Any]:
    from rich import box
    from rich.table import Table

    tables = []
    for head, rows in zip(_heads(found), _cells(found), strict=True):
        table = Table(box=box.SIMPLE_HEAD)
        for place, word in enumerate(head):
            table.add_column(word, justify="right" if place else "left")
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables
