"""Tables of measured collectives: NCCL, HCCL and exchanges between experts."""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from supernode_opt.calibration.data.runs import BadRuns, Run, read_table
from supernode_opt.catalog import UnknownEntry
from supernode_opt.catalog.collectives import Machine, machine
from supernode_opt.catalog.read import unknown
from supernode_opt.hardware.collective import OPERATIONS

# NVFP4 carries one byte of scale for sixteen numbers of half a byte.
_BYTES = dict.fromkeys(("bfloat16", "bf16", "float16", "fp16"), 2.0)
_BYTES |= {"fp8": 1.0, "nvfp4": 0.5625}
_OPERATIONS = {
    "alltoall": "all_to_all",
    "allreduce": "all_reduce",
    "allgather": "all_gather",
    "reducescatter": "reduce_scatter",
    **{f"alltoall_{name}": name for name in ("dispatch", "combine", "prepare")},
    "alltoall_combine_low_precision": "combine_low_precision",
}
# What HCCL is told of a gather or scatter is one rank's part (sendCount of
# HcclAllGather, recvCount of HcclReduceScatter); nccl-tests print the whole.
_OF_ONE_RANK = {("hccl", "all_gather"), ("hccl", "reduce_scatter")}
# Expert kernels of TensorRT-LLM by the name that its benchmark prints.
_KERNEL = re.compile(r"NVLink(\w+)Sided$")


class Measurement(NamedTuple):
    """One measured collective.

    Attributes:
      line: of the file.
      library: whose collective it is.
      machine: where it ran.
      operation: one of `OPERATIONS`.
      ranks: members of the group [1].
      payload: the whole message [B].
      items: tokens that one rank handles [1].
      seconds: measured time [s].
      variant: data type, "" if it does not matter.
      source: where the number was published, "" if the table does not say.
    """

    line: int
    library: str
    machine: Machine
    operation: str
    ranks: float
    payload: float
    items: float
    seconds: float
    variant: str
    source: str

    @property
    def name(self) -> str:
        """What identifies the row for people."""
        megabytes = f"{self.payload / 1e6:.4g} MB"
        size = megabytes if self.payload else f"{self.items:.0f} tokens"
        return f"{self.operation} {self.machine.name} x{self.ranks:.0f} {size}"

    @property
    def is_fitted(self) -> bool:
        """Whether a calibration fits the row; the other half is kept for judging.

        Rows of one machine, operation, group and message fall into one half together.
        """
        key = (self.library, self.machine.name, self.operation)
        sizes = (round(self.ranks), round(self.payload), round(self.items))
        text = "|".join(map(str, (*key, *sizes)))
        return hashlib.sha256(text.encode()).digest()[0] % 2 == 0


def read(
    path: Path, say: Callable[[str], None] = lambda line: None
) -> tuple[Measurement, ...]:
    """Read a table of collectives; `say` is told what it leaves to be assumed.

    Raises:
      BadRuns: a cell is missing or says something impossible; with file and line.
    """
    rows = [Run(cells, line) for line, cells in read_table(path).rows]
    if not rows:
        raise BadRuns(f"{path}: has no rows")
    try:
        default = _default_machine(rows, say, path)
        return tuple(_measurement(row, default) for row in rows)
    except BadRuns as error:
        raise BadRuns(f"{path}: {error}") from None


def _default_machine(
    rows: Sequence[Run], say: Callable[[str], None], path: Path
) -> Machine | None:
    """Find the machine of a table without a column for it."""
    first = rows[0]
    if "system" in first.cells:
        return None
    for part in first.text("source").split("/"):
        # "repository@commit:gb200/comm" and "data/ascend_910b/" name it in their path.
        for word in part.split(":"):
            try:
                found = machine(word)
            except UnknownEntry:
                continue
            say(f"{path}: has no column system; its source names {word}: {found.name}")
            return found
    if "message_size" in first.cells or "kernel_source" in first.cells:
        name = "gb200_nvl72" if "kernel_source" in first.cells else "atlas_900_a2"
        say(f"{path}: has no column system; taken as measured on {name}")
        return machine(name)
    raise BadRuns("needs a column system that names the machine")


def _measurement(row: Run, default: Machine | None) -> Measurement:
    where = default or _known_machine(row)
    operation = _operation(row)
    library = _library(row, where)
    ranks = _needed(row, "num_gpus", "ranks", "moe_ep_size")
    if ranks < 2.0 or ranks != round(ranks):
        raise BadRuns(
            f"line {row.line}: ranks must be a whole number from 2 on, but is {ranks:g}"
        )
    items = row.number("num_tokens") or 0.0
    payload = _payload(row, operation, ranks)
    if (library, operation) in _OF_ONE_RANK:
        payload *= ranks
    return Measurement(
        line=row.line,
        library=library,
        machine=where,
        operation=operation,
        ranks=ranks,
        payload=payload,
        items=items,
        seconds=_needed(row, "latency_ms") / 1e3,
        variant=row.text("moe_dtype"),
        source=row.text("source"),
    )


def _needed(row: Run, *columns: str) -> float:
    """Return the first of `columns` that the row fills, which must be positive."""
    for column in columns:
        value = row.number(column)
        if value == 0.0:
            raise BadRuns(f"line {row.line}: {column} must be positive, but is 0")
        if value is not None:
            return value
    raise BadRuns(f"line {row.line}: has no {' or '.join(columns)}")


def _known_machine(row: Run) -> Machine:
    written = row.text("system")
    try:
        return machine(written)
    except UnknownEntry as error:
        raise BadRuns(f"line {row.line}: system: {error}") from None


def _operation(row: Run) -> str:
    written = row.text("op_name") or row.text("op")
    found = _OPERATIONS.get(written, written)
    if found not in OPERATIONS:
        known = (*OPERATIONS, *_OPERATIONS)
        raise BadRuns(f"line {row.line}: {unknown('operation', written, known)}")
    return found


def _library(row: Run, where: Machine) -> str:
    written = row.text("library")
    if written:
        return written
    kernel = row.text("kernel_source")
    if not kernel:
        return "hccl" if where.fabric == "hccs" else "nccl"
    named = _KERNEL.match(kernel)
    if named is None:
        raise BadRuns(
            f"line {row.line}: kernel_source must be NVLinkOneSided or NVLinkTwoSided,"
            f" but is {kernel!r}"
        )
    return f"trtllm_{named[1].lower()}_sided"


def _payload(row: Run, operation: str, ranks: float) -> float:
    """Return the bytes of the message, from the shape of an expert layer if need be."""
    if row.number("num_tokens") is None:
        return _needed(row, "bytes", "message_size")
    if operation == "prepare":
        return 0.0
    columns = ("num_tokens", "hidden_size", "topk")
    tokens, hidden, top = (_needed(row, column) for column in columns)
    # Results return in BF16 unless they are quantised for the way.
    written = "bf16" if operation == "combine" else row.text("moe_dtype").lower()
    if written not in _BYTES:
        known = tuple(_BYTES)
        raise BadRuns(f"line {row.line}: {unknown('moe_dtype', written, known)}")
    # A rank gets a token once, however many of its experts are there.
    return tokens * hidden * _BYTES[written] * min(top, ranks)
