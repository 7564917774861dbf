"""Work under way, on disk: a chunk is there whole, or it has still to be done.

    .NAME.resume/asked.json          what is asked, to refuse to go on with another
    .NAME.resume/sweep.zarr/         one array per variable, one file per chunk
    .NAME.resume/done/000012.json    written last: chunk 12 is there

Any process may do any chunk.  A mark is a file of its own, because appending to a file
that several machines share is not safe.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.reading.node import StudyError
from supernode_opt.sweep.layout import Stored

_ASKED, _ARRAYS, _DONE = "asked.json", "sweep.zarr", "done"


class Folder:
    """The folder of a sweep under way."""

    def __init__(self, place: Path, count: int, size: int) -> None:
        """Take a place; nothing is written yet.

        Args:
          place: of the folder.
          count: points of the sweep.
          size: points of a chunk.
        """
        self.place, self.count, self.size = place, count, size

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.count // self.size)

    def span(self, chunk: int) -> tuple[int, int]:
        """Return the first point of a chunk, and the one after its last."""
        return chunk * self.size, min((chunk + 1) * self.size, self.count)

    def begun(self) -> bool:
        """Tell whether a sweep was stopped there."""
        return (self.place / _ASKED).is_file()

    def begin(
        self, asked: Mapping[str, Any], variables: Sequence[Stored], resume: bool
    ) -> None:
        """Make the folder, or go on with what is there.

        Raises:
          StudyError: something is there without `resume`, or it is of another sweep.
        """
        text = json.dumps(asked, sort_keys=True)
        written = self.place / _ASKED
        if written.is_file():
            if not resume:
                raise StudyError(
                    f"{self.place}: a sweep was stopped there: go on with --resume, or"
                    " remove that folder"
                )
            before = json.loads(written.read_text(encoding="utf-8"))
            changed = [key for key in asked if before.get(key) != json.loads(text)[key]]
            if changed:
                raise StudyError(
                    f"{self.place}: cannot go on, for the sweep that was stopped there"
                    f" had another {' and '.join(changed)}"
                )
            return
        # Without its question what is left there says nothing.
        shutil.rmtree(self.place, ignore_errors=True)
        (self.place / _DONE).mkdir(parents=True)
        self._make(variables)
        _write(written, text)

    def _make(self, variables: Sequence[Stored]) -> None:
        import zarr

        group = zarr.open_group(self.place / _ARRAYS, mode="w")
        for stored in variables:
            told = {k: _listed(v) for k, v in stored.attributes.items()}
            group.create_array(
                stored.name,
                shape=(self.count,),
                chunks=(self.size,),
                dtype=stored.kind,
                fill_value=stored.missing,
                compressors=None,
                dimension_names=("point",),
                attributes=told,
            )

    def opened(self, mode: Any = "r+") -> Any:
        """Return the group of arrays."""
        import zarr

        return zarr.open_group(self.place / _ARRAYS, mode=mode)

    def put(
        self, group: Any, chunk: int, found: Mapping[str, NDArray], evaluations: int
    ) -> None:
        """Write what was found of a chunk, then that it is there."""
        start, stop = self.span(chunk)
        for name, values in found.items():
            group[name][start:stop] = values
        mark = {"evaluations": evaluations, "process": os.getpid()}
        _write(self._mark(chunk), json.dumps(mark))

    def missing(self) -> list[int]:
        """Return the chunks that have still to be done, in their order."""
        return [i for i in range(self.chunks) if not self._mark(i).is_file()]

    def evaluations(self) -> int:
        """Return how often the model was evaluated for the chunks that are there."""
        marks = (self._mark(i) for i in range(self.chunks))
        return sum(
            json.loads(mark.read_text(encoding="utf-8"))["evaluations"]
            for mark in marks
            if mark.is_file()
        )

    def points_done(self) -> int:
        """Return how many points are there."""
        left = sum(stop - start for start, stop in map(self.span, self.missing()))
        return self.count - left

    def remove(self) -> None:
        """Throw the folder away, its question first: the rest is nothing without."""
        (self.place / _ASKED).unlink(missing_ok=True)
        shutil.rmtree(self.place, ignore_errors=True)

    def _mark(self, chunk: int) -> Path:
        return self.place / _DONE / f"{chunk:06d}.json"


def chunk_size(count: int, least: int, most: int, parts: int = 16) -> int:
    """Return how many points a chunk has: a 16th of all, within bounds.

    What is lost when a sweep is killed is a chunk, and so is what a worker is given.
    """
    size = -(-count // parts)
    return max(min(-(-size // least) * least, most), 1)


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def pieces(
    start: int, stop: int, shape: Sequence[int]
) -> Iterable[tuple[tuple[slice, ...], int, int]]:
    """Cut a stretch of points into boxes of a grid: (place, first, last + 1)."""
    if len(shape) == 1:
        yield (slice(start, stop),), start, stop
        return
    row = int(np.prod(shape[1:]))
    index = start // row
    if stop - start < row and stop <= (index + 1) * row:
        # Within one row of the first dimension.
        for place, a, b in pieces(start - index * row, stop - index * row, shape[1:]):
            yield (slice(index, index + 1), *place), a + index * row, b + index * row
        return
    first, last = -(-start // row), stop // row
    if start < first * row:
        yield from pieces(start, first * row, shape)
    if first < last:
        rest = tuple(slice(0, size) for size in shape[1:])
        yield (slice(first, last), *rest), first * row, last * row
    if last * row < stop:
        yield from pieces(last * row, stop, shape)
