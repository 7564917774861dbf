"""Which program wrote a log, told by what is in it."""

from pathlib import Path

from supernode_opt.logs import events, megatron, mlperf, torchtitan, wandb
from supernode_opt.logs.log import BadLog, Log
from supernode_opt.reading.files import read_bytes
from supernode_opt.reading.node import InputError

LARGEST_LOG = 200_000_000
_KNOWN = (
    "logs of torchtitan and Megatron-LM, TensorBoard event files, wandb histories (CSV,"
    " JSON) and MLPerf results"
)


def read(path: Path) -> Log:
    """Read a log.

    Raises:
      BadLog: it cannot be read, or nothing known wrote it.
    """
    try:
        return _read(path)
    except BadLog as error:
        said = str(error)
        raise BadLog(
            said if said.startswith(str(path)) else f"{path}: {said}"
        ) from None
    except InputError as error:
        raise BadLog(str(error)) from None


def _read(path: Path) -> Log:
    content = read_bytes(path, LARGEST_LOG)
    if events.fits(content):
        return events.read(path, content)
    # Progress bars and names of files may hold anything.
    text = content.decode("utf-8", errors="replace")
    for kind in (mlperf, torchtitan, megatron):
        if kind.fits(text):
            return kind.read(path, text)
    if path.suffix == ".csv":
        return wandb.read_table(path, text)
    if text.lstrip()[:1] in ("{", "["):
        return wandb.read_json(path, text)
    raise BadLog(f"holds no steps that are known: read are {_KNOWN}")
