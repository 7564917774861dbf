"""`supernode-opt invert`: which value of a constant would make a condition true."""

from collections.abc import Sequence
from pathlib import Path

from supernode_opt.cli import session
from supernode_opt.cli.compare import progress_bar


def invert(file: Path, overrides: Sequence[str], out: Path | None, json: bool) -> int:
    """Solve, print the value in one sentence, write dataset, report and figure."""
    session.prepare()
    from supernode_opt.compare.comparison import config as question
    from supernode_opt.compare.inversion import config as condition
    from supernode_opt.compare.inversion import report as found
    from supernode_opt.compare.inversion import solve as inversion
    from supernode_opt.config import override
    from supernode_opt.reading import document
    from supernode_opt.results import store
    from supernode_opt.results.publish import publication

    top = document.read(file)
    for assignment in overrides:
        top = override.apply(top, assignment)
    asked = condition.read(top, question.default_name(file))
    target = out or Path("results") / asked.name
    with publication(target) as folder:
        with progress_bar() as show:
            solution = inversion.solve(asked, show)
        dataset = found.dataset(asked, solution)
        text = "\n".join(found.lines(asked, solution))
        store.save(dataset, folder / "inversion.nc")
        (folder / "invert.yaml").write_text(asked.text, encoding="utf-8")
        (folder / "report.txt").write_text(f"{text}\n", encoding="utf-8")
        session.draw("draw_inversion", dataset, folder / "figures")
    if json:
        session.print_json(found.summary(asked, solution))
    elif solution.found:
        print(text)
    session.written(target)
    if solution.found:
        return session.DONE
    session.say(found.sentence(asked, solution))
    return session.INFEASIBLE
