"""Tables of what was measured: GEMMs, collectives, and runs as `calibrate` reads them.

The columns are those of public measurements, so that what reads those reads these.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from supernode_opt.calibration.data.runs import shipped
from supernode_opt.measure import collectives, gemm, training
from supernode_opt.measure.decoder import HEAD
from supernode_opt.measure.findings import Findings
from supernode_opt.measure.journal import Entry
from supernode_opt.measure.plan import Point
from supernode_opt.measure.timing import DISTURBED

GEMM = (
    "system",
    "gemm_dtype",
    "m",
    "n",
    "k",
    "latency_ms",
    "tflops",
    "power_w",
    "power_limit_w",
    "source",
    "weights_in_turn",
)
COLLECTIVE = ("system", "op_name", "num_gpus", "bytes", "latency_ms", "source")


def tables(found: Findings, name: str, origin: str) -> dict[str, str]:
    """Return tables of system `name` by file name, every row from source `origin`."""
    exchanged = found.entries.get(collectives.SECTION, ())
    runs = [
        _run(number, entry, found.fused, name, origin)
        for number, entry in enumerate(found.entries.get(training.SECTION, ()))
    ]
    return {
        "gemm.csv": _text(GEMM, _gemms(found, name, origin)),
        "collectives.csv": _text(COLLECTIVE, _collectives(exchanged, name, origin)),
        "runs.csv": _text(tuple(shipped()[0].cells), runs),
    }


def _text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _seconds(entry: Entry) -> float:
    assert entry.timing is not None, "only points with a time are kept"
    return entry.timing.seconds


def _gemms(found: Findings, name: str, origin: str) -> Iterable[dict[str, Any]]:
    """Yield the precisions that a chip has peaks of; the dataset holds the others."""
    for entry in found.entries.get(gemm.SECTION, ()):
        sizes, seconds = entry.sizes, _seconds(entry)
        if sizes["precision"] not in ("bfloat16", "fp8"):
            continue
        watts = entry.timing.watts if entry.timing else None
        yield {
            "system": name,
            "gemm_dtype": sizes["precision"],
            **{side: sizes[side] for side in "mnk"},
            "latency_ms": f"{1e3 * seconds:.6g}",
            "tflops": f"{2e-12 * sizes['m'] * sizes['n'] * sizes['k'] / seconds:.5g}",
            "power_w": "" if watts is None else f"{watts:.1f}",
            "power_limit_w": "" if found.limit is None else f"{found.limit:.1f}",
            "source": origin,
            "weights_in_turn": f"{entry.work:g}",
        }


def _collectives(
    entries: Sequence[Entry], name: str, origin: str
) -> Iterable[dict[str, Any]]:
    for entry in entries:
        yield {
            "system": name,
            "op_name": entry.sizes["operation"],
            "num_gpus": entry.sizes["devices"],
            "bytes": entry.sizes["bytes"],
            "latency_ms": f"{1e3 * _seconds(entry):.6g}",
            "source": origin,
        }


def _run(
    number: int, entry: Entry, fused: bool, name: str, origin: str
) -> dict[str, Any]:
    """Return a training step as a row of the published runs."""
    sizes, seconds = entry.sizes, _seconds(entry)
    width, devices = sizes["width"], sizes["devices"]
    batch = sizes["batch"] * sizes["micro_batches"] * devices
    rate = batch * sizes["length"] / seconds / devices
    flops = training.token_flops(Point(entry.section, sizes, 0.0))
    disturbed = entry.timing is not None and entry.timing.waited > DISTURBED
    model = f"decoder-{width}x{sizes['layers']}"
    return {
        "run_id": f"{name}-{number + 1:03d}",
        "source": f"supernode-opt measure: {origin}",
        "confidence": "measured, disturbed" if disturbed else "measured",
        "model": model,
        "arch": "dense",
        "layers": sizes["layers"],
        "hidden": width,
        "heads": width // HEAD,
        "kv_heads": width // HEAD,
        "head_dim": HEAD,
        "ffn": training.ffn(width),
        "vocab": sizes["vocabulary"],
        "seq_len": sizes["length"],
        "gbs": batch,
        "mbs": sizes["batch"],
        "accelerator": name,
        "n_accel": devices,
        **{axis: 1 for axis in ("tp", "pp", "vpp", "cp", "ep")},
        "dp": devices,
        "fsdp_or_zero": "none",
        "seq_parallel": "false",
        "recompute": "none",
        "other_config": "flash attention" if fused else "no flash attention",
        "precision": "BF16",
        "task": "pretrain",
        "iter_time_s": f"{seconds:.6g}",
        "iter_time_s_any": f"{seconds:.6g}",
        "iter_time_kind": "measured median",
        "tokens_per_s_per_accel": f"{rate:.6g}",
        "tokens_per_s_per_accel_any": f"{rate:.6g}",
        "tflops_per_accel": f"{rate * flops / 1e12:.6g}",
        "gflop_per_token_full_attn": f"{flops / 1e9:.6g}",
        "flops_convention_detected": "full attention",
        "completeness": "A",
        "split_group": f"{model}|{name}",
        "usable_for": "calibration",
    }
