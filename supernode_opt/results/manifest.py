"""What belongs to a result: every file of it by name, size and checksum."""

import contextlib
import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supernode_opt.results.versions import versions

NAME = "manifest.json"
FORMAT, VERSION = "supernode-opt result", 1
_LARGEST = 10_000_000
# A result may be published anew between finding one of its files and reading it.
_TRIES = 5


class Damaged(ValueError):
    """A file that is not what its manifest says; the text is one line."""


def files_of(folder: Path) -> list[str]:
    """Return the names of all files below `folder`, the manifest's left out."""
    found = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return sorted(n for p in found if (n := p.relative_to(folder).as_posix()) != NAME)


def write(folder: Path, known: Mapping[str, Any], complete: bool = True) -> None:
    """Write the manifest of the files in `folder`.

    Args:
      folder: one version of a result.
      known: what an earlier manifest says of files taken over as they are.
      complete: whether nothing will be added to the result.
    """
    made = {
        "format": FORMAT,
        "version": VERSION,
        "complete": complete,
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "by": f"supernode-opt {versions()['supernode-opt']}",
        "files": {
            name: known.get(name) or _entry_of(folder / name)
            for name in files_of(folder)
        },
    }
    (folder / NAME).write_text(f"{json.dumps(made, indent=2)}\n", encoding="utf-8")


def same(path: Path, known: Mapping[str, Any]) -> bool:
    """Tell whether a file is what its manifest says."""
    return _entry_of(path) == known


def _entry_of(path: Path) -> dict[str, Any]:
    """Return what `_entry` does of a file, which may be larger than memory."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"bytes": stream.tell(), "sha256": digest}


def _entry(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"bytes": len(content), "sha256": digest}


def read(folder: Path) -> dict[str, dict[str, Any]] | None:
    """Return what the manifest in `folder` says of each file, `None` without one.

    Raises:
      Damaged: there is one that cannot be understood.
      OSError: it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            made = json.loads(stream.read(_LARGEST))
        files = made["files"]
        good = made["format"] == FORMAT and all(e["sha256"] for e in files.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        good, made, files = False, {}, {}
    if not good:
        raise Damaged(f"{path}: is damaged: it is no manifest of a result")
    if made.get("version") != VERSION:
        raise Damaged(f"{path}: is of another version, {str(made.get('version'))[:20]}")
    return files


def content(path: Path) -> bytes:
    """Read a file of a result, and check it if a manifest beside it names it.

    Raises:
      Damaged: the file is not what the manifest says.
      OSError: it cannot be read.
    """
    return _checked(path)[0]


def vouches(path: Path) -> bool:
    """Tell whether a manifest names a file, which then is as it was written.

    Raises:
      Damaged: the file is not what the manifest says.
      OSError: it cannot be read.
    """
    return _checked(path)[1]


def _checked(path: Path) -> tuple[bytes, bool]:
    """Return what is in a file, and whether its manifest names it."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):
            return _once_checked(path)
    return _once_checked(path)


def _once_checked(path: Path) -> tuple[bytes, bool]:
    # Links lead into one version, which has the manifest of that version.
    real = path.resolve()
    files = read(real.parent) or {}
    found = real.read_bytes()
    if real.name in files and files[real.name] != _entry(found):
        raise Damaged(f"{path}: is damaged: it is not what {NAME} says")
    return found, real.name in files
