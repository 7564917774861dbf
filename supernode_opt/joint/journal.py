"""A joint search on disk: exactly as it stood, so that it goes on as if never stopped.

One file holds the open boxes, the splits that matter in them, the best machine and what
was finished before; it is written beside its place, with a checksum before it, and
moved there.  It belongs to one question, one version of the program and one seed, by
whose digest it is found to be another's.
"""

import contextlib
import hashlib
import io
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.identity import identity
from supernode_opt.joint.boxes import Boxes, Head
from supernode_opt.joint.incumbent import Incumbent
from supernode_opt.joint.search import Course
from supernode_opt.reading import folder as folders
from supernode_opt.reading.node import StudyError

_FILE = "joint.state"
_CHECK = hashlib.sha256().digest_size
# No more often than this is the state written [s].
_EVERY = 5.0


@dataclass
class Journal:
    """Where a search is kept.

    Attributes:
      folder: of the state; `None` where nothing is kept.
      key: what it belongs to.
      written: when it was written last, on this process's clock [s].
      done: what finished searches left, by name.
    """

    folder: Path | None
    key: str
    written: float = field(default_factory=time.monotonic)
    done: dict[str, Course] = field(default_factory=dict)

    def keep(self, name: str, course: Course, finished: bool = False) -> None:
        """Note how the search `name` stands, if it is time or it has `finished`."""
        if finished:
            self.done[name] = course
        now = time.monotonic()
        if self.folder is None or not (finished or now - self.written >= _EVERY):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = self.done | {name: course}
        told: dict[str, Any] = {"key": self.key, "done": list(self.done), "parts": {}}
        arrays: dict[str, NDArray] = {}
        for place, (title, part) in enumerate(parts.items()):
            told["parts"][title] = place
            arrays |= {f"{place}/{k}": v for k, v in _packed(part).items()}
        arrays["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        stream = io.BytesIO()
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        body = stream.getvalue()
        folders.write(self.folder / _FILE, hashlib.sha256(body).digest() + body)
        self.written = time.monotonic()

    def read(self) -> dict[str, Course]:
        """Return how the searches of this question stood; those done are noted.

        Raises:
          StudyError: what is kept is of another question, or damaged.
        """
        if self.folder is None or not (self.folder / _FILE).is_file():
            return {}
        place = self.folder / _FILE
        content = place.read_bytes()
        check, body = content[:_CHECK], content[_CHECK:]
        if hashlib.sha256(body).digest() != check:
            raise StudyError(f"{place}: is damaged; run without --resume")
        with np.load(io.BytesIO(body), allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        told = json.loads(arrays.pop("told").tobytes())
        if told["key"] != self.key:
            raise StudyError(
                f"{place}: is of another study, seed or version; run without --resume"
            )
        found = {}
        for title, order in told["parts"].items():
            start = f"{order}/"
            own = {
                k.removeprefix(start): v
                for k, v in arrays.items()
                if k.startswith(start)
            }
            found[title] = _unpacked(own)
        self.done = {name: found[name] for name in told["done"]}
        return found


def key_of(text: str, seed: int, settings: Any) -> str:
    """Return the digest of a question, the seed and the program."""
    told = f"{text}\n{seed}\n{settings}\n{identity()}"
    return hashlib.sha256(told.encode()).hexdigest()


def drop(folder: Path) -> None:
    """Remove what is kept in `folder`: it is answered, or nobody goes on with it."""
    with contextlib.suppress(OSError):
        (folder / _FILE).unlink(missing_ok=True)
        folder.rmdir()


def _packed(course: Course) -> dict[str, NDArray]:
    """Return a course as arrays of numbers."""
    boxes = course.boxes
    made = {f"rows/{name}": column for name, column in boxes.rows.items()}
    made |= {"bound": boxes.bound, "costs": boxes.costs, "fresh": boxes.fresh}
    flat = boxes.heads.reshape(-1)
    none = np.zeros(0)
    made |= {
        "head/splits": np.concatenate(
            [none.astype(np.int64), *(h.splits for h in flat)]
        ),
        "head/costs": np.concatenate([none, *(h.costs for h in flat)]),
        "head/length": np.asarray([len(h.splits) for h in flat], np.int64),
        "head/start": np.asarray([h.start for h in flat], np.int64),
        "head/ceiling": np.asarray([h.ceiling for h in flat], float),
        "course": np.asarray(
            [course.looked, course.stuck, course.searched, course.seconds], float
        ),
        "history": np.asarray(course.history, float).reshape(-1, 2),
        "tried/length": np.asarray([len(own) for own in course.heads], np.int64),
        "tried": np.concatenate([none.astype(np.int64), *course.heads]),
    }
    best = course.best
    if best is not None:
        made |= {f"best/{name}": value for name, value in best.machine.items()}
        made["best_cost"] = np.asarray([best.cost, best.place], float)
        made["best_costs"], made["best_splits"] = best.costs, best.splits
    return made


def _unpacked(made: dict[str, NDArray]) -> Course:
    """Return the course that was packed."""

    def below(start: str) -> dict[str, NDArray]:
        return {
            k.removeprefix(start): v for k, v in made.items() if k.startswith(start)
        }

    ends = np.cumsum(made["head/length"])
    shape = made["costs"].shape
    heads = np.empty(int(np.prod(shape)), object)
    for i, (end, size) in enumerate(zip(ends, made["head/length"], strict=True)):
        own = slice(int(end - size), int(end))
        heads[i] = Head(
            made["head/splits"][own],
            made["head/costs"][own],
            int(made["head/start"][i]),
            float(made["head/ceiling"][i]),
        )
    boxes = Boxes(
        below("rows/"),
        made["bound"],
        made["costs"],
        heads.reshape(shape),
        made["fresh"],
    )
    looked, stuck, searched, seconds = made["course"]
    best = None
    if "best_cost" in made:
        cost, place = made["best_cost"]
        best = Incumbent(
            float(cost),
            made["best_costs"],
            below("best/"),
            made["best_splits"],
            int(place),
        )
    tried = np.split(made["tried"], np.cumsum(made["tried/length"])[:-1])
    return Course(
        boxes,
        best,
        list(tried) if len(made["tried/length"]) else [],
        int(looked),
        float(stuck),
        float(searched),
        [(int(n), float(gap)) for n, gap in made["history"]],
        float(seconds),
    )
