"""What a table of measurements holds, told from its header."""

from pathlib import Path
from typing import Literal

from supernode_opt.calibration.data.runs import read_table

Kind = Literal["runs", "gemm", "collectives"]

# One name of each group must be among the columns.
_COLLECTIVES = (
    ("op_name", "op"),
    ("num_gpus", "ranks", "moe_ep_size"),
    ("latency_ms",),
)
_GEMM = (("gemm_dtype",), ("m",), ("n",), ("k",), ("latency_ms",))


def kind_of(path: Path) -> Kind:
    """Tell training runs, matrix products and collectives apart.

    Raises:
      BadRuns: the file cannot be read.
    """
    header = set(read_table(path).columns)
    if _has(header, _COLLECTIVES):
        return "collectives"
    return "gemm" if _has(header, _GEMM) else "runs"


def _has(header: set[str], groups: tuple[tuple[str, ...], ...]) -> bool:
    return all(header & set(group) for group in groups)
