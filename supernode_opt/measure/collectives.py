"""Collectives over the local devices, in the sizes that benchmarks of libraries use.

`bytes` means what nccl-tests mean by it: the buffer of an all-reduce and of an
all-to-all, the gathered result of an all-gather, the input of a reduce-scatter.
"""

from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from supernode_opt.measure.devices import Bench, Device
from supernode_opt.measure.plan import Point, Speed, required, spread_out
from supernode_opt.measure.timing import Timing, measure

SECTION = "collective"
OPERATIONS = ("all_reduce", "all_gather", "reduce_scatter", "alltoall")
# Passes of every byte over a rank's port, in units of (n - 1) / n buffers.
PASSES = {"all_reduce": 2.0, "all_gather": 1.0, "reduce_scatter": 1.0, "alltoall": 1.0}
_SIZES = tuple(4.0**power for power in range(7, 15))  # 16 KiB to 256 MiB
_FEW = 5e9  # rate that decides how long a size may take before any is known [B/s]


def points(device: Device, speed: Speed, quick: bool) -> list[Point]:
    """Offer operations, sizes and group sizes; nothing on a single device."""
    if device.count < 2:
        return []
    groups = sorted({2, device.count})
    most = 1e6 if quick else 0.05 * device.usable
    grid = [
        Point(
            SECTION,
            {"operation": operation, "devices": group, "bytes": int(size)},
            1e-4 + PASSES[operation] * size / _FEW,
        )
        for group in groups
        for size in _SIZES
        if size <= most
        for operation in OPERATIONS
    ]
    chosen = spread_out(grid, 10 if quick else 40)
    return required(chosen, 4)


def run(point: Point, bench: Bench) -> Timing:
    """Time one operation on the first so many devices."""
    program, operand = prepare(point, bench)
    return measure(lambda: program(operand), bench.window)


def prepare(point: Point, bench: Bench) -> tuple[Any, Any]:
    """Compile one operation; return the program and what it works on.

    The operand is sharded over the devices; so is the result, except that of an
    all-gather, which every device holds whole.
    """
    group, operation = int(point.sizes["devices"]), str(point.sizes["operation"])
    mesh = Mesh(np.asarray(bench.local[:group]), ("rank",))
    sharded, gathered = PartitionSpec("rank"), operation == "all_gather"
    # Numbers per rank: of the buffer, or of a rank's part of the gathered result.
    length = max(int(point.sizes["bytes"]) // 4 // group * group, group)
    per_rank = length // group if gathered else length
    body = jax.shard_map(
        _bodies(group)[operation],
        mesh=mesh,
        in_specs=sharded,
        out_specs=PartitionSpec() if gathered else sharded,
        check_vma=False,
    )
    host = np.asarray(bench.operand((1024,), np.float32))
    operand = jax.device_put(
        np.resize(host, group * per_rank), NamedSharding(mesh, sharded)
    )
    return jax.jit(body).lower(operand).compile(), operand


def _bodies(group: int) -> dict[str, Any]:
    def exchange(x: Any) -> Any:
        return lax.all_to_all(x.reshape(group, -1), "rank", 0, 0).reshape(-1)

    return {
        "all_reduce": lambda x: lax.psum(x, "rank"),
        "all_gather": lambda x: lax.all_gather(x, "rank", tiled=True),
        "reduce_scatter": lambda x: lax.psum_scatter(x, "rank", tiled=True),
        "alltoall": exchange,
    }
