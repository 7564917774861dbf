"""A bar with the time left, in a terminal and in a notebook."""

import contextlib
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
