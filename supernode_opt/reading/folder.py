"""What is kept for the next time: the user's own, bounded, whole at any moment."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of the files of one folder together.
MOST_BYTES = 512 * 2**20
# Files of writers that were killed are older than any that is being written [s].
_ABANDONED = 3600.0
_PART = ".part"


def cache_folder(name: str) -> Path | None:
    """Return the folder `name` of the user's cache, made; `None` if there can be none.

    It lies in $SUPERNODE_OPT_CACHE, of which an empty one is none, else in
    $XDG_CACHE_HOME/supernode_opt or in ~/.cache/supernode_opt.
    """
    own = os.environ.get("SUPERNODE_OPT_CACHE")
    if own == "":
        return None
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = (Path(own) if own else Path(cache) / "supernode_opt") / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def remembered(content: bytes, parse: Callable[[bytes], Any]) -> Any:
    """Return `parse(content)`, from the user's cache if it was asked before.

    What is parsed must be what JSON can hold; YAML takes thirty times as long.
    """
    folder = cache_folder("parsed")
    if folder is None:
        return parse(content)
    place = folder / f"{hashlib.sha256(content).hexdigest()}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(place.read_bytes())
    made = parse(content)
    with contextlib.suppress(OSError):
        write(place, json.dumps(made).encode())
        bound(folder, MOST_BYTES)
    return made


def plain_yaml(content: bytes) -> Any:
    """Parse YAML that the package is shipped with."""
    import yaml

    return yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def write(place: Path, content: bytes) -> None:
    """Write a file such that any reader finds the whole of it, or none.

    Raises:
      OSError: it cannot be written.
    """
    handle, temporary = tempfile.mkstemp(dir=place.parent, suffix=_PART)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def bound(folder: Path, most: int) -> None:
    """Delete the files used longest ago until `most` bytes are left."""
    found = []
    for file in os.scandir(folder):
        # Another process may delete the same.
        with contextlib.suppress(OSError):
            seen = file.stat()
            found.append((seen.st_mtime, seen.st_size, file.path))
    found.sort(reverse=True)
    newest = found[0][0] if found else 0.0
    total = 0
    for used, size, path in found:
        total += size
        stale = path.endswith(_PART) and used < newest - _ABANDONED
        if total > most or stale:
            with contextlib.suppress(OSError):
                os.unlink(path)
