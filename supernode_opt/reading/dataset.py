"""Saved datasets, which may have been damaged on the way.

HDF5 follows what the bytes of a file say: a few of them changed may send it anywhere.
So a process of its own reads the file first, with bounds on time and memory, and what
it does not survive is never opened here.  A file that is known to be as it was written
needs none, which takes as long as the rest.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from supernode_opt.reading.files import read_bytes
from supernode_opt.reading.node import InputError

LARGEST_DATASET = 500_000_000
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Reading a whole result takes a few tenths of a second, on a busy machine some more.
_PATIENCE = 20.0
_VISIT = """
import sys, h5py
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
except (ImportError, ValueError, OSError):
    pass
most, seen = int(sys.argv[2]), []
def visit(name, found):
    seen.append(name)
    if len(seen) > 5000:
        raise ValueError("too many parts")
    for key in found.attrs:
        found.attrs[key]
    if isinstance(found, h5py.Dataset):
        if found.nbytes > most:
            raise ValueError("too large")
        found[()]
with h5py.File(sys.argv[1], "r") as file:
    visit("/", file)
    file.visititems(visit)
"""


def read(path: Path, vouched: bool = False) -> Any:
    """Read the netCDF file at `path` as a dataset, whole, and close it.

    Args:
      path: of the file.
      vouched: whether its checksum is that of the file which was written.

    Raises:
      InputError: it cannot be read, or is damaged.
    """
    if not vouched:
        _survived(path)
    import xarray as xr

    try:
        # Times stay floats in seconds: xarray would make some of them time deltas.
        with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as opened:
            return opened.load()
    # A damaged file may raise anything there is in three libraries.
    except Exception:
        raise _damaged(path) from None


def _survived(path: Path) -> None:
    """Let a process of its own read the file.

    Raises:
      InputError: it cannot be read, or is damaged.
    """
    content = read_bytes(path, LARGEST_DATASET)
    if not content.startswith(_SIGNATURE):
        raise InputError(f"{path}: cannot be read as a result: it is no netCDF file")
    # What is decompressed may be larger, but not by much.
    most = str(100 * len(content) + 1_000_000)
    command = [sys.executable, "-c", _VISIT, str(path.absolute()), most]
    try:
        visited = subprocess.run(command, capture_output=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        late = f"reading it took more than {_PATIENCE:.0f} s"
        why = "it is damaged, or this machine is very busy"
        raise InputError(f"{path}: cannot be read as a result: {late}: {why}") from None
    if visited.returncode != 0:
        raise _damaged(path)


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: cannot be read as a result: it is damaged")
