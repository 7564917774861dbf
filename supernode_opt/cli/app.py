"""supernode-opt: the commands."""

from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import output, session
from supernode_opt.cli.calibrate import calibrate
from supernode_opt.cli.machines import compare, crossover, invert
from supernode_opt.cli.measure import measure
from supernode_opt.cli.options import File, Json, Out, Result, Seed, Set
from supernode_opt.cli.rows import row_of, study_of
from supernode_opt.cli.sensitivity import sensitivity
from supernode_opt.cli.sweep import sweep
from supernode_opt.cli.validate import validate
from supernode_opt.cli.verify import verify

app = typer.Typer(
    help="Find the best supernode for a training job, and prove it.",
    epilog=(
        "Exit code: 0 done, 2 bad input, 3 no feasible design, 4 refused by the machine"
        " (disk, permission), 130 interrupted, 143 terminated, 129 hung up."
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def run(
    file: File, set_: Set = None, out: Out = None, json: Json = False, seed: Seed = None
) -> int:
    """Optimize a study and write results/<study>/."""
    session.prepare()
    from supernode_opt.answer import run as running
    from supernode_opt.config.study import load
    from supernode_opt.results.publish import publication

    study = load(file, set_ or (), seed=seed)
    target = out or Path("results") / study.name
    with publication(target) as folder:
        with session.progress_line() as show:
            dataset = running.run(study, show)
        output.fill(folder, dataset)
    session.written(target)
    return output.answer(dataset, json)


@app.command()
def evaluate(
    file: File,
    set_: Set = None,
    out: Out = None,
    json: Json = False,
    seed: Seed = None,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Print 5-95 % ranges as well.")
    ] = False,
) -> int:
    """Evaluate a study whose variables are all frozen."""
    session.prepare()
    from supernode_opt.answer.evaluation import evaluate_study
    from supernode_opt.config.study import load
    from supernode_opt.results.publish import publication

    study = load(file, set_ or (), seed=seed)
    dataset = evaluate_study(study)
    if out is not None:
        with publication(out) as folder:
            output.fill(folder, dataset)
        session.written(out)
    if not intervals:
        return output.answer(dataset, json)
    return output.answer(dataset, json, output.ranges(study), output.narrows(study))


@app.command()
def check(file: File, set_: Set = None, json: Json = False, seed: Seed = None) -> int:
    """Validate a study, print it in SI, and test its derivatives."""
    session.prepare()
    from supernode_opt.answer import gradient
    from supernode_opt.config import resolve
    from supernode_opt.config.study import load
    from supernode_opt.results import store

    study = load(file, set_ or (), seed=seed)
    slopes = gradient.check(study.problem)
    if json:
        session.print_json(
            {
                "study": resolve.resolved(study),
                "free": list(study.free),
                "gradient": [
                    {**store.plain(vars(slope)), "agrees": slope.agrees}
                    for slope in slopes
                ],
            }
        )
        return session.DONE
    print(resolve.text(study), end="")
    objective = study.problem.objective.name
    if not slopes:
        session.say("no number is free: there is no derivative to check")
    for slope in slopes:
        verdict = "agrees" if slope.agrees else "DISAGREES"
        session.say(
            f"d ln {objective} / d {slope.name}: {slope.automatic:.6g} automatic,"
            f" {slope.difference:.6g} by differences: {verdict}"
        )
    return session.DONE


@app.command()
def plot(result: Result, out: Out = None, json: Json = False) -> int:
    """Draw the figures of a saved result."""
    from supernode_opt.results import manifest, outcome
    from supernode_opt.results.publish import publication

    dataset = outcome.load(result)
    beside = result if result.is_dir() else result.parent
    # Figures of a result belong to it.
    within = out is None and (result.is_dir() or (beside / manifest.NAME).is_file())
    target = beside if within else out or beside / "figures"
    below = target / "figures" if within else target
    with publication(target, amend=within) as folder:
        drawn = session.draw("draw_all", dataset, folder / below.relative_to(target))
    paths = [below / path.name for path in drawn]
    if json:
        session.print_json({"figures": [str(path) for path in paths]})
    else:
        print("\n".join(str(path) for path in paths))
    return session.DONE


@app.command()
def explain(result: Result, json: Json = False) -> int:
    """Print what a saved result says, without computing anything."""
    from supernode_opt.results.outcome import load

    output.answer(load(result), json)
    return session.DONE


for command in (verify, validate, calibrate, measure, compare, invert, crossover):
    app.command()(command)
for command in (sweep, sensitivity):
    app.command()(command)
for command in (study_of, row_of):
    app.command()(command)


@app.command()
def catalog(
    kind: Annotated[str | None, typer.Argument(help="Such as chip.")] = None,
    name: Annotated[str | None, typer.Argument(help="Of one entry.")] = None,
    json: Json = False,
) -> int:
    """Print catalog entries with their bounds, sources and confidence."""
    from supernode_opt.config import listing

    if json:
        session.print_json(listing.entries(kind, name))
    else:
        session.print_rich(listing.tables(kind, name))
    return session.DONE


@app.command()
def schema() -> int:
    """Print the JSON Schema of study files, for editors."""
    from supernode_opt.config import schema as schemas

    session.print_json(schemas.schema())
    return session.DONE
