"""Copies of the tree, in which tests run and faults are planted."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = ("results", "dist", "build")


@dataclass(frozen=True)
class Outcome:
    """How a run of pytest ended.

    Attributes:
      code: its exit status; 124 where it ran past its time.
      seconds: how long it took [s].
      first: the first test that failed, or what was said at the end.
    """

    code: int
    seconds: float
    first: str


def copy(root: Path, to: Path) -> None:
    """Copy what tests read; nothing compiled, no environment, no results."""

    def skipped(folder: str, names: list[str]) -> set[str]:
        top = Path(folder) == root
        drop = {n for n in names if n.startswith(".") or n == "__pycache__"}
        return drop | ({n for n in names if n in _SKIPPED} if top else set())

    shutil.copytree(root, to, ignore=skipped)


def pytest(
    tree: Path, files: list[str], limit: float, *more: str, **env: str
) -> Outcome:
    """Run test files of `tree`, up to the first failure and for `limit` seconds."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-p", "no:xdist", *more, *files]
    around = dict(os.environ, PYTHONPATH=str(tree), PYTHONDONTWRITEBYTECODE="1", **env)
    begun = time.monotonic()
    try:
        ended = subprocess.run(
            command,
            cwd=tree,
            env=around,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(124, time.monotonic() - begun, "ran past its time")
    said = (ended.stdout + ended.stderr).strip().splitlines() or [""]
    failed = [line for line in said if line.startswith(("FAILED", "ERROR"))]
    first = (failed or said[-1:])[0]
    return Outcome(ended.returncode, time.monotonic() - begun, first)
