"""What compiled programs depend on beside their arguments, in one string."""

import functools
import hashlib
import importlib
import os
import pkgutil
import platform
import sys
from pathlib import Path

import jax

_ROOT = Path(__file__).parents[1]
# Rooms whose functions are traced.
_PURE = tuple(f"supernode_opt.{room}" for room in ("hardware", "workload", "system"))
_PLAIN = {bool, int, float, str, tuple}
# Settings of JAX that shape programs.
_SETTINGS = (
    "jax_default_matmul_precision",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
)


def identity() -> str:
    """Return what the package, JAX and the machine are, as one string.

    Machine code of one processor may not run on another that shares its home folder.
    """
    told = [_lasting(), *_in_memory()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _in_memory() -> list[str]:
    """Return what the modules of the package define now.

    Who replaces a constant or a function, to see what it changes, asks for another
    program.
    """
    found = []
    for module in _traced():
        if members := sys.modules.get(module):
            for name, value in vars(members).items():
                if code := getattr(value, "__code__", None):
                    place = f"{code.co_filename}:{code.co_firstlineno}"
                    found.append(f"{module}.{name} is {place}")
                elif type(value) in _PLAIN and not name.startswith("__"):
                    found.append(f"{module}.{name} = {value!r}")
    return found


@functools.cache
def _traced() -> tuple[str, ...]:
    """Import the modules whose functions are traced, and return their names.

    All of them, or a program would be another one to a process that needed fewer.
    """
    names = ["supernode_opt.smooth"]
    for room in _PURE:
        folder = importlib.import_module(room).__path__
        names += [one.name for one in pkgutil.walk_packages(folder, f"{room}.")]
    for name in names:
        importlib.import_module(name)
    return tuple(names)


@functools.cache
def _lasting() -> str:
    """Return what does not change while the process runs."""
    import jaxlib

    device = jax.devices()[0]
    told = [
        jax.__version__,
        jaxlib.__version__,
        platform.python_version(),
        device.platform,
        device.device_kind,
        device.client.platform_version,
        os.environ.get("XLA_FLAGS", ""),
        *(str(getattr(jax.config, name, None)) for name in _SETTINGS),
        _processor(),
        *_sources(_ROOT),
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _sources(folder: Path) -> list[str]:
    """Return name, size and time of every file of the package."""
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            seen = os.stat(os.path.join(path, name))
            found.append(f"{path}/{name} {seen.st_size} {seen.st_mtime_ns}")
    return found


def _processor() -> str:
    """Return what the processor can do, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return platform.processor()
    wanted = ("flags", "features", "model name")
    return "\n".join(
        dict.fromkeys(line for line in lines if line.lower().startswith(wanted))
    )
