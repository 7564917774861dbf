"""supernode-opt: the commands."""

from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import output, session
from supernode_opt.cli.beyond import journal
from supernode_opt.cli.beyond import start as begin
from supernode_opt.cli.calibrate import calibrate
from supernode_opt.cli.import_model import import_model
from supernode_opt.cli.import_runs import import_runs
from supernode_opt.cli.machines import compare, crossover, invert
from supernode_opt.cli.measure import measure
from supernode_opt.cli.new import new
from supernode_opt.cli.options import (
    File,
    From,
    Json,
    Out,
    Result,
    Resume,
    Seed,
    Set,
)
from supernode_opt.cli.pareto import pareto
from supernode_opt.cli.plot import plot
from supernode_opt.cli.report import report
from supernode_opt.cli.rows import row_of, study_of
from supernode_opt.cli.sensitivity import sensitivity
from supernode_opt.cli.sweep import sweep
from supernode_opt.cli.validate import validate
from supernode_opt.cli.verify import verify

app = typer.Typer(
    epilog=(
        "Exit code: 0 done, 2 bad input, 3 no feasible design, 4 refused by the machine"
        " (disk, permission), 5 derivatives that disagree, 130 interrupted, 143"
        " terminated, 129 hung up."
    ),
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        import supernode_opt

        print(f"supernode-opt {supernode_opt.__version__}")
        raise typer.Exit


@app.callback()
def shared(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_version
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Print answers and errors alone; goes anywhere."
        ),
    ] = False,
) -> None:
    """Find the best supernode for a training job, and prove it."""
    session.hush(quiet)


@app.command()
def run(
    file: File,
    set_: Set = None,
    out: Out = None,
    json: Json = False,
    seed: Seed = None,
    resume: Resume = False,
    from_: From = None,
) -> int:
    """Optimize a study and write results/<study>/."""
    session.prepare()
    from supernode_opt.answer import run as running
    from supernode_opt.cli import joint
    from supernode_opt.config.study import asks_for_several, document_of, understand
    from supernode_opt.results.publish import publication

    top, name = document_of(file, set_ or (), seed)
    if asks_for_several(top):
        return joint.answered(top, name, out, json, resume, from_)
    study = understand(top, name)
    target = out or Path("results") / study.name
    kept, start = journal(study, target, resume), begin(from_)
    with publication(target) as folder:
        session.draw_soon()
        with session.progress_line() as show:
            dataset = running.run(study, show, start=start, journal=kept)
        output.fill(folder, dataset)
    kept.drop()
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
        bool,
        typer.Option("--intervals", help="Print the 5-95 % range of every quantity."),
    ] = False,
) -> int:
    """Evaluate a study whose variables are all frozen."""
    session.lean()
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
    return output.answer(dataset, json, intervals)


@app.command()
def check(file: File, set_: Set = None, json: Json = False, seed: Seed = None) -> int:
    """Validate a study, print it in SI, test its derivatives.

    Exits with 5 if these disagree with finite differences.
    """
    session.lean()
    session.prepare()
    from supernode_opt.answer import gradient
    from supernode_opt.cli import joint
    from supernode_opt.config import resolve
    from supernode_opt.config.study import asks_for_several, document_of, understand
    from supernode_opt.results import store

    top, name = document_of(file, set_ or (), seed)
    if asks_for_several(top):
        return joint.checked(top, name, json)
    study = understand(top, name)
    slopes = gradient.check(study.problem)
    agrees = all(slope.agrees for slope in slopes)
    code = session.DONE if agrees else session.DISAGREES
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
        return code
    print(resolve.text(study), end="")
    objective = study.problem.objective.name
    if not slopes:
        session.note("no number is free: there is no derivative to check")
    for slope in slopes:
        verdict = "agrees" if slope.agrees else "DISAGREES"
        tell = session.note if slope.agrees else session.say
        tell(
            f"d ln {objective} / d {slope.name}: {slope.automatic:.6g} automatic,"
            f" {slope.difference:.6g} by differences: {verdict}"
        )
    return code


@app.command()
def explain(result: Result, json: Json = False) -> int:
    """Print what a saved result of any kind says."""
    session.lean()
    from supernode_opt.results import kinds, table

    kind, dataset = kinds.load(result)
    if kind == "design":
        output.answer(dataset, json)
    elif json:
        session.print_json(kinds.summary(dataset))
    else:
        session.print_rich(table.tables(dataset))
    return session.DONE


for command in (plot, report, verify, validate, calibrate, measure):
    app.command()(command)
for command in (compare, invert, crossover):
    app.command()(command)
for command in (sweep, sensitivity, pareto):
    app.command()(command)
for command in (study_of, row_of, new, import_model, import_runs):
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
