"""The journal of a measurement: one line per finished point, safe against any stop.

The first line says what was measured, with which versions and seed; a journal of
something else is never continued.  Every line is on the disk before the next point
begins, and half a line at the end, all that a crash can leave, is dropped.  Each line
ends in the CRC-32 of the rest: one that was changed since is refused.
"""

import errno
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from supernode_opt.measure.plan import BadMeasurement, Point
from supernode_opt.measure.timing import Timing
from supernode_opt.reading.files import read_bytes
from supernode_opt.reading.node import InputError
from supernode_opt.results import locking

NAME = "journal.jsonl"
_LARGEST = 500_000_000
_ADVICE = "name another folder with --out, or remove this file"
_FIRST = b'{"format": '
# What reading something else as a journal may raise.
_UNLIKE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
# Values of the first line that a continuation must share, with words for each.
_SAME = {
    "format": "the journal's format",
    "name": "the name",
    "device": "the device",
    "devices": "the number of devices",
    "versions": "the software",
    "seed": "the seed",
    "quick": "--quick",
}


class Entry(NamedTuple):
    """A finished point.

    Attributes:
      section, sizes: of the point.
      timing: `None` if the point failed.
      work: what else its section wants to know, such as counted kernels.
      spent: time from start to end, compilation included [s].
      failed: why there is no timing, "" if there is.
    """

    section: str
    sizes: Mapping[str, Any]
    timing: Timing | None
    work: float
    spent: float
    failed: str = ""

    @property
    def key(self) -> str:
        """Key of the point."""
        return Point(self.section, self.sizes, 0.0).key

    @property
    def waited(self) -> float:
        """How much other programs disturbed it, infinite if there is no timing [1]."""
        return math.inf if self.timing is None else self.timing.waited


class Journal:
    """Finished points on disk and in memory.

    A point may be measured again; the quieter result counts.

    Attributes:
      path: of the file.
      header: its first line.
      entries: what counts, by key.
      tries: how often each point was measured, by key.
      spent: time of all points [s].
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        """Open the journal of `folder`, or begin one there with `header`.

        Raises:
          BadMeasurement: the folder holds the journal of another device, version, seed
            or name.
          OSError: it cannot be written.
        """
        self.path = folder / NAME
        self.header = dict(header)
        self.entries: dict[str, Entry] = {}
        self.tries: Counter[str] = Counter()
        self.spent = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        try:
            text = read_bytes(self.path, _LARGEST) if self.path.exists() else b""
        except InputError as error:
            raise BadMeasurement(str(error)) from None
        whole = text[: text.rfind(b"\n") + 1]
        # Half of a first line is our own; anything else stays as it is.
        if whole or not text.startswith(_FIRST[: len(text)]):
            self._read(whole.splitlines())
        self._file = self.path.open("r+b" if text else "w+b")
        if not locking.lock(self._file.fileno()):
            raise OSError(errno.EAGAIN, "another process is measuring")
        self._file.truncate(len(whole))
        self._file.seek(0, os.SEEK_END)
        if not whole:
            self._append(self.header)

    def _read(self, lines: list[bytes]) -> None:
        try:
            first, *rest = (json.loads(line) for line in lines)
            first.pop("sum", None)
            for key, words in _SAME.items():
                before, now = first.get(key), self.header.get(key)
                if before != now:
                    raise BadMeasurement(
                        f"{self.path}: {words} was {_shown(before)} and is"
                        f" {_shown(now)} now; {_ADVICE}"
                    )
            self.header = first
            if lines != [_summed(line) for line in (first, *map(_unsummed, rest))]:
                raise ValueError("changed since it was written")
            for line in rest:
                timing = line.pop("timing")
                made = None if timing is None else Timing(**timing)
                self._keep(Entry(timing=made, **line))
        except _UNLIKE as error:
            if isinstance(error, BadMeasurement):
                raise
            raise BadMeasurement(
                f"{self.path}: is no journal of a measurement; {_ADVICE}"
            ) from None

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            self._file.write(_summed(line) + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            words = f"cannot be written: {error.strerror}"
            raise OSError(error.errno, words, str(self.path)) from None

    def add(self, entry: Entry) -> None:
        """Keep a finished point; on return it is on the disk."""
        timing = None if entry.timing is None else entry.timing._asdict()
        self._append({**entry._asdict(), "timing": timing})
        self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        self.tries[entry.key] += 1
        self.spent += entry.spent
        known = self.entries.get(entry.key)
        if known is None or entry.waited < known.waited:
            self.entries[entry.key] = entry

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _summed(line: Mapping[str, Any]) -> bytes:
    """Write a line with its checksum."""
    text = json.dumps(line)
    return f'{text[:-1]}, "sum": {zlib.crc32(text.encode())}}}'.encode()


def _unsummed(line: dict[str, Any]) -> dict[str, Any]:
    line.pop("sum")
    return line


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {word}" for name, word in value.items())
    return repr(value)
