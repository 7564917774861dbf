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


def answer(dataset: Any, json: bool, everything: bool = False) -> int:
    """Print a design and return the exit code it calls for.

    Args:
      dataset: the result.
      json: whether one JSON object is printed.
      everything: whether the range of every quantity is printed.
    """
    from supernode_opt.results import outcome, table
    from supernode_opt.search.settings import UNANSWERED

    summary = outcome.summary(dataset)
    if json:
        session.print_json(summary)
    else:
        session.print_rich(table.tables(dataset, everything))
    if summary["status"] not in UNANSWERED:
        return session.DONE
    session.say(f"{summary['status']}: {summary['message']}")
    return session.INFEASIBLE


def refuse_existing(out: Path | None) -> None:
    """Refuse a file to write that is there already, before anything is computed.

    Raises:
      StudyError: it is.
    """
    from supernode_opt.reading.node import StudyError

    if out is not None and out.exists():
        raise StudyError(f"{out}: exists already; name another file with --out")


def write_new(out: Path, text: str) -> None:
    """Write a file of the user's, never over another, and say where it is.

    Raises:
      StudyError: whoever wrote there meanwhile keeps it.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        refuse_existing(out)
        raise
    session.written(out)
