"""Finished searches of a front on disk: one line each, safe against any stop.

The first line says what is asked; a journal of another question is refused.  Every line
ends in the CRC-32 of the rest and is on the disk before the next search begins; half a
line at the end, all that a crash can leave, is dropped.  All else that makes a front
follows from its searches, so that what is resumed gives the same answer.
"""

import json
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from supernode_opt.pareto.answers import Answer
from supernode_opt.reading.node import StudyError
from supernode_opt.results import locking

NAME = "searches.jsonl"
Key = tuple[int, tuple[float | None, ...]]


class Journal:
    """Answers by what was asked, in memory and, with a folder, on disk."""

    def __init__(
        self, folder: Path | None, question: Mapping[str, Any], resume: bool
    ) -> None:
        """Open the journal of `folder`, or begin one there.

        Args:
          folder: where it lies; `None` for in memory alone.
          question: what is asked; plain values.
          resume: whether what is there is gone on with.

        Raises:
          StudyError: there is a journal without `resume`, or one of something else.
          OSError: another process writes there, or it cannot be written.
        """
        self.answers: dict[Key, Answer] = {}
        self._file: Any = None
        self._folder = folder
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        content = path.read_bytes() if path.exists() else b""
        if content and not resume:
            raise StudyError(
                f"{folder}: a front was stopped there: go on with --resume, or remove"
                " that folder"
            )
        whole = content[: content.rfind(b"\n") + 1]
        self._read(path, whole.splitlines(), question)
        self._file = path.open("r+b" if content else "w+b")
        if not locking.lock(self._file.fileno()):
            self._file.close()
            raise OSError(11, "another process is at work there", str(folder))
        self._file.truncate(len(whole))
        self._file.seek(0, os.SEEK_END)
        if not whole:
            self._write(dict(question))

    def _read(
        self, path: Path, lines: Sequence[bytes], question: Mapping[str, Any]
    ) -> None:
        if not lines:
            return
        try:
            first, *rest = (_unsummed(line) for line in lines)
            answers = [Answer.of_plain(one) for one in rest]
        except (ValueError, KeyError, TypeError):
            raise StudyError(
                f"{path}: is no journal of a front; remove it or name another --out"
            ) from None
        if first != json.loads(json.dumps(dict(question))):
            raise StudyError(
                f"{path.parent}: cannot go on, for the front that was stopped there was"
                " of another question, version or seed; remove that folder"
            )
        for answer in answers:
            self.answers[answer.main, answer.limits] = answer

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line)
        summed = f'{text[:-1]}, "sum": {zlib.crc32(text.encode())}}}\n'
        self._file.write(summed.encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def add(self, answer: Answer) -> None:
        """Keep an answer; on return it is on the disk, if there is one."""
        self.answers[answer.main, answer.limits] = answer
        if self._file is not None:
            self._write(answer.plain())

    def close(self, remove: bool = False) -> None:
        """Close the journal, and remove it where the front is there."""
        if self._file is not None:
            self._file.close()
        if remove and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _unsummed(line: bytes) -> dict[str, Any]:
    """Return the values of a line.

    Raises:
      ValueError: it is no line, or was changed.
      KeyError: it has no sum.
    """
    value = json.loads(line)
    total = value.pop("sum")
    if zlib.crc32(json.dumps(value).encode()) != total:
        raise ValueError("changed since it was written")
    return value
