"""The local devices, as far as drivers and the operating system describe them."""

import dataclasses
import functools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from supernode_opt import catalog
from supernode_opt.measure.watts import Meter, smi

# Device kinds whose data sheets the catalog holds: (pattern, chip, system).
_KNOWN = (
    (r"NVIDIA A100-SXM4-40GB", "a100_sxm_40gb", "hgx_a100_40gb"),
    (r"NVIDIA A100-SXM4-80GB", "a100_sxm_80gb", "dgx_a100"),
    (r"NVIDIA H100 80GB HBM3", "h100_sxm", "dgx_h100"),
    (r"NVIDIA H200", "h200_sxm", "hgx_h200"),
    (r"NVIDIA H800", "h800_sxm", "hgx_h800"),
    (r"NVIDIA B200", "b200", "hgx_b200"),
    (r"NVIDIA B300( SXM6 AC)?", "b300", "hgx_b300"),
    (r"NVIDIA GB200", "gb200", "gb200_nvl72"),
    (r"NVIDIA GB300", "gb300", "gb300_nvl72"),
    (r"TPU v4", "tpu_v4", "tpu_v4_pod"),
    (r"TPU v5 lite|TPU v5e", "tpu_v5e", "tpu_v5e_pod"),
    (r"TPU v5p?", "tpu_v5p", "tpu_v5p_pod"),
    (r"TPU v6 lite|TPU v6e", "tpu_v6e", "tpu_v6e_pod"),
    (r"AMD Instinct MI300X", "mi300x", "hgx_mi300x"),
    (r"AMD Instinct MI325X", "mi325x", "hgx_mi325x"),
)
# The catalog system whose parts stand where nothing is known of a device.
_ALIKE = {"cpu": "dgx_a100", "gpu": "dgx_h100", "tpu": "tpu_v5e_pod"}
# First NVIDIA architecture with FP8 tensor cores (Ada).
_FLOAT8_CAPABILITY = 8.9
# Larger than the last-level cache of any accelerator (MI300X: 256 MiB).
_ACCELERATOR_CACHE = 256 * 2**20
_CPU_CACHE = 32 * 2**20


@dataclasses.dataclass(frozen=True)
class Device:
    """What is measured.

    Attributes:
      kind: what the driver calls one device; the processor's name for a CPU.
      platform: "cpu", "gpu" or "tpu".
      count: local devices.
      memory: of one device [B].
      memory_source: who says so.
      usable: what programs may allocate on one device [B].
      cache: last-level cache, or a bound on it [B].
      float8: whether there is an FP8 unit.
      chip: catalog chip with its data sheet, "" if it is not recognised.
      alike: catalog system whose parts stand for what cannot be measured.
    """

    kind: str
    platform: str
    count: int
    memory: float
    memory_source: str
    usable: float
    cache: float
    float8: bool
    chip: str
    alike: str

    @property
    def slug(self) -> str:
        """The kind as an identifier."""
        return re.sub(r"\W+", "_", self.kind.lower()).strip("_") or "device"

    @property
    def words(self) -> str:
        """The devices in words, for sources and messages."""
        many = f"{self.count} x " if self.count > 1 else ""
        return f"{many}{self.kind}"


def recognise(kind: str) -> tuple[str, str]:
    """Return the catalog chip and system of a device kind, "" twice if unknown.

    >>> recognise("NVIDIA H100 80GB HBM3")
    ('h100_sxm', 'dgx_h100')
    """
    for pattern, chip, system in _KNOWN:
        if re.fullmatch(pattern, kind.strip()):
            return chip, system
    return "", ""


def describe(devices: Sequence[Any], alike: str = "") -> Device:
    """Describe JAX's local devices, all of one kind.

    What cannot be measured is as in catalog system `alike`; by default the recognised
    device's own, else one of the same platform.
    """
    first, count = devices[0], len(devices)
    platform = first.platform if first.platform in _ALIKE else "gpu"
    chip, system = recognise(first.device_kind)
    kind, cache = first.device_kind, _ACCELERATOR_CACHE
    if platform == "cpu":
        kind, cache = _processor(), _last_level_cache()
    memory, source, usable = _memory(first, platform, count)
    return Device(
        kind=kind,
        platform=platform,
        count=count,
        memory=memory,
        memory_source=source,
        usable=usable,
        cache=cache,
        float8=platform != "cpu" and _float8(first, chip),
        chip=chip,
        alike=alike or system or _ALIKE[platform],
    )


def _float8(device: Any, chip: str) -> bool:
    if chip:
        return catalog.load("chip", chip).peak_fp8 > 0.0
    try:
        return float(getattr(device, "compute_capability", 0.0)) >= _FLOAT8_CAPABILITY
    except (TypeError, ValueError):
        return False


def _memory(device: Any, platform: str, count: int) -> tuple[float, str, float]:
    """Return the size of one device's memory [B], who says so, and what is free."""
    if platform == "cpu":
        size = _system_memory() / count
        return size, "operating system", 0.5 * size
    statistics = device.memory_stats() or {}
    limit = float(statistics.get("bytes_limit", 0.0))
    # JAX reserves three quarters of a GPU unless told otherwise.
    size = smi(device, "memory.total")
    if size:
        return size * 2**20, "nvidia-smi", limit or 0.7 * size * 2**20
    if limit:
        return limit, "JAX memory statistics", limit
    return 8e9, "", 8e9


def _system_memory() -> float:
    size = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limit = _first_line(Path("/sys/fs/cgroup/memory.max"))
    return min(size, float(limit)) if limit.isdigit() else size


def _processor() -> str:
    """Return name and usable cores of the CPU."""
    name, cores = "CPU", os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Processor") and value.strip():
            name = " ".join(value.split())
            break
    return f"{name}, {cores} cores"


def _last_level_cache() -> float:
    sizes = [float(_CPU_CACHE)] if not Path("/sys").exists() else []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        found = re.fullmatch(r"(\d+)([KMG])", _first_line(path))
        if found:
            sizes.append(float(found[1]) * 1024.0 ** ("KMG".index(found[2]) + 1))
    return max(sizes, default=float(_CPU_CACHE))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _first_line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


# Random numbers repeat after so many; more would only take time to draw.
_BLOCK = 1 << 20
_MOST_SETS = 64


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where points are measured: JAX's `local` devices, with `window` a point [s].

    The `seed` is the operands'; `quick` measures only as much as a test needs.
    """

    device: Device
    local: tuple[Any, ...]
    seed: int
    window: float
    quick: bool = False
    meter: Meter | None = None

    @functools.cached_property
    def _block(self) -> np.ndarray:
        normal = np.random.default_rng(self.seed).standard_normal(_BLOCK)
        return normal.astype(np.float32)

    def operand(self, shape: tuple[int, ...], dtype: Any, turn: int = 0) -> Any:
        """Put random normal numbers on the first device; `turn` shifts them."""
        block = np.roll(self._block, 977 * turn).astype(dtype)
        return jax.device_put(np.resize(block, shape), self.local[0])

    def sets(self, size: float) -> int:
        """How many operand sets of `size` [B] keep a cache from holding them all."""
        cold = min(2.0 * self.device.cache, 0.1 * self.device.usable)
        return int(min(max(cold / size, 1.0), _MOST_SETS))
