"""Judged rows as labelled arrays, ready for a file and for figures."""

import importlib.metadata
import json

import numpy as np
import xarray

from supernode_opt.calibration.serving.judge import Judged, family, value
from supernode_opt.calibration.serving.posterior import QUANTITIES
from supernode_opt.calibration.serving.tables import name_of

# What quantities are called, and their units.
WORDS = {
    "tpot": ("time per output token", "s"),
    "ttft": ("time to the first token", "s"),
    "rate": ("tokens per second and chip", "token/s"),
}


def dataset(seen: Judged) -> xarray.Dataset:
    """Return one entry per measured quantity of every row."""
    found: dict[str, list] = {name: [] for name in ("name", "row")}
    columns: dict[str, list] = {
        name: []
        for name in ("predicted", "measured", "deviation", "baseline", "roofline")
    }
    quantities = []
    for name in QUANTITIES:
        told, real = value(seen, name), seen.measured[name]
        for i in np.flatnonzero(np.isfinite(told) & np.isfinite(real)):
            quantities.append(WORDS[name][0])
            found["row"].append(int(i))
            found["name"].append(f"{seen.jobs[i].name} {name}")
            columns["predicted"].append(float(told[i]))
            columns["measured"].append(float(real[i]))
            columns["deviation"].append(float(seen.deviation[name][i]))
            columns["baseline"].append(float(seen.baseline[name][i]))
            columns["roofline"].append(float(seen.roofline[name][i]))
    jobs = [seen.jobs[i] for i in found["row"]]
    labels = {
        "quantity": quantities,
        "family": [family(job) for job in jobs],
        "machine": [job.machine for job in jobs],
        "model": [job.called for job in jobs],
        "stack": [job.stack for job in jobs],
        "phase": [job.phase for job in jobs],
        "source": [job.source for job in jobs],
    }
    return xarray.Dataset(
        {
            **{name: ("run", np.asarray(x, float)) for name, x in columns.items()},
            **{name: ("run", np.asarray(x, dtype=str)) for name, x in labels.items()},
            "fitted": ("run", seen.fitted[found["row"]].astype(np.int8)),
        },
        coords={"run": np.asarray(found["name"], dtype=str)},
        attrs={
            "kind": "serving",
            "version": importlib.metadata.version("supernode-opt"),
            "refused": json.dumps([[name_of(row), why] for row, why in seen.refused]),
        },
    )
