"""Logs of torchtitan: what is built and applied, then a line every few steps.

The lines are those of `torchtitan/train.py` and `torchtitan/components/metrics.py`,
whose `tps` is tokens a second of one device.
"""

import json
import re
from pathlib import Path
from typing import Any

from supernode_opt.logs import arguments
from supernode_opt.logs.log import Log, whole

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(
    r"(?<!validate )step:\s*(\d+)\s+loss:.*?\btps:\s*([\d,]+)"
    r"(?:\s+tflops:|\s+mfu:|\s*$)",
    re.M,
)
_BATCH = re.compile(
    r"local batch size (\d+), global batch size (\d+),"
    r"(?: gradient accumulation steps \d+,)? sequence length (\d+)"
)
_MESH = re.compile(r"Building \d-D device mesh with \[([^\]]*)\], \[([^\]]*)\]")
_WORDED_MESH = re.compile(r"Building device mesh with parallelism: (.*)")
_MODEL = re.compile(r"Model (\S+ \S+) size: ([\d,]+) total parameters")
_DEVICE = re.compile(r"(?:CUDA|GPU|HIP|NPU|XPU) capacity: (.+?) with [\d.]+GiB memory")
_RECOMPUTE = re.compile(r"Applied (\w+) activation checkpointing")
_ARGUMENTS = re.compile(r"Running with (?:args|configs?): (\{)")


def fits(text: str) -> bool:
    """Tell whether a text looks like such a log."""
    return "tps:" in text and _STEP.search(_COLOUR.sub("", text)) is not None


def read(path: Path, text: str) -> Log:
    """Read a log of torchtitan."""
    text = _COLOUR.sub("", text)
    cells, model = arguments.titan(_options(text))
    assumed: list[str] = []
    sizes = _mesh(text)
    cells |= _plan(sizes)
    batch = _BATCH.search(text)
    if batch:
        cells |= {"mbs": batch[1], "gbs": batch[2], "seq_len": batch[3]}
    local = cells.pop("local_batch", "")
    if local and not batch:
        cells.setdefault("mbs", local)
    if sizes.get("pp", 1.0) > 1.0 and cells.pop("mbs", ""):
        # With stages the local batch is cut further, into as many as the schedule has.
        assumed.append("micro-batch left open: torchtitan cuts the local batch")
    device = _DEVICE.search(text)
    if device:
        cells["accelerator"] = device[1].strip()
    named = _MODEL.search(text)
    cells |= _applied(text, cells, assumed)
    rates = tuple(
        (int(s[1]), float(s[2].replace(",", ""))) for s in _STEP.finditer(text)
    )
    return Log(
        path,
        "torchtitan log",
        {"stack": "torchtitan", **cells},
        model=named[1] if named else model,
        parameters=float(named[2].replace(",", "")) if named else None,
        rates=rates,
        assumed=tuple(assumed),
    )


def _options(text: str) -> dict[str, Any]:
    """Return the options that newer releases print as JSON."""
    found = _ARGUMENTS.search(text)
    if not found:
        return {}
    try:
        options, _ = json.JSONDecoder().raw_decode(text, found.start(1))
    except (ValueError, RecursionError):
        return {}
    return dict(arguments.flat(options))


def _mesh(text: str) -> dict[str, float]:
    """Return the sizes of the device mesh by their names."""
    plain, worded = _MESH.search(text), _WORDED_MESH.search(text)
    if plain:
        names = re.findall(r"\w+", plain[1])
        return dict(zip(names, map(float, re.findall(r"\d+", plain[2])), strict=False))
    if worded:
        pairs = re.findall(r"(\w+)=(\d+)", worded[1])
        return {name: float(size) for name, size in pairs}
    return {}


def _plan(sizes: dict[str, float]) -> dict[str, str]:
    """Return the split, the number of accelerators and the sharding of a mesh."""
    if not sizes:
        return {}
    shard = sizes.get("dp_shard", sizes.get("dp", 1.0))
    copies = sizes.get("dp_replicate", 1.0)
    ways = [sizes.get(name, 1.0) for name in ("tp", "pp", "cp")]
    cells = {n: whole(w) for n, w in zip(("tp", "pp", "cp"), ways, strict=True)}
    if sizes.get("ep", 1.0) > 1.0:
        cells["ep"] = whole(sizes["ep"])
    chips = shard * copies * ways[0] * ways[1] * ways[2]
    spread = f"FSDP2 x{shard:.0f}" if copies == 1.0 else f"HSDP group {shard:.0f}"
    cells["fsdp_or_zero"] = spread if shard > 1.0 else "none"
    return {**cells, "n_accel": whole(chips)}


def _applied(text: str, cells: dict[str, str], assumed: list[str]) -> dict[str, str]:
    """Return what was applied to the model: recompute, precision, compiler."""
    found: dict[str, str] = {}
    said = _RECOMPUTE.search(text)
    if "recompute" not in cells:
        found["recompute"] = said[1].lower() if said else "none"
        if found["recompute"] == "selective":
            found["recompute"] = "selective op"
            assumed.append("selective recompute is that of operators, the default")
        elif not said:
            assumed.append("nothing is recomputed: the log applies nothing")
    if re.search(r"mxfp8", text, re.I):
        found["precision"] = "MXFP8"
    elif re.search(r"float8 .*active|Swapped to Float8|Float8 training", text, re.I):
        found["precision"] = "FP8"
    else:
        found["precision"] = "BF16"
        assumed.append("precision BF16: the log names no other")
    if re.search(r"with torch\.compile|Compiling (each|the) ", text):
        found["other_config"] = "torch.compile"
    return found
