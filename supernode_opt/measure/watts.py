"""Watts of the device under test, where its driver reports them.

NVIDIA: `nvidia-smi`, sampled by one background process.  CPUs under Linux: the RAPL
energy counters, where the system lets them be read.  Elsewhere no watts are reported.
"""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

_PERIOD_MS = 50
POWERCAP = Path("/sys/class/powercap")


class Meter(Protocol):
    """A source of watts.

    Attributes:
      name: of the driver interface.
      limit: power limit that the driver enforces, `None` if it names none [W].
      least: shortest window over which it averages honestly [s].
    """

    name: str
    limit: float | None
    least: float

    def start(self) -> None:
        """Begin a window."""

    def stop(self) -> float | None:
        """End the window and return its mean power, `None` if unknown [W]."""


class Rapl:
    """Package energy counters of an x86 CPU; see `Meter`."""

    name = "RAPL"
    least = 0.05

    def __init__(self, packages: list[Path]) -> None:
        """Meter the sum of these powercap zones, one per package."""
        self._packages = packages
        limits = [_number(zone / "constraint_0_power_limit_uw") for zone in packages]
        named = [limit for limit in limits if limit]
        self.limit = sum(named) / 1e6 if len(named) == len(packages) else None
        self._began = 0.0
        self._before: list[float | None] = []

    def _energies(self) -> list[float | None]:
        return [_number(zone / "energy_uj") for zone in self._packages]

    def start(self) -> None:
        """Begin a window."""
        self._before, self._began = self._energies(), time.perf_counter()

    def stop(self) -> float | None:
        """Return mean power since `start`, `None` if a counter failed [W]."""
        seconds, joules = time.perf_counter() - self._began, 0.0
        pairs = zip(self._packages, self._before, self._energies(), strict=True)
        for zone, before, after in pairs:
            if before is None or after is None:
                return None
            if after < before:
                after += _number(zone / "max_energy_range_uj") or 0.0
            joules += (after - before) / 1e6
        return joules / seconds if seconds >= self.least and joules > 0.0 else None


class NvidiaSmi:
    """Samples of one GPU's power; see `Meter`."""

    name = "nvidia-smi"
    # Boards average over about a second; the second half of a window is used.
    least = 1.2

    def __init__(self, device: Any, limit: float | None) -> None:
        """Start the background process that samples `device`."""
        self.limit = limit
        self._samples: list[tuple[float, float]] = []
        self._began = 0.0
        words = [*_query(device, "power.draw"), f"--loop-ms={_PERIOD_MS}"]
        if shutil.which("stdbuf"):
            # Samples must arrive one by one, not in blocks.
            words = ["stdbuf", "-oL", *words]
        self._process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            with contextlib.suppress(ValueError):
                self._samples.append((time.perf_counter(), float(line)))

    def start(self) -> None:
        """Begin a window."""
        self._samples.clear()
        self._began = time.perf_counter()

    def stop(self) -> float | None:
        """Return the mean of the window's second half, `None` if too short [W]."""
        now = time.perf_counter()
        if now - self._began < self.least:
            return None
        half = 0.5 * (self._began + now)
        late = [watts for seconds, watts in list(self._samples) if seconds >= half]
        return sum(late) / len(late) if late else None

    def close(self) -> None:
        """End the background process."""
        self._process.terminate()
        self._process.wait(timeout=10)
        self._listener.join(timeout=10)
        if self._process.stdout:
            self._process.stdout.close()


@contextlib.contextmanager
def meter_of(device: Any, powercap: Path = POWERCAP) -> Iterator[Meter | None]:
    """Give the meter of a JAX device, `None` where no driver reports watts."""
    if device.platform == "cpu":
        zones = sorted(powercap.glob("intel-rapl:[0-9]"))
        readable = bool(zones) and all(_number(z / "energy_uj") for z in zones)
        yield Rapl(zones) if readable else None
        return
    if device.platform not in ("gpu", "cuda") or smi(device, "power.draw") is None:
        yield None
        return
    meter = NvidiaSmi(device, smi(device, "power.limit"))
    try:
        yield meter
    finally:
        meter.close()


def gpu_index(device: Any) -> str:
    """Return how `nvidia-smi` knows a JAX device."""
    ordinal = getattr(device, "local_hardware_id", None) or 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    named = [name.strip() for name in visible if name.strip()]
    return named[ordinal] if ordinal < len(named) else str(ordinal)


def _query(device: Any, field: str) -> list[str]:
    wanted = [f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    return ["nvidia-smi", "-i", gpu_index(device), *wanted]


def smi(device: Any, field: str) -> float | None:
    """Ask `nvidia-smi` for one number of a device, `None` if it has no answer."""
    if shutil.which("nvidia-smi") is None:
        return None
    words = _query(device, field)
    try:
        answer = subprocess.run(words, capture_output=True, text=True, timeout=20)
        return float(answer.stdout.strip())
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
