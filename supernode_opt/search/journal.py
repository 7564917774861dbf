"""Where a long search is kept, whole at any moment, to go on from after any stop."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from supernode_opt.reading import folder as folders
from supernode_opt.search.pursuit import Search
from supernode_opt.search.state import Unreadable, restored, saved, trim
from supernode_opt.search.streamed import Stream


class Stranger(ValueError):
    """A journal that cannot be gone on with; the text says why."""


class Journal:
    """One file with the state of one search."""

    def __init__(
        self,
        file: Path,
        asked: str,
        *,
        resume: bool,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        """Take a place.

        Args:
          file: to write; replaced at once and whole after every step.
          asked: the question and all that its answer depends on, as text.
          resume: whether to go on with what is there.
          tell: called when something is kept.
        """
        self.file, self.asked, self.resume, self._tell = file, asked, resume, tell

    def resumed(self, search: Search) -> Stream | None:
        """Bring `search` to where it was stopped; `None` where nothing was kept.

        Raises:
          Stranger: the file is of another question, or cannot be read.
        """
        if not self.resume or not self.file.is_file():
            return None
        try:
            asked, stream = restored(self.file.read_bytes(), search)
        except Unreadable:
            raise Stranger(
                f"{self.file}: cannot be read as a search under way; remove it"
            ) from None
        if asked != self.asked:
            raise Stranger(
                f"{self.file}: is of another question, or of another version of the"
                " program; leave --resume out, or remove it"
            )
        return stream

    def keep(self, search: Search, stream: Stream) -> None:
        """Write the state of a search; on return it is on the disk."""
        trim(search)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        folders.write(self.file, saved(search, stream, self.asked))
        self._tell()

    def drop(self) -> None:
        """Remove the file: the answer is there."""
        self.file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            # Others may have put something there.
            self.file.parent.rmdir()
