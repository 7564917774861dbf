"""`supernode-opt run` of a study with `models`: one machine for several jobs."""

from pathlib import Path
from typing import Any

from supernode_opt.cli import session, stop


def answered(
    top: Any,
    default_name: str,
    out: Path | None,
    json: bool,
    resume: bool,
    start: Path | None,
) -> int:
    """Answer a joint study, write it to its folder and print it.

    Args:
      top: the document.
      default_name: what the answer is called if it does not say.
      out: folder to write to, if not results/<name>.
      json: whether one JSON object is printed.
      resume: whether to go on with a search that was stopped.
      start: a result whose machine the search begins with.
    """
    from supernode_opt.joint import answer
    from supernode_opt.joint.journal import drop
    from supernode_opt.joint.question import understood
    from supernode_opt.results import kinds, publish, store, table
    from supernode_opt.search.settings import UNANSWERED

    asked = understood(top, default_name)
    target = out or Path("results") / asked.name
    machine = None if start is None else answer.machine_of(kinds.load(start)[1])
    state = publish.state(target)
    if not resume:
        drop(state)
    stop.keep("what was searched is kept", "--resume")
    with publish.publication(target) as folder:
        with session.progress_line() as show:
            dataset = answer.run(asked, show, state, resume, machine)
        store.save(dataset, folder / "joint.nc")
        (folder / "study.yaml").write_text(asked.text, encoding="utf-8")
        text = table.render(dataset)
        (folder / "report.txt").write_text(text, encoding="utf-8")
        session.draw("draw_joint", dataset, folder / "figures")
    drop(state)
    if json:
        session.print_json(kinds.summary(dataset))
    else:
        session.print_rich(table.tables(dataset))
    session.written(target)
    status, message = (store.note(dataset, name) for name in ("status", "message"))
    if status not in UNANSWERED:
        return session.DONE
    session.say(f"{status}: {message}")
    return session.INFEASIBLE


def checked(top: Any, default_name: str, json: bool) -> int:
    """Validate a joint study and print it as it was understood.

    Args:
      top: the document.
      default_name: what the answer is called if it does not say.
      json: whether one JSON object is printed.
    """
    from supernode_opt.config import resolve
    from supernode_opt.joint.question import understood

    asked = understood(top, default_name)
    if json:
        jobs = [resolve.resolved(job.study) for job in asked.jobs]
        free = sorted({name for job in asked.jobs for name in job.study.free})
        session.print_json({"study": top.plain(), "free": free, "jobs": jobs})
        return session.DONE
    print(asked.text, end="")
    names = ", ".join(job.name for job in asked.jobs)
    session.note(f"one machine for {names}; derivatives are those of each one's study")
    return session.DONE
