"""Results of benchmarks of servers, as rows of a table of machines that serve.

Read are the JSON of `vllm bench serve`, the JSON lines of SGLang's `bench_serving` and
the results that InferenceX keeps per configuration.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from supernode_opt.logs.log import BadLog, is_number, whole
from supernode_opt.reading.files import read_bytes
from supernode_opt.reading.node import InputError, did_you_mean

_LARGEST = 200_000_000
# Columns of the table, in its order.
COLUMNS = (
    *("id", "source", "model", "params_total_b", "params_active_b"),
    *("weight_precision", "kv_precision", "phase", "chip", "chips", "domain"),
    *("tp", "ep", "dp", "pp", "batch_per_chip", "input_len", "output_len", "mtp"),
    *("tokens_per_s_per_chip", "tpot_ms", "ttft_ms", "other", "confidence", "note"),
    "tok_kind",
)
# What people say on the command line in place of a column.
_OPTIONS = {"chip": "--accelerator NAME", "chips": "--chips COUNT"}
_FRAMEWORKS = {"trt": "trt", "trtllm": "trt", "tensorrt-llm": "trt"}


def fits(path: Path) -> bool:
    """Tell whether a file holds results of a benchmark of a server."""
    try:
        return bool(_results(path))
    except InputError:
        return False


def rows(path: Path, given: Mapping[str, str], name: str) -> list[dict[str, str]]:
    """Return a row per result of a file.

    Args:
      path: of the file.
      given: cells that the user states; they take the place of what the file says.
      name: of the row, numbered where there are several.

    Raises:
      BadLog: something that every row needs is missing; the text names the file.
    """
    for column in given:
        if column not in COLUMNS:
            near = did_you_mean(column, COLUMNS)
            raise BadLog(f"{path}: {column} is no column of a table of serving{near}")
    found = _results(path)
    made = []
    for order, result in enumerate(found):
        own = _inferencex(result) if "tput_per_gpu" in result else _bench(result)
        own["id"] = name if len(found) == 1 else f"{name}-{order + 1}"
        own |= given
        _rated(own, result)
        _complete(path, own)
        made.append({column: own.get(column, "") for column in COLUMNS})
    return made


def text(found: Sequence[Mapping[str, str]]) -> str:
    """Write rows as CSV."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return stream.getvalue()


