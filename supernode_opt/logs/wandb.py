"""Exports of Weights & Biases: histories as CSV or JSON, and the config beside them.

`run.history().to_csv(...)`, the CSV of a chart (columns `run - metric`), lines of JSON,
or one JSON object with `config` and `history`.  Options come from `config` or from a
`config.yaml` or `config.json` in the same folder.
"""

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from supernode_opt.logs import arguments, series
from supernode_opt.logs.log import BadLog, Log, Series
from supernode_opt.reading import document, table
from supernode_opt.reading.document import LARGEST_FILE
from supernode_opt.reading.files import read_text
from supernode_opt.reading.node import InputError

_STEPS = ("_step", "step", "global_step", "trainer/global_step", "iteration")
_TIMES = ("_runtime", "_timestamp")


def read_table(path: Path, text: str) -> Log:
    """Read a history as CSV.

    Raises:
      BadLog: it has no step time or token rate.
    """
    found = table.parse(text, str(path))
    rows = [
        {name.rpartition(" - ")[2]: cell for name, cell in cells.items()}
        for _, cells in found.rows
    ]
    return _log(path, rows, _beside(path))


def read_json(path: Path, text: str) -> Log:
    """Read a history as JSON: lines, a list, or an object with `history`.

    Raises:
      BadLog: it is none of them, or has no step time or token rate.
    """
    try:
        try:
            found = json.loads(text)
        except ValueError:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise BadLog("is no JSON") from None
    config: Mapping[str, Any] = {}
    if isinstance(found, dict):
        config = found["config"] if isinstance(found.get("config"), dict) else {}
        found = found.get("history", [found])
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise BadLog("must hold the rows of a history")
    return _log(path, found, config or _beside(path))


def _beside(path: Path) -> Mapping[str, Any]:
    """Return the options of the run in the folder of its history."""
    for name in ("config.yaml", "config.json"):
        beside = path.parent / name
        if beside.is_file() and beside != path:
            try:
                text = read_text(beside, LARGEST_FILE).replace("\t", " ")
                return document.parse(text, str(beside)).plain()
            except InputError:
                continue
    return {}


def _log(path: Path, rows: list[dict[str, Any]], config: Mapping[str, Any]) -> Log:
    options = dict(arguments.flat(config))
    cells: dict[str, str] = {}
    model, assumed = "", []
    if arguments.is_megatron(options):
        cells = {"stack": "megatron_core", **arguments.megatron(options)}
    elif arguments.is_titan(options):
        cells, model = arguments.titan(options)
        local = cells.pop("local_batch", "")
        cells = {"stack": "torchtitan", **({"mbs": local} if local else {}), **cells}
    elif options:
        assumed.append("a config of a program that is not known: nothing is read of it")
    more = {"model": model, "assumed": tuple(assumed)}
    return series.log(path, "wandb history", _series(rows), cells, **more)


def _series(rows: list[dict[str, Any]]) -> dict[str, Series]:
    """Return the numbers of every column by step."""
    names = dict.fromkeys(itertools.chain.from_iterable(rows))
    counted = next((name for name in _STEPS if name in names), None)
    found: dict[str, Series] = {}
    for name in names:
        if name != counted:
            values = (
                (int(_number(row.get(counted)) or i) if counted else i, value)
                for i, row in enumerate(rows)
                if (value := _number(row.get(name))) is not None
            )
            found[name] = tuple(values)
    if counted:
        for name in _TIMES:
            if found.get(name):
                found.setdefault(f"step time from {name}", _between(found[name]))
    return found


def _between(times: Iterable[tuple[int, float]]) -> Series:
    """Return the time of a step from the times at which steps were logged."""
    pairs = itertools.pairwise(times)
    return tuple(
        (after, (late - early) / (after - before))
        for (before, early), (after, late) in pairs
        if after > before
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < float("inf") else None
