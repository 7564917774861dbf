"""`supernode-opt compare`, `invert` and `crossover`: questions about machines."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from supernode_opt.cli import session
from supernode_opt.cli.options import Json, Out, Question, SeedOfDraws, Set

# What a comparison without a file trains with.
_TRAINING = {"sequence_length": 4096, "global_batch": 1536}


class _Answer(NamedTuple):
    """An answer.

    Attributes:
      dataset: all of it.
      refusal: why there is none, "" if there is one.
      shown: whether tables are printed.
    """

    dataset: Any
    refusal: str
    shown: bool = True


def compare(
    what: Annotated[
        list[str],
        typer.Argument(help="A YAML file, or systems.", metavar="FILE|SYSTEM..."),
    ],
    models: Annotated[
        list[str] | None,
        typer.Option("--models", help="With systems; repeatable.", metavar="NAME"),
    ] = None,
    set_: Set = None,
    out: Out = None,
    json: Json = False,
    seed: SeedOfDraws = None,
) -> int:
    """Compare machines on models, each with its best split, with 5-95 % ranges."""
    session.prepare()
    from supernode_opt.compare.comparison import config, solve

    asked = config.read(*_document(what, models or [], set_ or []), seed)

    def answered(show: Callable[[str, float], None]) -> _Answer:
        found = solve.compare(asked, show)
        refusal = f"infeasible: {found['status'].values.flat[0]}"
        feasible = (found["status"] == "feasible").any()
        return _Answer(found, "" if feasible else refusal)

    files = "comparison", "compare.yaml", asked.text
    return _answer(answered, out, asked.name, files, json)


def invert(
    file: Question, set_: Set = None, out: Out = None, json: Json = False
) -> int:
    """Find the value of a constant at which a condition holds."""
    session.prepare()
    from supernode_opt.compare.inversion import config, report, solve

    asked = config.load(file, set_ or ())

    def answered(show: Callable[[str, float], None]) -> _Answer:
        found = solve.solve(asked, show)
        refusal = "" if found.found else report.sentence(asked, found)
        return _Answer(report.dataset(asked, found), refusal, found.found)

    files = "inversion", "invert.yaml", asked.text
    return _answer(answered, out, asked.name, files, json)


def crossover(
    file: Question,
    set_: Set = None,
    out: Out = None,
    json: Json = False,
    seed: SeedOfDraws = None,
) -> int:
    """Map where one machine overtakes another, over two constants."""
    session.prepare()
    from supernode_opt.compare.crossover import config, report, solve

    asked = config.load(file, set_ or (), seed)

    def answered(show: Callable[[str, float], None]) -> _Answer:
        found = solve.solve(asked, show)
        name, why = asked.up.sides[0].system, found.first[0].why
        feasible = any(step.kept.any() for step in found.first)
        refusal = "" if feasible else f"infeasible: {name}: {why[0]}"
        return _Answer(report.dataset(asked, found), refusal)

    files = "crossover", "crossover.yaml", asked.text
    return _answer(answered, out, asked.up.name, files, json)


def _document(
    what: Sequence[str], models: Sequence[str], overrides: Sequence[str]
) -> tuple[Any, str]:
    """Return the file, or one made of the words at the shell, and a default name."""
    import yaml

    from supernode_opt.compare.entries import default_name
    from supernode_opt.config import override
    from supernode_opt.reading import document
    from supernode_opt.reading.node import StudyError

    file = Path(what[0])
    if len(what) == 1 and (file.suffix in (".yaml", ".yml") or file.exists()):
        if models:
            raise StudyError("--models goes with systems; a file names its own")
        return override.read(file, overrides), default_name(file)
    if not models:
        raise StudyError("compare needs --models where systems are named")
    made = {
        "systems": list(what),
        "models": [name for word in models for name in word.split(",")],
        "precisions": ["bf16", "fp8"],
        "training": _TRAINING,
    }
    top = document.value(yaml.safe_dump(made), "compare", lines=False)
    return functools.reduce(override.apply, overrides, top), "_".join(what)[:80]


def _answer(
    answered: Callable[[Callable[[str, float], None]], _Answer],
    out: Path | None,
    name: str,
    files: tuple[str, str, str],
    json: bool,
) -> int:
    """Answer a question, write dataset, question, report and figure, print it.

    `files` is what the answer is called, the file with the question, and its text.
    """
    from supernode_opt.results import kinds, store, table
    from supernode_opt.results.publish import publication

    target = out or Path("results") / name
    stem, question, text = files
    with publication(target) as folder:
        with session.progress_bar("reading", passing=True) as show:
            found = answered(show)
        store.save(found.dataset, folder / f"{stem}.nc")
        (folder / question).write_text(text, encoding="utf-8")
        text = table.render(found.dataset)
        (folder / "report.txt").write_text(text, encoding="utf-8")
        session.draw(f"draw_{stem}", found.dataset, folder / "figures")
    if json:
        session.print_json(kinds.summary(found.dataset))
    elif found.shown:
        session.print_rich(table.tables(found.dataset))
    session.written(target)
    if not found.refusal:
        return session.DONE
    session.say(found.refusal)
    return session.INFEASIBLE
