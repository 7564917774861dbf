"""supernode-opt: the commands."""

from pathlib import Path
from typing import Annotated

import typer

from supernode_opt.cli import output, session

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

File = Annotated[Path, typer.Argument(help="Study, a YAML file.", metavar="FILE")]
Result = Annotated[
    Path, typer.Argument(help="Folder or .nc file of a result.", metavar="RESULT")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one field; repeatable."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the random starts.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.", metavar="DIR")]
Count = Annotated[int, typer.Option(help="Candidates to solve.", min=1)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


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
    return output.answer(dataset, json, output.ranges(study) if intervals else None)


@app.command()
def check(file: File, set_: Set = None, json: Json = False, seed: Seed = None) -> int:
    """Validate a study, print it in SI, and test its derivatives."""
    session.prepare()
    from supernode_opt.answer import gradient
    from supernode_opt.config import resolve
    from supernode_opt.config.study import load

    study = load(file, set_ or (), seed=seed)
    slopes = gradient.check(study.problem)
    if json:
        session.print_json(
            {
                "study": resolve.resolved(study),
                "free": list(study.free),
                "gradient": [
                    {
                        "name": slope.name,
                        "automatic": session.finite(slope.automatic),
                        "difference": session.finite(slope.difference),
                        "agrees": slope.agrees,
                    }
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


@app.command()
def verify(
    result: Result, count: Count = 64, seed: Seed = None, json: Json = False
) -> int:
    """Solve a random sample of what a result left out again; 3 if it is wrong."""
    from supernode_opt.cli.verify import verify

    return verify(result, count, seed, json)


@app.command()
def validate(
    runs: Annotated[
        Path | None,
        typer.Option(
            help="Measured runs, GEMMs or collectives, CSV; if not given, shipped."
        ),
    ] = None,
    out: Out = None,
    json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table of the README.")
    ] = False,
) -> int:
    """Predict measured runs or GEMMs and print how wrong the predictions are."""
    from supernode_opt.cli import validate as command

    return command.validate(runs, out, json, markdown)


@app.command()
def calibrate(
    runs: Annotated[
        list[Path],
        typer.Option(
            help="Measured runs, GEMMs or collectives, CSV; repeatable.", metavar="FILE"
        ),
    ],
    platform: Annotated[
        str, typer.Option(help="Name of the new catalog entries.", metavar="NAME")
    ],
    out: Out = None,
    json: Json = False,
    seed: Seed = None,
) -> int:
    """Fit the constants of a platform to its measured runs or GEMMs."""
    from supernode_opt.cli import calibrate as command

    return command.calibrate(runs, platform, out, seed or 0, json)


@app.command()
def measure(
    name: Annotated[
        str | None, typer.Option(help="Of the new entries.", metavar="NAME")
    ] = None,
    out: Out = None,
    minutes: Annotated[float, typer.Option(help="Time to spend.")] = 5.0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look, in some twenty seconds.")
    ] = False,
    like: Annotated[
        str | None,
        typer.Option(help="System to take what is not measured from.", metavar="NAME"),
    ] = None,
    json: Json = False,
    seed: Annotated[int, typer.Option(help="Seed of the operands.")] = 0,
) -> int:
    """Measure this machine; write catalog entries and runs for `calibrate`."""
    from supernode_opt.cli import measure as command

    return command.measure(name, out, minutes, quick, like, seed, json)


@app.command()
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
    seed: Annotated[int | None, typer.Option(help="Seed of the draws.")] = None,
) -> int:
    """Compare machines on models, each with its best split, with 5-95 % ranges."""
    from supernode_opt.cli import compare as command

    return command.compare(what, models or [], set_ or [], out, json, seed)


@app.command()
def invert(
    file: Annotated[Path, typer.Argument(help="A YAML file.", metavar="FILE")],
    set_: Set = None,
    out: Out = None,
    json: Json = False,
) -> int:
    """Find the value of a constant at which a condition holds."""
    from supernode_opt.cli import invert as command

    return command.invert(file, set_ or [], out, json)


@app.command()
def crossover(
    file: Annotated[Path, typer.Argument(help="A YAML file.", metavar="FILE")],
    set_: Set = None,
    out: Out = None,
    json: Json = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the draws.")] = None,
) -> int:
    """Map where one machine overtakes another, over two constants."""
    from supernode_opt.cli.crossover import crossover

    return crossover(file, set_ or [], out, json, seed)


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
