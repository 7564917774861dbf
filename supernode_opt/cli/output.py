"""Results of studies, printed and put into folders."""

from pathlib import Path
from typing import Any

from supernode_opt.cli import session


def fill(folder: Path, dataset: Any) -> None:
    """Put data, question, table and figures of a result into `folder`."""
    from supernode_opt.results import store, table

    store.save(dataset, folder / "design.nc")
    (folder / "study.yaml").write_text(dataset.attrs["study"], encoding="utf-8")
    (folder / "report.txt").write_text(table.render(dataset), encoding="utf-8")
    session.draw("draw_all", dataset, folder / "figures")


def ranges(study: Any) -> dict[str, tuple[float, float]]:
    """Return the 5-95 % ranges of what a frozen study reports."""
    from supernode_opt.problem.build import build_design
    from supernode_opt.uncertainty.intervals import report_intervals

    design = build_design(study.problem.fixed, study.problem.scenario)
    problem = study.problem
    return report_intervals(design, problem.scenario, study.seed, problem.origins)


def narrows(study: Any) -> dict[str, float]:
    """Return what would narrow the range of step time most, as shares of variance."""
    from supernode_opt.problem.build import build_design
    from supernode_opt.uncertainty import narrowing

    problem = study.problem
    design = build_design(problem.fixed, problem.scenario)
    return narrowing.narrows(design, problem.scenario, study.seed, problem.origins)


def answer(
    dataset: Any,
    json: bool,
    found: dict[str, tuple[float, float]] | None = None,
    worth: dict[str, float] | None = None,
) -> int:
    """Print a result and return the exit code it calls for.

    Args:
      dataset: the result.
      json: whether one JSON object is printed.
      found: 5-95 % ranges of what it reports.
      worth: what would narrow the range of step time, as shares of its variance.
    """
    from supernode_opt.results import outcome, table
    from supernode_opt.search.settings import UNANSWERED

    summary = outcome.summary(dataset)
    if found is not None:
        summary["intervals"] = {
            name: {"low": low, "high": high} for name, (low, high) in found.items()
        }
        summary["narrows_step_time"] = worth
    if json:
        session.print_json(summary)
    else:
        session.print_rich(table.tables(dataset))
        if found is not None:
            session.print_rich(table.ranges(summary["report"], found))
        if worth:
            told = (f"{name} {100.0 * share:.0f} %" for name, share in worth.items())
            print(f"Of the variance of step time: {', '.join(told)}.")
    if summary["status"] not in UNANSWERED:
        return session.DONE
    session.say(f"{summary['status']}: {summary['message']}")
    return session.INFEASIBLE
