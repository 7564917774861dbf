"""The measurement as one labelled dataset: points, times, noise, fits, provenance."""

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt.measure import attention, collectives, gemm, memory, training
from supernode_opt.measure.findings import Findings, summary
from supernode_opt.measure.journal import Entry, Journal
from supernode_opt.results.versions import git_commit
from supernode_opt.units import label

# Units of sizes; the others are counts or words.
_UNITS = {"bytes": "B"}
# Fields of a timing by the name of their column, with words and unit.
_COLUMNS = {
    "time": ("seconds", "median time of one call", "s"),
    "noise": ("noise", "relative error of the median", ""),
    "spread": ("spread", "relative spread of samples", ""),
    "waited": ("waited", "share of waiting for a core", ""),
    "samples": ("samples", "samples", ""),
    "calls": ("calls", "calls per sample", ""),
    "power": ("watts", "mean power", "W"),
}
# Which fit predicts the points of a section.
_FITS = {
    memory.SECTION: "memory",
    attention.SECTION: "attention",
    collectives.SECTION: "collective",
}


def dataset(found: Findings, journal: Journal, notes: Sequence[str]) -> xr.Dataset:
    """Gather what was measured; each section has a dimension of its own points."""
    header = journal.header
    made = xr.Dataset(
        attrs={
            "name": header["name"],
            "created": header["created"],
            "seed": header["seed"],
            "quick": int(header["quick"]),
            "device": json.dumps(dataclasses.asdict(found.device)),
            "versions": json.dumps(header["versions"]),
            "git_commit": git_commit(),
            "fits": json.dumps(summary(found)),
            "notes": json.dumps(list(notes)),
            "spent_s": journal.spent,
        }
    )
    for section, entries in found.entries.items():
        made = _with(made, section, entries, _predicted(found, section, entries))
    for precision, rate in found.rates.items():
        made[f"best_rate_{precision}"] = _variable((), rate, "best GEMM rate", "flop/s")
    made["best_stream"] = _variable((), found.stream, "best streaming rate", "B/s")
    return made


def _predicted(found: Findings, section: str, entries: Sequence[Entry]) -> np.ndarray:
    """Return what the fits say of every point, NaN where none does [entry] [s]."""
    times = np.full(len(entries), math.nan)
    if section == gemm.SECTION:
        names = np.asarray([str(entry.sizes["precision"]) for entry in entries])
        for precision in set(names) & set(found.fits):
            times[names == precision] = found.fits[precision].predicted
    elif section == "launch" and "launch" in found.fits:
        chains = np.asarray([entry.sizes["what"] == "chain" for entry in entries])
        times[chains] = found.fits["launch"].predicted
    elif _FITS.get(section) in found.fits:
        times[:] = found.fits[_FITS[section]].predicted
    return times


def _with(
    made: xr.Dataset, section: str, entries: Sequence[Entry], predicted: np.ndarray
) -> xr.Dataset:
    dimension = (f"{section}_point",)
    for size in entries[0].sizes:
        values = [entry.sizes[size] for entry in entries]
        made[f"{section}_{size}"] = _variable(
            dimension, values, size, _UNITS.get(size, "")
        )
    timings = [entry.timing for entry in entries if entry.timing is not None]
    for name, (field, words, unit) in _COLUMNS.items():
        values = np.asarray([getattr(timing, field) for timing in timings], float)
        made[f"{section}_{name}"] = _variable(dimension, values, words, unit)
    if section != training.SECTION:
        name = f"{section}_predicted"
        made[name] = _variable(dimension, predicted, "time of the fit", "s")
    return made


def _variable(
    dimensions: tuple[str, ...], values: Any, words: str, unit: str
) -> xr.Variable:
    about = {"units": unit or "1", "long_name": label(words, "")}
    array = np.asarray(values)
    if array.dtype.kind in "US":
        return xr.Variable(dimensions, array.astype(object), about)
    return xr.Variable(dimensions, array.astype(float), about)
