"""What a result dataset says, as plain values: the object that `--json` prints."""

from pathlib import Path
from typing import Any

import xarray as xr

from supernode_opt.reading import dataset as datasets
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.results import manifest, publish, served, sound, store
from supernode_opt.system.report import FACTS, SCALARS
from supernode_opt.units import parse

_PARTS = {
    "breakdown": "step",
    "power_breakdown": "power_parts",
    "chip_power_breakdown": "chip_parts",
    "memory_breakdown": "memory_parts",
    "cost_breakdown": "cost_parts",
    "failure_breakdown": "failure_parts",
}
# Of a machine that serves, its passes of prefill as well.
_SERVING_PARTS = {"prefill_breakdown": "prefill_step"}
_DESIGN = "design_"
# What a person is told first of every result, and of one whose machine serves: there a
# step is no more than a step of decode, and MFU is that of each phase.
HEADLINE = tuple(n for n, facts in FACTS.items() if facts.headline and n in SCALARS)
SERVING_HEADLINE = (
    "output_tokens_per_s",
    "output_tokens_per_s_per_chip",
    "ttft",
    "tpot",
    "user_tokens_per_s",
    "cache_capacity",
    "memory",
    "fit_probability",
    "power",
    "average_power",
    "tokens_per_joule",
    "junction_temperature",
    "cost",
    "cost_per_chip_hour",
    "goodput",
    "cost_per_megatoken",
    "cost_per_input_megatoken",
)
# Totals that are printed with the parts they are the sum of.
TOTALS = {name: facts.parts for name, facts in FACTS.items() if facts.parts}


def headline(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the names of the quantities that people are told first of a result."""
    return HEADLINE if served.requests(dataset) is None else SERVING_HEADLINE


def load(path: Path) -> xr.Dataset:
    """Read the design in the folder or file `path`.

    Raises:
      StudyError: there is none, or the file is not one that `run` wrote.
    """
    file = path / "design.nc" if path.is_dir() else path
    if path.is_dir():
        publish.tidy(path)
    if not file.is_file():
        raise StudyError(f"{file}: there is no such result")
    try:
        vouched = manifest.vouches(file)
    except manifest.Damaged as error:
        raise StudyError(str(error)) from None
    opened = datasets.read(file, vouched)
    check(opened, file)
    return opened


def check(opened: xr.Dataset, file: Path) -> None:
    """Refuse a dataset, read from `file`, that is no design.

    Raises:
      StudyError: it is none, or damaged.
    """
    if not {"study", "objective", "status"} <= opened.attrs.keys():
        raise StudyError(f"{file}: is not a result of `supernode-opt`")
    try:
        sound.check_requests(opened)
        sound.check(opened, _parts(opened).values(), headline(opened), TOTALS)
    except sound.Unsound as error:
        raise StudyError(f"{file}: cannot be read as a result: {error}") from None


def summary(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the result as one JSON object, in SI; what is not a number is null.

    `breakdown` holds the parts of `step_time_s`, and so on.
    """
    name = dataset.attrs["objective"]
    made = {
        "study": question(dataset)["name"],
        "status": store.note(dataset, "status"),
        "message": store.note(dataset, "message"),
        "objective": _number(dataset, name),
        "objective_name": name,
        "precision": dataset.attrs.get("precision"),
        **{
            facts.key: _number(dataset, name, _offset(facts.key))
            for name, facts in FACTS.items()
            if facts.key and (name in SCALARS or name in dataset)
        },
        "design": design(dataset),
        "constraints": constraints(dataset),
        **{key: parts(dataset, part) for key, part in _parts(dataset).items()},
        "report": {
            name: _number(dataset, name)
            for name in map(str, dataset.data_vars)
            if not dataset[name].dims and not name.startswith((_DESIGN, "chip_peak"))
        },
    }
    made |= {name: store.note(dataset, name) for name in store.NOTES[2:]}
    made["extremes"] = store.note(dataset, "extremes") or []
    made["elasticities"] = elasticities(dataset)
    made["assumed"] = store.note(dataset, "assumed") or []
    made["evidence"] = store.note(dataset, "evidence")
    made["regret"] = store.note(dataset, "regret")
    made["robustness"] = store.note(dataset, "robustness")
    made["subject"] = dataset.attrs.get("subject")
    made["intervals"] = {
        name: {"low": store.plain(low), "high": store.plain(high)}
        for name, (low, high) in intervals(dataset).items()
    }
    made["narrows_step_time"] = store.note(dataset, "narrows")
    return made | {"seed": int(dataset.attrs["seed"])}


def question(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the resolved study that the result answers."""
    return document.parse(dataset.attrs["study"], "study").plain()


def asked(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what the study says of each design field, bounds as numbers in SI."""
    found = dict(question(dataset)["design"])
    for name, bounds in found.items():
        if isinstance(bounds, dict) and f"design_{name}" in dataset:
            unit = dataset[f"design_{name}"].attrs["units"]
            # Bounds far from the catalog are written with their unit.
            found[name] = {
                word: parse(bound, unit) if isinstance(bound, str) else bound
                for word, bound in bounds.items()
            }
    return found


def stated(dataset: xr.Dataset) -> tuple[str, ...] | None:
    """Return the paths that the user's own file or command gave.

    `None` where a result does not say: of an older version, or changed by hand.
    """
    known = question(dataset).get("provenance")
    names = known.get("user") if isinstance(known, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) else None


def design(dataset: xr.Dataset) -> dict[str, float | str]:
    """Return the built values by name, SI or the name of an alternative."""
    names = [n for n in map(str, dataset.data_vars) if n.startswith(_DESIGN)]
    return {name.removeprefix(_DESIGN): dataset[name].item() for name in names}


def constraints(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """Return the state of every constraint, in the order of the result."""
    columns = {"name": dataset["constraint"].values.tolist()}
    for field in ("value", "limit", "margin", "multiplier"):
        columns[field] = store.plain(dataset[f"constraint_{field}"].values)
    for field in ("at_most", "tight"):
        columns[field] = dataset[f"constraint_{field}"].values.astype(bool).tolist()
    columns["unit"] = dataset["constraint_unit"].values.tolist()
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def intervals(dataset: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Return the 5-95 % range of each quantity, SI; none in results of old versions."""
    if "interval_low" not in dataset:
        return {}
    ends = (dataset[f"interval_{end}"].values.tolist() for end in ("low", "high"))
    names = map(str, dataset["quantity"].values)
    return dict(zip(names, zip(*ends, strict=True), strict=True))


def elasticities(dataset: xr.Dataset) -> dict[str, float | None]:
    """Return d ln objective / d ln constant of an optimum, largest first [1]."""
    if "elasticity" not in dataset:
        return {}
    return store.plain(dataset["elasticity"].to_series().to_dict())


def _parts(dataset: xr.Dataset) -> dict[str, str]:
    serves = served.requests(dataset) is not None
    return _PARTS | (_SERVING_PARTS if serves else {})


def parts(dataset: xr.Dataset, name: str) -> dict[str, float | None]:
    """Return the named parts of a total."""
    return store.plain(dataset[name].to_series().to_dict())


def _offset(key: str) -> float:
    """Return what is added to SI for a key that names its unit."""
    return -273.15 if key.endswith("_celsius") else 0.0


def _number(dataset: xr.Dataset, name: str, offset: float = 0.0) -> float | None:
    return store.plain(float(dataset[name]) + offset) if name in dataset else None
