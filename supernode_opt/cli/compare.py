"""`supernode-opt compare`: several machines on several models."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from supernode_opt.cli import session

# What a comparison without a file trains with.
_TRAINING = {"sequence_length": 4096, "global_batch": 1536}


def compare(
    what: Sequence[str],
    models: Sequence[str],
    overrides: Sequence[str],
    out: Path | None,
    json: bool,
    seed: int | None,
) -> int:
    """Compare, print table and claims, write dataset, report and figure."""
    session.prepare()
    from supernode_opt.compare.comparison import config as question
    from supernode_opt.compare.comparison import report as words
    from supernode_opt.compare.comparison import solve as answer
    from supernode_opt.config import override
    from supernode_opt.results import store
    from supernode_opt.results.publish import publication

    top, name = _document(what, models)
    for assignment in overrides:
        top = override.apply(top, assignment)
    asked = question.read(top, name, seed)
    target = out or Path("results") / asked.name
    with publication(target) as folder:
        with progress_bar() as show:
            dataset = answer.compare(asked, show)
        store.save(dataset, folder / "comparison.nc")
        (folder / "compare.yaml").write_text(asked.text, encoding="utf-8")
        (folder / "report.txt").write_text(words.render(dataset), encoding="utf-8")
        session.draw("draw_comparison", dataset, folder / "figures")
    if json:
        session.print_json(words.summary(dataset))
    else:
        session.print_rich(words.tables(dataset), columns=words.WIDTH)
    session.written(target)
    if (dataset["status"] == "feasible").any():
        return session.DONE
    session.say(f"infeasible: {dataset['status'].values.flat[0]}")
    return session.INFEASIBLE


def _document(what: Sequence[str], models: Sequence[str]) -> tuple[Any, str]:
    """Return the file, or one made of the words at the shell, and a default name."""
    import yaml

    from supernode_opt.compare.comparison import config as question
    from supernode_opt.reading import document
    from supernode_opt.reading.node import StudyError

    if len(what) == 1 and (
        what[0].endswith((".yaml", ".yml")) or Path(what[0]).exists()
    ):
        if models:
            raise StudyError("--models goes with systems; a file names its own")
        return document.read(Path(what[0])), question.default_name(Path(what[0]))
    if not models:
        raise StudyError("compare needs --models where systems are named")
    made = {
        "systems": list(what),
        "models": [name for word in models for name in word.split(",")],
        "precisions": ["bf16", "fp8"],
        "training": _TRAINING,
    }
    text = yaml.safe_dump(made)
    return document.value(text, "compare", lines=False), "_".join(what)[:80]


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """Show what is being done and how far on standard error."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = session.console(stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=1.0)

        def show(what: str, done: float) -> None:
            progress.update(task, description=what, completed=done)

        yield show
