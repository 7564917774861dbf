"""Logs of Megatron-LM and of what is built on it: arguments, then a line a step.

The lines are those of `training_log` in `megatron/training/training.py`.
"""

import re
from pathlib import Path
from typing import Any

from supernode_opt.logs import arguments
from supernode_opt.logs.log import Log

_STEP = re.compile(
    r"iteration\s+(\d+)\s*/\s*\d+ \|.*?elapsed time per iteration \(ms\):\s*([\d.]+)"
)
_BATCH = re.compile(r"global batch size:\s*(\d+)")
_ARGUMENT = re.compile(r"^\s*(?:\[[^\]]*\]:?\s*)?([a-z]\w*) \.{3,} (.*?)\s*$", re.M)
_SIZES = re.compile(
    r"using world size: (\d+), data-parallel.size: \d+,"
    r"(?: context-parallel.size: (\d+),?)?(?:.*?)"
    r"tensor-model-parallel.size: (\d+),(?:.*?)pipeline-model-parallel.size: (\d+)"
)


def fits(text: str) -> bool:
    """Tell whether a text looks like such a log."""
    return _STEP.search(text) is not None


def read(path: Path, text: str) -> Log:
    """Read a log of Megatron-LM."""
    options: dict[str, Any] = {
        found[1]: arguments.plain(found[2]) for found in _ARGUMENT.finditer(text)
    }
    cells = arguments.megatron(options) if options else {}
    sizes = _SIZES.search(text)
    columns = ("n_accel", "cp", "tp", "pp")
    for column, size in zip(columns, sizes.groups() if sizes else (), strict=False):
        cells.setdefault(column, size or "1")
    lines = [line for line in text.splitlines() if _STEP.search(line)]
    batches = [found[1] if (found := _BATCH.search(line)) else "" for line in lines]
    if batches[-1]:
        # It may ramp up; the last is what the run goes on with.
        cells["gbs"] = batches[-1]
    seconds = []
    for line, batch in zip(lines, batches, strict=True):
        step = _STEP.search(line)
        if step is not None and batch == batches[-1]:
            seconds.append((int(step[1]), float(step[2]) / 1e3))
    return Log(
        path,
        "Megatron-LM log",
        {"stack": "megatron_core", **cells},
        seconds=tuple(seconds),
        assumed=() if options else ("the log holds no arguments",),
    )
