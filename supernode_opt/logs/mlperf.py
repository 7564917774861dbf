"""Result files of MLPerf Training: `:::MLLOG` lines with a JSON object each.

Step times come from `tracked_stats` that name one, else from the samples between the
ends of blocks, which leaves evaluation out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supernode_opt.logs.log import BadLog, Log, is_number, whole

_LINE = re.compile(r":::MLLOG (\{.*\})")
_PLATFORM = re.compile(r"(\d+)\s*x\s*(.+)")
_BOARDS = re.compile(r"\b(DGX|HGX|XE\d|node)", re.I)
# Model and length of sequences by benchmark, mlcommons/training's README of each.
_BENCHMARKS: Mapping[str, tuple[str, str]] = {
    "llama31_405b": ("llama3_405b", "8192"),
    "llama31_8b": ("llama3_8b", "8192"),
    "gpt3": ("gpt3_175b", "2048"),
    "llama2_70b_lora": ("llama2_70b", "8192"),
}
# Llama 2 70B, arXiv:2307.09288 and its config; adapters of rank 16 by the benchmark.
_LLAMA2_70B = {
    **{"layers": "80", "hidden": "8192", "heads": "64", "kv_heads": "8"},
    **{"head_dim": "128", "ffn": "28672", "vocab": "32000", "gated": "true"},
    **{"task": "lora", "lora_rank": "16"},
}
_SIZES = {
    "tensor_parallelism": "tp",
    "pipeline_parallelism": "pp",
    "context_parallelism": "cp",
    "expert_parallelism": "ep",
    "interleaved_pipeline": "vpp",
    "micro_batch_size": "mbs",
}


def fits(text: str) -> bool:
    """Tell whether a text has lines of MLPerf's logger."""
    return _LINE.search(text) is not None


def read(path: Path, text: str) -> Log:
    """Read a result file.

    Raises:
      BadLog: it is of no language model, or says no batch.
    """
    events = list(_events(text))
    said = {e["key"]: e.get("value") for e in events if e.get("value") is not None}
    benchmark = str(said.get("submission_benchmark", ""))
    if benchmark and benchmark not in _BENCHMARKS:
        known = ", ".join(_BENCHMARKS)
        raise BadLog(f"is of the benchmark {benchmark!r}, but known are {known}")
    model, length = _BENCHMARKS.get(benchmark, ("", ""))
    batch = said.get("global_batch_size")
    if not is_number(batch) or batch <= 0:
        raise BadLog("says no global_batch_size")
    cells = {"stack": "mlperf", "gbs": whole(batch)}
    assumed: list[str] = []
    if is_number(longest := said.get("max_sequence_length")):
        cells["seq_len"] = whole(longest)
    elif length:
        cells["seq_len"] = length
        assumed.append(f"sequences of {length} tokens, the benchmark's")
    cells |= _LLAMA2_70B if model == "llama2_70b" else {}
    for key, column in _SIZES.items():
        if is_number(size := said.get(key)) and size >= 1:
            cells[column] = whole(size)
    cells |= _machine(str(said.get("submission_platform", "")), assumed)
    return Log(
        path,
        "MLPerf result",
        cells,
        model="" if model == "llama2_70b" else model,
        seconds=_told(events) or _between_blocks(events, float(batch)),
        assumed=tuple(assumed),
    )


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for found in _LINE.finditer(text):
        try:
            event = json.loads(found[1])
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and isinstance(event.get("key"), str):
            yield event


def _machine(platform: str, assumed: list[str]) -> dict[str, str]:
    """Return accelerator and number of a platform such as `8xDGX H100`."""
    found = _PLATFORM.match(platform)
    if not found:
        return {}
    count, name = int(found[1]), found[2].strip()
    if _BOARDS.search(name):
        assumed.append(f"eight accelerators in each of {count} nodes")
        count *= 8
        name = re.sub(r"^(NVIDIA )?([DH]GX)[ _]?", "", name).strip() or name
    return {"accelerator": name, "n_accel": str(count)}


def _told(events: list[Mapping[str, Any]]) -> tuple[tuple[int, float], ...]:
    """Return the step times that the submission tracked."""
    found = []
    for event in events:
        value = event.get("value")
        if event["key"] == "tracked_stats" and isinstance(value, dict):
            for name, number in value.items():
                if re.search(r"train_step_tim", name) and is_number(number):
                    found.append((len(found), float(number)))
    return tuple(found)


def _between_blocks(
    events: list[Mapping[str, Any]], batch: float
) -> tuple[tuple[int, float], ...]:
    """Return the mean time of a step of every block between two evaluations."""
    found = []
    began: tuple[float, float] | None = None
    for event in events:
        about = event.get("metadata")
        about = about if isinstance(about, dict) else {}
        samples, time = about.get("samples_count"), event.get("time_ms")
        if samples is None:
            samples = about.get("first_epoch_num", about.get("epoch_num"))
        if event["key"] == "block_start" and is_number(samples) and is_number(time):
            began = float(samples), float(time)
        elif event["key"] == "block_stop" and began and is_number(time):
            count = about.get("samples_count")
            if not is_number(count):
                extra = about.get("epoch_count")
                count = began[0] + extra if is_number(extra) else None
            if count is not None and count > began[0] and time > began[1]:
                steps = (count - began[0]) / batch
                found.append((len(found), (time - began[1]) / 1e3 / steps))
            began = None
    return tuple(found)
