"""Files of a user's, read whole and with a bound on what they may cost."""

import os
import stat
from pathlib import Path

from supernode_opt.reading.node import InputError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def read_bytes(path: Path, largest: int) -> bytes:
    """Read a regular file of at most `largest` bytes.

    Raises:
      InputError: it is missing, no file, too large, or cannot be read.
    """
    try:
        # A pipe that nobody writes to would keep us waiting.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as stream:
            mode = os.fstat(handle).st_mode
            for is_kind, what in _KINDS:
                if is_kind(mode):
                    raise InputError(f"{path}: must be a file, but is {what}")
            content = stream.read(largest + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: must be a file, but is a folder") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read: {reason}") from None
    if len(content) > largest:
        raise InputError(f"{path}: must be smaller than {largest // 10**6} MB")
    return content


def read_text(path: Path, largest: int) -> str:
    """Read a UTF-8 file of at most `largest` bytes.

    Raises:
      InputError: as `read_bytes`, or it is not UTF-8.
    """
    content = read_bytes(path, largest)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: is not UTF-8 text") from None
