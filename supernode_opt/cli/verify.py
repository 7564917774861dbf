"""`supernode-opt verify`: a sample of what a result left out, solved again."""

from dataclasses import asdict
from typing import Annotated

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import Json, Result, Seed


def verify(
    result: Result,
    count: Annotated[int, typer.Option(help="Candidates to solve.", min=1)] = 64,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Solve a sample of what a result left out again.

    Exits with 3 if something better than the result allows is found.
    """
    session.prepare()
    from supernode_opt.answer import verify as doubt
    from supernode_opt.config.study import load, refuse_draws
    from supernode_opt.reading.node import StudyError
    from supernode_opt.results import outcome
    from supernode_opt.search.settings import UNANSWERED
    from supernode_opt.words import figures

    summary = outcome.summary(outcome.load(result))
    folder = result if result.is_dir() else result.parent
    if not summary.get("certificate"):
        raise StudyError(f"{result}: nothing was searched for this result")
    study = load(folder / "study.yaml")
    refuse_draws(study, "verify")
    answered = summary["status"] not in UNANSWERED
    found = doubt.verify(
        study.problem,
        summary["objective"] if answered else None,
        summary["certificate"].get("gap"),
        count,
        summary["seed"] + 1 if seed is None else seed,
    )
    if json:
        session.print_json(asdict(found))
    else:
        best = "none" if found.best is None else f"the best {figures(found.best)}"
        verdict = "contradicts" if found.contradicted else "contradicts nothing in"
        print(
            f"{found.sampled} random candidates solved again from three starts each:"
            f" {found.feasible} are feasible, {best}, which {verdict} the result"
            f" ({summary['status']}: {figures(summary['objective'])})."
        )
    return session.INFEASIBLE if found.contradicted else session.DONE
