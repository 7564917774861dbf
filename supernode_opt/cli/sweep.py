"""`supernode-opt sweep`: a study at every point of a grid, or at samples."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from supernode_opt.cli import session, stop
from supernode_opt.cli.options import File, Json, Out, Set

_CLUSTERS = ("local", "slurm")
# Figures of more points take longer than the points.
_DRAWN = 200_000


def sweep(
    file: File,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--axis",
            metavar="PATH=VALUES",
            help="Sweep A,B,C or FROM:TO:COUNT[:log]; repeatable.",
        ),
    ] = None,
    set_: Set = None,
    out: Out = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a sweep that was stopped.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    cluster: Annotated[
        str, typer.Option(help="Where they run: local or slurm.")
    ] = "local",
    cluster_options: Annotated[
        Path | None,
        typer.Option(
            "--cluster-options",
            metavar="FILE",
            help="YAML, options of dask_jobqueue.SLURMCluster.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Dask scheduler that runs already.", metavar="ADDRESS"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the samples.")] = None,
    json: Json = False,
) -> int:
    """Evaluate or optimize a study at many points; write results/<study>_sweep/."""
    session.prepare()
    from supernode_opt.config import override
    from supernode_opt.config.study import default_name
    from supernode_opt.reading.node import StudyError
    from supernode_opt.results import table
    from supernode_opt.results.publish import publication
    from supernode_opt.sweep import report, solve
    from supernode_opt.sweep.section import read_section

    top = override.read(file, set_ or ())
    if cluster not in _CLUSTERS:
        raise StudyError(f"--cluster must be local or slurm, but is {cluster!r}")
    section = read_section(top, axis or ())
    name = default_name(file, ("study", "question"), "study")
    written = top.mapping().get("name")
    name = name if written is None else written.text()
    target = out or Path("results") / f"{name}_sweep"
    stop.keep("what was done is kept", "--resume")
    evaluated = [0]
    with bar() as show:

        def tell(done: int, of: int, evaluations: int) -> None:
            evaluated[0] = evaluations
            show(done, of)

        found = solve.sweep(
            top,
            section.axes,
            samples=section.samples,
            method=section.method,
            optimize=section.optimize,
            quantities=section.quantities,
            out=target,
            resume=resume,
            workers=workers,
            seed=solve.seed_of(top) if seed is None else seed,
            progress=tell,
            client=_client(scheduler, cluster, workers, cluster_options),
        )
    if found["legal"].size <= _DRAWN and evaluated[0]:
        with publication(target, amend=True) as folder:
            session.draw("draw_sweep", found, folder / "figures")
    told = report.summary(found)
    if json:
        session.print_json({**told, "evaluated_now": evaluated[0]})
    else:
        session.print_rich(table.tables(found))
    session.written(target)
    return session.DONE if told["feasible"] else session.INFEASIBLE


def _client(
    scheduler: str | None, cluster: str, workers: int, options: Path | None
) -> contextlib.AbstractContextManager[Any] | None:
    """Return what gives a client of a cluster, `None` for this machine."""
    if scheduler is None and cluster == "local":
        return None
    from supernode_opt.reading import document
    from supernode_opt.sweep import workers as many

    if scheduler is not None:
        return many.of(scheduler)
    written = {} if options is None else document.read(options).plain()
    return many.slurm(workers, written)


@contextlib.contextmanager
def bar() -> Iterator[Callable[[int, int], None]]:
    """Show points that are there, their rate and the time left on standard error."""
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.3g} points/s")

    columns = [TextColumn("{task.completed:,.0f} of {task.total:,.0f} points")]
    columns += [BarColumn(), Rate(), TimeRemainingColumn()]
    shown = session.console(stderr=True)
    quiet = not shown.is_terminal
    with Progress(*columns, console=shown, transient=True, disable=quiet) as progress:
        task = progress.add_task("", total=None, visible=False)

        def show(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of, visible=True)

        yield show
