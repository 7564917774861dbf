"""What a sweep found, as one JSON object."""

import json
from typing import Any

import numpy as np
import xarray as xr


def best(dataset: xr.Dataset) -> tuple[dict[str, Any], float] | None:
    """Return the feasible point with the best objective, `None` if none is feasible."""
    name = dataset.attrs["objective"]
    if name not in dataset:
        return None
    values = np.where(dataset["feasible"].values, dataset[name].values, np.nan)
    if np.isnan(values).all():
        return None
    most = dataset.attrs["sense"] == "maximize"
    find = np.nanargmax if most else np.nanargmin
    place = np.unravel_index(int(find(values)), values.shape)
    index = dict(zip(dataset[name].dims, place, strict=True))
    at = dataset.isel(index)
    axes = json.loads(dataset.attrs["sweep"])
    return {axis: at[axis].item() for axis in axes}, float(values[place])


def summary(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what a sweep found as plain values."""
    found = best(dataset)
    counts = _reasons(dataset)
    name = dataset.attrs["objective"]
    return {
        "points": int(dataset["legal"].size),
        "legal": int(dataset["legal"].sum()),
        "feasible": int(dataset["feasible"].sum()),
        "reasons": counts,
        "evaluations": int(dataset.attrs["evaluations"]),
        "objective": name,
        "best": None if found is None else {"at": found[0], name: found[1]},
        "subject": dataset.attrs["subject"],
        "dimensions": {str(k): int(v) for k, v in dataset.sizes.items()},
        "quantities": [
            str(n) for n, v in dataset.data_vars.items() if v.dtype == float
        ],
    }


def _reasons(dataset: xr.Dataset) -> dict[str, int]:
    words = dataset["reason"].attrs["flag_meanings"].split()
    counts = np.bincount(dataset["reason"].values.ravel(), minlength=len(words))
    named = zip(words[1:], counts[1:], strict=False)
    return {word: int(count) for word, count in named if count}
