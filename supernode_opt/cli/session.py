"""What every command does before it starts and while it runs."""

import contextlib
import gc
import json
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Whether the process is this command's own.
alone = False
DONE, BAD_INPUT, INFEASIBLE, REFUSED, DISAGREES, INTERRUPTED = 0, 2, 3, 4, 5, 130
# Whether only answers and what is wrong are told.
_hushed = [False]


def hush(quiet: bool) -> None:
    """Say from now on whether only answers and what is wrong are told."""
    _hushed[:] = [quiet]


def prepare() -> None:
    """Switch JAX to 64 bits and let it keep what it compiles for the next run."""
    import jax

    from supernode_opt.reading import folder

    jax.config.update("jax_enable_x64", True)
    # A full disk costs time, not the answer.
    warnings.filterwarnings("ignore", "Error .* persistent compilation cache")
    # A machine without a home compiles anew.
    cache = folder.cache_folder("jax")
    if cache is not None:
        folder.bound(cache, folder.MOST_BYTES)
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def lean() -> None:
    """Leave out what a short command of its own process has no use for.

    Imported, xarray imports Dask and pint, where they are, to see that no array is one
    of theirs; that takes a third of the time of an answer.
    """
    if not alone:
        return
    # Little of what a short command makes is garbage: looking for it takes 5 %.
    gc.set_threshold(50_000, 20, 20)
    # A name that is `None` there cannot be imported.
    hidden: dict[str, Any] = {"dask": None, "pint": None}
    hidden = {name: none for name, none in hidden.items() if name not in sys.modules}
    sys.modules.update(hidden)
    import xarray

    # It looks once, at the first index that it makes.
    xarray.Dataset({"x": ("x", [0.0])})
    for name in hidden:
        del sys.modules[name]


def draw_soon() -> None:
    """Import what figures are drawn with while something else is computed."""

    def prepared() -> None:
        import matplotlib

        matplotlib.use("agg")
        from supernode_opt import plot

        _ = plot

    # Beside a program that runs the import costs no time.
    threading.Thread(target=prepared).start()


def draw(how: str, dataset: Any, folder: Path) -> list[Path]:
    """Draw `dataset` into `folder` by a function of the plot room."""
    import matplotlib

    # Figures go to files; a window system may be missing.
    matplotlib.use("agg")
    from supernode_opt import plot

    return getattr(plot, how)(dataset, folder)


def say(text: str) -> None:
    """Write one line on standard error, if anyone listens."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def note(text: str) -> None:
    """Write one line on standard error that nobody has to read."""
    if not _hushed[0]:
        say(text)


def written(target: Path, file: str = "") -> None:
    """Say where a result is."""
    note(f"written to {target / file}")


def print_json(value: Any) -> None:
    """Write `value` as the one JSON object on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_rich(renderable: Any, columns: int = 100) -> None:
    """Print for people: in colour on a terminal, plain and wide enough elsewhere."""
    from supernode_opt.results.narrow import NARROWEST, fitted

    # Rich takes a terminal that it knows little of for 80 columns wide.
    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    wide = shutil.get_terminal_size().columns if known else columns
    shown = console(max(wide, NARROWEST))
    for part in fitted(renderable, shown):
        shown.print(part)


def console(width: int | None = None, stderr: bool = False) -> Any:
    """Return a console whose reader may leave at any time.

    That of standard error shows progress, to a terminal alone.
    """
    from rich.console import Console

    class Leaving(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            # Only the answer is a reason to stop when nobody reads it.
            if not stderr:
                raise BrokenPipeError

    # With a width alone rich does not believe in it.
    height = None if width is None else 25
    return Leaving(
        width=width,
        height=height,
        stderr=stderr,
        highlight=False,
        quiet=stderr and (_hushed[0] or not sys.stderr.isatty()),
    )


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[Any], None]]:
    """Show a solver's progress as one line on standard error, if that is a terminal."""
    with console(stderr=True).status("reading", spinner="line") as status:

        def show(progress: Any) -> None:
            words = [f"{progress.stage} {100.0 * progress.done:.0f} %"]
            if progress.objective is not None:
                words.append(f"best {progress.objective:.5g}")
            if progress.constraint and progress.violation > 0.0:
                over = f"{100.0 * progress.violation:.2g} %"
                words.append(f"{progress.constraint} violated by {over}")
            status.update(", ".join(words))

        yield show


@contextlib.contextmanager
def progress_bar(
    what: str, passing: bool = False
) -> Iterator[Callable[[str, float], None]]:
    """Show what is done and how far on standard error, `what` first.

    It tells the time that is left; a `passing` bar tells what has passed as well, and
    goes when all is done.
    """
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()]
    columns += [TimeElapsedColumn()] if passing else []
    shown = console(stderr=True)
    with Progress(*columns, console=shown, transient=passing) as progress:
        task = progress.add_task(what, total=1.0)

        def show(what: str, done: float) -> None:
            progress.update(task, description=what, completed=done)

        yield show
