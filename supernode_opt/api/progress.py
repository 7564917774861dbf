"""Bars with the time left, in a terminal and in a notebook."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from supernode_opt.search.settings import Progress


@contextlib.contextmanager
def shown(visible: bool = True) -> Iterator[Callable[[Progress], None]]:
    """Show how a search stands: its stage, the time left of it, and the best so far.

    Every stage has a bar of its own, because what a later one takes is not known
    before the earlier one ends.

    Args:
      visible: whether to show anything.
    """
    if not visible:
        yield lambda _: None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(compact=True),
        bars.TextColumn("{task.fields[best]}"),
    )
    with bars.Progress(*columns, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(now: Progress) -> None:
            if now.stage not in tasks:
                for done in tasks.values():
                    bar.update(done, visible=False)
                tasks[now.stage] = bar.add_task(now.stage, total=1.0, best="")
            best = "" if now.objective is None else f"best {now.objective:.5g}"
            bar.update(tasks[now.stage], completed=now.done, best=best)

        yield show


@contextlib.contextmanager
def heard(tell: Callable[[Progress], None]) -> Iterator[Callable[[Progress], None]]:
    """Let no library swallow an interruption: what is lost is raised by `tell`.

    What a handler of signals raises is lost where a library calls back, such as in
    JAX's callback of the garbage collector.

    Args:
      tell: called by a search every now and then.
    """
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if before is not signal.default_int_handler or not here:
        # Somebody else listens.
        yield tell
        return
    waiting = [False]

    def note(number: int, frame: Any) -> None:
        waiting[0] = True
        raise KeyboardInterrupt

    def telling(now: Progress) -> None:
        if waiting[0]:
            waiting[0] = False
            raise KeyboardInterrupt
        tell(now)

    signal.signal(signal.SIGINT, note)
    try:
        yield telling
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def counted(visible: bool = True) -> Iterator[Callable[[int, int, int], None]]:
    """Show how many points of a sweep are there, their rate and the time left.

    Args:
      visible: whether to show anything.
    """
    if not visible:
        yield lambda done, of, evaluations: None
        return
    from rich import progress as bars

    class Rate(bars.ProgressColumn):
        """Points per second, once that is known."""

        def render(self, task: bars.Task) -> str:
            speed = task.finished_speed or task.speed
            return "" if speed is None else f"{speed:,.3g} points/s"

    columns = (
        bars.TextColumn("{task.completed:,.0f} of {task.total:,.0f} points"),
        bars.BarColumn(),
        Rate(),
        bars.TimeRemainingColumn(compact=True),
    )
    with bars.Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def show(done: int, of: int, evaluations: int) -> None:
            bar.update(task, completed=done, total=of, visible=True)

        yield show


@contextlib.contextmanager
def staged(visible: bool = True) -> Iterator[Callable[[str, float], None]]:
    """Show what is done of some work, and how far it is.

    Args:
      visible: whether to show anything.
    """
    if not visible:
        yield lambda what, done: None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(what: str, done: float) -> None:
            bar.update(task, description=what, completed=done)

        yield show
