"""The lock of a folder: one process writes there at a time."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

# How long to wait for another process that writes in the same folder [s].
_PATIENCE = 20.0
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EBADF, errno.EINVAL)


@contextlib.contextmanager
def locked(folder: Path, patience: float = _PATIENCE) -> Iterator[int]:
    """Hold the lock of `folder`, which ends with the process; give its handle.

    Raises:
      OSError: another process holds it for longer than `patience` [s].
    """
    handle, began = os.open(folder, os.O_RDONLY), time.monotonic()
    try:
        while not lock(handle):
            if time.monotonic() - began >= patience:
                raise OSError(errno.EAGAIN, "another process is writing there")
            time.sleep(0.02)
        yield handle
    finally:
        os.close(handle)


def lock(handle: int, without: bool = True) -> bool:
    """Try to lock; return `without` on a file system that has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return without and error.errno in _NO_LOCKS
    return True
