"""A user's fitted platform as a file beside its catalog entry; rows read as its own.

The entry has the numbers of its constants; how they hang together, and the noise of the
rows, are what intervals need as well.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.calibration.data.interpret import Job, Read, interpret_all
from supernode_opt.calibration.data.platforms import Platform, platform_of
from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.evidence.distance import SIZES, Point
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.constants import NAMES
from supernode_opt.calibration.step_time.fit import family_of
from supernode_opt.calibration.step_time.posterior import Posterior
from supernode_opt.catalog.own import OWN_CATALOG
from supernode_opt.reading.node import InputError, did_you_mean

FILE = "posterior.json"
# The first fields of a platform, in their order.
_STATED = ("name", "family", "stack", "base", "notes")
# What is said of the point of a row, beside its sizes.
_TOLD = ("chip", "kind", "precision", "adapters")


class Known(NamedTuple):
    """A platform, and what was fitted of it."""

    platform: Platform
    posterior: Posterior


def text(platform: Platform, posterior: Posterior) -> str:
    """Write a platform with all of its posterior as JSON."""
    size = len(posterior.mean)
    # Zero has one sign.
    lower = posterior.covariance[np.tril_indices(size)] + 0.0
    written: dict[str, Any] = {
        **{name: getattr(platform, name) for name in _STATED},
        "constants": [name for name, _, _ in posterior.names],
        "mean": posterior.mean.tolist(),
        "covariance": lower.tolist(),
        "noise": posterior.noise,
        "rows": list(posterior.rows),
        "points": [_plain(one) for one in posterior.points],
    }
    return json.dumps(written, indent=1) + "\n"


def _plain(one: Point) -> dict[str, Any]:
    """Return what a platform does not say of a point already, as JSON's values."""
    told = {name: getattr(one, name) for name in _TOLD}
    return told | {"sizes": dict(zip(SIZES, one.sizes, strict=True))}


def _point(found: dict[str, Any], stack: str) -> Point:
    """Read what `_plain` wrote."""
    chip, kind, precision = (str(found[name]) for name in _TOLD[:3])
    sizes = tuple(float(found["sizes"][name]) for name in SIZES)
    if not all(np.isfinite(size) and size > 0.0 for size in sizes):
        raise ValueError("runs of no size")
    adapters = bool(found["adapters"])
    return Point(chip, family_of(chip), stack, kind, precision, adapters, sizes)


def read(path: Path) -> Known:
    """Read what `text` wrote.

    Raises:
      InputError: it is something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        names = tuple((name, "shared", "") for name in found["constants"])
        mean = np.asarray(found["mean"], float)
        lower = np.zeros((len(names), len(names)))
        lower[np.tril_indices(len(names))] = found["covariance"]
        covariance = lower + lower.T - np.diag(np.diag(lower))
        platform = Platform(*(str(found[name]) for name in _STATED))
        noise = {str(kind): float(size) for kind, size in found["noise"].items()}
        whole = np.isfinite(mean).all() and np.isfinite(covariance).all()
        # Files of older versions do not say where their rows lie.
        told = found.get("points", [])
        points = tuple(_point(one, platform.name) for one in told)
        if points and len(points) != len(found["rows"]):
            raise ValueError("other rows than points")
        unknown = {name for name, _, _ in names} - set(NAMES)
        if not whole or len(mean) != len(names) or unknown:
            raise ValueError("constants that this version does not know")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is no posterior of a platform ({error})") from None
    rows = tuple(found["rows"])
    return Known(platform, Posterior(names, mean, covariance, rows, noise, points))


def behind(software: str) -> Posterior | None:
    """Return what was fitted of the user's own software, `None` where nothing was.

    Its entry and its posterior are in one of the user's own folders.

    Raises:
      InputError: its file cannot be used.
    """
    if platform_of(software) is not None:
        return None
    named = os.environ.get(OWN_CATALOG, "").split(os.pathsep)
    for folder in reversed([one for one in named if one.strip()]):
        path = Path(folder) / FILE
        if path.is_file():
            known = _kept(path, path.stat().st_mtime_ns)
            if known.platform.name == software:
                return known.posterior
    return None


@functools.lru_cache(maxsize=8)
def _kept(path: Path, _: int) -> Known:
    return read(path)


def folder_of(name: str) -> Path:
    """Return the folder that `calibrate` writes a platform to if none is given."""
    return Path("results") / f"calibration_{name}"


def _files(name: str) -> list[Path]:
    """Return the posteriors in the user's own catalog, the last folder first.

    Then that which a calibration called `name` wrote here.
    """
    named = os.environ.get(OWN_CATALOG, "").split(os.pathsep)
    folders = [folder_of(name), *(Path(one) for one in named if one.strip())]
    paths = [folder / FILE for folder in folders]
    return [path for path in reversed(paths) if path.is_file()]


def find(name: str) -> Known:
    """Return the platform called `name`: the user's own, or one that is shipped.

    Raises:
      InputError: there is none, or its file cannot be used.
    """
    own = [read(path) for path in _files(name)]
    for known in own:
        if known.platform.name == name:
            return known
    platform = platform_of(name)
    if platform is not None:
        return Known(platform, shipped.posterior())
    names = [known.platform.name for known in own]
    near = did_you_mean(name, names)
    folders = os.environ.get(OWN_CATALOG) or "not set"
    raise InputError(
        f"--platform: no calibration on runs wrote {name!r}{near}"
        f" ({OWN_CATALOG} is {folders})"
    )


def read_as(platform: Platform, runs: Sequence[Run]) -> Read:
    """Read runs on chips of a platform's family as runs of its stack.

    Others are refused, for the platform says nothing of them.
    """
    own = [dataclasses.replace(run, cells=_named(run, platform)) for run in runs]
    found = interpret_all(own)
    kept = tuple(job for job in found.jobs if _matches(job, platform))
    other = "its chip is not of the platform's family, " + platform.family
    left = [(job.run, other) for job in found.jobs if not _matches(job, platform)]
    return Read(kept, (*found.refused, *left))


def _named(run: Run, platform: Platform) -> dict[str, str]:
    cells = {k: v for k, v in run.cells.items() if k != "scenario.stack"}
    return {**cells, "stack": platform.documented.name}


def _matches(job: Job, platform: Platform) -> bool:
    return family_of(job.chip) == platform.family
