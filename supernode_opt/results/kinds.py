"""The kinds of saved results: how each is called, opened, and what it says."""

import importlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from supernode_opt.reading import dataset as datasets
from supernode_opt.reading.node import StudyError
from supernode_opt.results import comparison, manifest, outcome, publish, store
from supernode_opt.results.telling.parts import Part


class Kind(NamedTuple):
    """A kind of saved result.

    Attributes:
      file: with its dataset, in the folder of the result.
      signs: variables, dimensions or attributes that tell a dataset of it apart from
        those of kinds further down.
      teller: module of `results.telling` that says what it says.
      words: what people call it.
      verb: command that answers the question, "" where there is none.
      document: what the question is called in the folder, "" where there is none.
    """

    file: str
    signs: tuple[str, ...]
    teller: str
    words: str
    verb: str = ""
    document: str = ""


_VALIDATION = "validation"
KINDS = {
    "design": Kind(
        "design.nc",
        ("objective", "status", "step"),
        "design",
        "design",
        "run",
        "study.yaml",
    ),
    "joint": Kind(
        "joint.nc",
        ("weight", "own_gap", "over"),
        "joint",
        "joint design",
        "run",
        "study.yaml",
    ),
    "comparison": Kind(
        "comparison.nc",
        ("claim_ratio", "trained_in"),
        "comparison",
        "comparison",
        "compare",
        "compare.yaml",
    ),
    "crossover": Kind(
        "crossover.nc",
        ("rival", "crossing"),
        "crossover",
        "crossover",
        "crossover",
        "crossover.yaml",
    ),
    "inversion": Kind(
        "inversion.nc",
        ("solution", "known"),
        "inversion",
        "inversion",
        "invert",
        "invert.yaml",
    ),
    "front": Kind(
        "front.nc",
        ("point", "is_knee", "hypervolume"),
        "front",
        "front",
        "pareto",
        "study.yaml",
    ),
    "sweep": Kind(
        "sweep.nc", ("sweep", "subject"), "sweep", "sweep", "sweep", "study.yaml"
    ),
    "sensitivity": Kind(
        "sensitivity.nc",
        ("quantity", "elasticity", "total"),
        "sensitivity",
        "sensitivity",
        "sensitivity",
        "study.yaml",
    ),
    "calibration": Kind(
        "calibration.nc", ("calibrated", "platform"), "calibration", "calibration"
    ),
    "measurement": Kind(
        "measurement.nc", ("best_stream", "fits"), "measurement", "measurement"
    ),
    "collectives": Kind(
        "validation.nc",
        ("measured_bandwidth", "library"),
        _VALIDATION,
        "validation of collectives",
    ),
    "memory": Kind(
        "validation.nc",
        ("fit_probability", "measured"),
        _VALIDATION,
        "validation of memory",
    ),
    "serving": Kind(
        "validation.nc",
        ("measured", "roofline", "phase"),
        _VALIDATION,
        "validation of serving",
    ),
    "validation": Kind(
        "validation.nc", ("deviation", "measured"), _VALIDATION, "validation of runs"
    ),
    "gemm": Kind(
        "gemm.nc", ("measured_time", "held_out"), _VALIDATION, "validation of GEMMs"
    ),
}


def kind_of(dataset: xr.Dataset) -> str | None:
    """Return which kind of result a dataset is, `None` for none of them."""
    names = {*map(str, dataset.variables), *map(str, dataset.dims), *dataset.attrs}
    said = dataset.attrs.get("kind")
    known = [said] if said in KINDS else KINDS
    return next((k for k in known if {*KINDS[k].signs} <= names), None)


def load(path: Path) -> tuple[str, xr.Dataset]:
    """Read the result in the folder or file `path`; return its kind as well.

    Raises:
      StudyError: there is none, or the file is not one that a command wrote.
    """
    file = _file(path)
    try:
        vouched = manifest.vouches(file)
    except manifest.Damaged as error:
        raise StudyError(str(error)) from None
    opened = datasets.read(file, vouched)
    kind = kind_of(opened)
    if kind is None:
        raise StudyError(f"{file}: is not a result of `supernode-opt`")
    if kind == "design":
        outcome.check(opened, file)
    return kind, opened


def _file(path: Path) -> Path:
    """Return the file with the dataset of the result at `path`."""
    if path.is_dir():
        publish.tidy(path)
        names = dict.fromkeys(kind.file for kind in KINDS.values())
        found = next((path / n for n in names if (path / n).is_file()), None)
        if found is None:
            raise StudyError(f"{path}: there is no result in this folder")
        return found
    if not path.is_file():
        raise StudyError(f"{path}: there is no such result")
    return path


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a result of any kind says, part by part.

    Args:
      dataset: the result.
      everything: whether what is long is told in full.

    Raises:
      StudyError: it is no result, or what it says cannot be read.
    """
    kind = kind_of(dataset)
    if kind is None:
        raise StudyError("the dataset is not a result of `supernode-opt`")
    home = f"supernode_opt.results.telling.{KINDS[kind].teller}"
    teller = importlib.import_module(home)
    try:
        return teller.told(dataset, everything)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if kind == "design":
            # Designs are checked where they are read, so that this is a fault of ours.
            raise
        wrong = f"{type(error).__name__}: {error}"
        words = KINDS[kind].words
        raise StudyError(f"cannot be read as a {words}: {wrong[:200]}") from error


def summary(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what a result of any kind says as one JSON object.

    Kinds without an object of their own give the parts of what they say.

    Raises:
      StudyError: it is no result, or what it says cannot be read.
    """
    kind = kind_of(dataset)
    if kind == "design":
        return outcome.summary(dataset)
    if kind == "comparison":
        return comparison.summary(dataset)
    for name in ("summary", "answer"):
        if name in dataset.attrs:
            return json.loads(dataset.attrs[name])
    return {"kind": kind, "parts": [part.plain() for part in told(dataset) if part]}


def command(dataset: xr.Dataset) -> str:
    """Return the command that answers the saved question again, "" if there is none."""
    kind = KINDS[str(kind_of(dataset))]
    verb = kind.verb
    # Nothing was searched where nothing was free.
    if verb == "run" and not store.note(dataset, "certificate"):
        verb = "evaluate"
    return f"supernode-opt {verb} {kind.document}" if verb else ""
