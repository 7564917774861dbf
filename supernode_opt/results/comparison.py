"""A comparison as one JSON object, from its dataset alone."""

import itertools
import json
from typing import Any

import xarray as xr

from supernode_opt.results import store
from supernode_opt.results.telling.comparison import DIMENSIONS, ENDS, compared


def summary(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the comparison as one JSON object, in SI; what is no number is null."""
    axes = (dataset[name].values for name in DIMENSIONS)
    places = (dict(zip(DIMENSIONS, at, strict=True)) for at in itertools.product(*axes))
    conditions = json.loads(dataset.attrs["conditions"])
    narrows = json.loads(dataset.attrs["measure_next"])
    claims = [
        {
            "sentence": one["claim_sentence"].item(),
            "verdict": one["claim_word"].item(),
            "share": one["claim_share"].item(),
            "ratio": _range(one, "claim_ratio"),
            "conditions": conditions[i],
            "measure_next": narrows[i],
        }
        for i in range(dataset.sizes.get("claim", 0))
        for one in [dataset.isel(claim=i)]
    ]
    return store.plain(
        {
            **{key: dataset.attrs[key] for key in ("name", "seed", "draws")},
            "machines": [_machine(dataset.sel(at)) for at in places],
            "claims": claims,
        }
    )


def _range(one: xr.Dataset, name: str) -> dict[str, float]:
    return {key: one[name + end].item() for key, end in ENDS.items()}


def _machine(one: xr.Dataset) -> dict[str, Any]:
    words = ("system", "model", "precision", "trained_in", "status", "evidence")
    made: dict[str, Any] = {key: one[key].item() for key in words}
    made["splits"] = int(one["splits"])
    made |= {name: _range(one, name) for name in compared(one)}
    names = [n for n in map(str, one.data_vars) if n.startswith("design_")]
    design = {name.removeprefix("design_"): one[name].item() for name in names}
    return made | {"design": design if made["status"] == "feasible" else {}}
