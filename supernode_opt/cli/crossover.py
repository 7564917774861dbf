"""`supernode-opt crossover`: where one machine overtakes another."""

from collections.abc import Sequence
from pathlib import Path

from supernode_opt.cli import session
from supernode_opt.cli.compare import progress_bar


def crossover(
    file: Path, overrides: Sequence[str], out: Path | None, json: bool, seed: int | None
) -> int:
    """Map, print a line for every step, write dataset, report and figure."""
    session.prepare()
    from supernode_opt.compare.comparison import config as question
    from supernode_opt.compare.crossover import config as asked_of
    from supernode_opt.compare.crossover import report as mapped
    from supernode_opt.compare.crossover import solve as surface
    from supernode_opt.config import override
    from supernode_opt.reading import document
    from supernode_opt.results import store
    from supernode_opt.results.publish import publication

    top = document.read(file)
    for assignment in overrides:
        top = override.apply(top, assignment)
    asked = asked_of.read(top, question.default_name(file), seed)
    target = out or Path("results") / asked.up.name
    with publication(target) as folder:
        with progress_bar() as show:
            found = surface.solve(asked, show)
        text = "\n".join(mapped.lines(asked, found))
        dataset = mapped.dataset(asked, found)
        store.save(dataset, folder / "crossover.nc")
        (folder / "crossover.yaml").write_text(asked.text, encoding="utf-8")
        (folder / "report.txt").write_text(f"{text}\n", encoding="utf-8")
        session.draw("draw_crossover", dataset, folder / "figures")
    if json:
        session.print_json(mapped.summary(asked, found))
    else:
        print(text)
    session.written(target)
    if any(step.kept.any() for step in found.first):
        return session.DONE
    session.say(f"infeasible: {asked.up.sides[0].system}: {found.first[0].why[0]}")
    return session.INFEASIBLE
