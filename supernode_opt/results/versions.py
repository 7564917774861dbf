"""Which program made a result: versions of what it rests on and its own commit."""

import datetime
import importlib.metadata
import json
import platform
import subprocess
from pathlib import Path

PACKAGES = ("supernode-opt", "jax", "jaxlib", "optax", "numpy", "scipy", "xarray")


def stamp() -> dict[str, str]:
    """Return when and by which program a result is made, as attributes of it."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    commit = git_commit()
    return {"created": now, "versions": json.dumps(versions()), "git_commit": commit}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_commit() -> str:
    """Return the commit of the checkout this package runs from, else "unknown"."""
    root = Path(__file__).resolve().parents[2]
    # An installed copy may lie inside somebody else's repository.
    if not (root / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(root), "rev-parse", "--verify", "-q", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return answer.stdout.strip() or "unknown"