def _results(path: Path) -> list[dict[str, Any]]:
    """Return the results in a file: one object, a list of them, or one a line."""
    content = read_bytes(path, _LARGEST).decode("utf-8", errors="replace").strip()
    if content[:1] not in ("{", "["):
        return []
    try:
        read = [json.loads(content)]
    except (ValueError, RecursionError):
        try:
            read = [json.loads(line) for line in content.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            return []
    if len(read) == 1 and isinstance(read[0], list):
        read = read[0]
    found = []
    for one in read:
        if not isinstance(one, dict):
            return []
        # InferenceX keeps what was measured below what was run.
        metrics = one.get("metrics")
        one = {**one, **metrics} if isinstance(metrics, dict) else one
        if not _is_result(one):
            return []
        found.append(one)
    return found


def _is_result(one: Mapping[str, Any]) -> bool:
    bench = {"output_throughput", "mean_ttft_ms", "mean_tpot_ms"} <= set(one)
    return bench or {"tput_per_gpu", "isl", "osl"} <= set(one)


def _number(result: Mapping[str, Any], *names: str) -> float | None:
    """Return the first of some fields that is a positive number."""
    for name in names:
        value = result.get(name)
        if is_number(value) and value > 0:
            return float(value)
    return None


def _cell(value: float | None) -> str:
    return "" if value is None else whole(value)


def _bench(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a result of vLLM's or SGLang's benchmark."""
    server = result.get("server_info")
    server = server if isinstance(server, dict) else {}
    sglang = "random_input_len" in result or "total_throughput" in result
    completed = _number(result, "completed")
    lengths = {}
    for way, column in (("input", "input_len"), ("output", "output_len")):
        total = _number(result, f"total_{way}_tokens")
        mean = total / completed if total and completed else None
        lengths[column] = _cell(mean and round(mean, 1))
    under_way = _number(result, "max_concurrency", "concurrency")
    accepted = _number(result, "accept_length")
    model = result.get("model_id") or server.get("model_path") or ""
    backend = str(result.get("backend") or result.get("endpoint_type") or "")
    stack = "sglang" if sglang or "sglang" in backend else "vllm"
    said = f"{stack}; concurrency {whole(under_way)}" if under_way else stack
    drafted = accepted is not None and accepted > 1.0
    return {
        "source": f"benchmark of {stack}",
        "model": str(model),
        "phase": "mixed",
        "tp": _cell(
            _number(result, "tensor_parallel_size") or _number(server, "tp_size")
        ),
        "ep": _cell(_number(server, "ep_size")),
        "dp": _attention(server),
        **lengths,
        "mtp": f"accept {accepted:g} tok/step" if drafted and accepted else "",
        "tpot_ms": _cell(_number(result, "mean_tpot_ms")),
        "ttft_ms": _cell(_number(result, "mean_ttft_ms")),
        "other": said,
        "tok_kind": "out",
    }


def _attention(server: Mapping[str, Any]) -> str:
    """Return the ranks of attention data parallel that a server tells."""
    return _cell(
        _number(server, "dp_size") if server.get("enable_dp_attention") else None
    )


def _inferencex(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a result of InferenceX: latencies in seconds there."""
    framework = str(result.get("framework", "")).lower()
    stack = _FRAMEWORKS.get(framework, framework)
    apart = bool(result.get("disagg"))
    sizes = {name: _number(result, f"num_{name}_gpu") for name in ("prefill", "decode")}
    prefix = "decode_" if apart or "decode_tp" in result else ""
    tensor = _number(result, f"{prefix}tp", "tp")
    spread = str(result.get(f"{prefix}dp_attention", "")).lower() == "true"
    chips = sum(size or 0.0 for size in sizes.values()) if apart else tensor
    said = [stack, f"concurrency {_cell(_number(result, 'conc'))}"]
    if apart:
        pools = ", ".join(f"{n} {_cell(s)} GPU" for n, s in sizes.items())
        said.append(pools)
    drafts = str(result.get("spec_decoding") or result.get("spec_method") or "none")
    hardware = str(result.get("hw") or result.get("hardware") or "")
    found = {
        "source": "InferenceX",
        "model": str(result.get("model", "")),
        "weight_precision": str(result.get("precision", "")),
        "phase": "mixed",
        "chip": hardware.split("-")[0],
        "chips": _cell(chips),
        "tp": "" if apart else ("1" if spread else _cell(tensor)),
        "ep": _cell(_number(result, f"{prefix}ep", "ep")),
        "dp": _cell(tensor) if spread and not apart else "",
        "input_len": _cell(_number(result, "isl")),
        "output_len": _cell(_number(result, "osl")),
        "mtp": "none" if drafts.lower() == "none" else "1 draft",
        "tokens_per_s_per_chip": _cell(_number(result, "tput_per_gpu")),
        "other": "; ".join(said),
        "tok_kind": "total",
    }
    for column, name in (("tpot_ms", "tpot"), ("ttft_ms", "ttft")):
        seconds = _number(result, f"mean_{name}", f"median_{name}")
        found[column] = _cell(seconds and round(1e3 * seconds, 6))
    return found


def _rated(cells: dict[str, str], result: Mapping[str, Any]) -> None:
    """Fill the rate per chip of a benchmark that tells that of all of them."""
    whole_rate = _number(result, "output_throughput")
    if cells.get("tokens_per_s_per_chip") or not whole_rate:
        return
    chips = cells.get("chips")
    if chips:
        cells["tokens_per_s_per_chip"] = f"{whole_rate / float(chips):.6g}"


def _complete(path: Path, cells: Mapping[str, str]) -> None:
    """Refuse a row that lacks what every row needs."""
    needed = ("model", "chip", "chips", "input_len", "output_len")
    missing = [column for column in needed if not cells.get(column)]
    if missing:
        told = [_OPTIONS.get(column, f"--set {column}=...") for column in missing]
        raise BadLog(f"{path}: does not say {', '.join(missing)}: add {' '.join(told)}")
