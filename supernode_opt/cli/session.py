"""What every command does before it starts and while it runs."""

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DONE, BAD_INPUT, INFEASIBLE, INTERRUPTED = 0, 2, 3, 130
NOTHING = "nothing written"
# What a command that is interrupted leaves behind, in words.
_left = [NOTHING]


def leave(words: str = NOTHING) -> None:
    """Say what is kept if this command is interrupted from now on."""
    _left[:] = [words]


def left() -> str:
    """Return what an interrupted command keeps, in words."""
    return _left[0]


def prepare() -> None:
    """Switch JAX to 64 bits and let it keep what it compiles for the next run."""
    import jax

    jax.config.update("jax_enable_x64", True)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(cache) / "supernode_opt" / "jax"
    # A machine without a home compiles anew.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            jax.config.update("jax_compilation_cache_dir", str(folder))
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def draw(how: str, dataset: Any, folder: Path) -> None:
    """Draw `dataset` into `folder` by a function of the plot room."""
    import matplotlib

    # Figures go to files; a window system may be missing.
    matplotlib.use("agg")
    from supernode_opt import plot

    getattr(plot, how)(dataset, folder)


def say(text: str) -> None:
    """Write one line on standard error."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Write `value` as the one JSON object on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_rich(renderable: Any, columns: int = 100) -> None:
    """Print for people: in colour on a terminal, plain and wide enough elsewhere."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else columns
    Console(width=width, highlight=False).print(renderable)


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[Any], None]]:
    """Show a solver's progress as one line on standard error, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("reading", spinner="line") as status:

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
def interruptible() -> Iterator[Callable[[], None]]:
    """Lose no interruption: yield a function that raises one that was swallowed.

    Python only prints what is raised where a library's callback or destructor runs.

    Yields:
      A function to call between steps; it raises `KeyboardInterrupt` if one came.
    """
    came: list[int] = []

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    def note(number: int, frame: Any) -> None:
        came.append(number)
        check()

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
