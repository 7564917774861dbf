"""What `run` needs for long searches: where they are kept, and where they begin."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from supernode_opt.cli import stop

if TYPE_CHECKING:
    from supernode_opt.config.study import Study
    from supernode_opt.search.journal import Journal


def journal(study: "Study", target: Path, resume: bool) -> "Journal":
    """Return where the search for `target` is kept, beside it."""
    from supernode_opt.answer.run import asked
    from supernode_opt.search.journal import Journal

    # Beside the result, which appears at once and whole.
    file = target.parent / f".{target.name}.resume" / "search.npz"

    def tell() -> None:
        stop.keep("what was done is kept", "--resume")

    return Journal(file, asked(study), resume=resume, tell=tell)


def start(result: Path | None) -> dict[str, Any] | None:
    """Return the design of a saved result, `None` without one.

    Raises:
      StudyError: there is no such result, or it has no design.
    """
    if result is None:
        return None
    from supernode_opt.reading.node import StudyError
    from supernode_opt.results import kinds, outcome

    kind, dataset = kinds.load(result)
    if kind != "design":
        raise StudyError(f"--from: {result} is no design, but a {kind}")
    return outcome.design(dataset)
