"""One result, one labelled file: xarray in memory, netCDF on disk.

The dataset holds every number that a figure or an explanation shows, with its unit, and
in its attributes the resolved question, seed and versions that produced it.  An old
file therefore plots and explains itself without the model.
"""

import dataclasses
import io
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from supernode_opt.record import get, is_record
from supernode_opt.results import manifest, served, worth
from supernode_opt.results.versions import stamp
from supernode_opt.system.report import Report, parts, scalars
from supernode_opt.units import label, quantities, quantity_of

if TYPE_CHECKING:
    # Results are read without the model.
    from supernode_opt.search.solution import ConstraintState, Solution
    from supernode_opt.system.scenario import Scenario

# What a solution says of itself that is neither design nor report.
NOTES = ("status", "message", "certificate", "prices", "alternatives")
NOTES += ("relaxation", "evaluations", "wall_s")
# What else a search says, which results of older versions lack.
MORE_NOTES = ("extremes",)
OPERATOR_UNITS = {"flops": "flop", "bytes": "B", "time": "s"}


def to_dataset(
    study: str,
    design: Mapping[str, float | str],
    scenario: "Scenario",
    report: Report,
    *,
    seed: int = 0,
    objective: str = "mfu",
    constraints: Sequence["ConstraintState"] = (),
    history: Mapping[str, Any] | None = None,
    operators: Mapping[str, Any] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Gather one evaluated or optimized design in a labelled dataset.

    Args:
      study: the resolved question as YAML text.
      design: the built values by name, SI or the name of a choice.
      scenario: what was given, freed constants applied.
      report: the exact report of `design`, all fields scalars.
      seed: of the random starts.
      objective: the report field that was sought.
      constraints: the state of every constraint at `design`.
      history: arrays `step`, `best_objective`, `worst_violation`, `worst_constraint`.
      operators: arrays `name`, `flops` [flop], `bytes` [B], `time` [s].
      notes: anything else that JSON can hold, one attribute each.
    """
    import jax

    from supernode_opt.system.scenario import precision_of

    # netCDF has only numbers and strings for attributes.
    told = {name: json.dumps(plain(value)) for name, value in (notes or {}).items()}
    known = {"study": study, "seed": int(seed), "objective": objective}
    device = jax.devices()[0].device_kind
    # Put together once: a dataset that grows is copied for every variable.
    made: dict[str, xr.Variable] = {}
    for name in scalars(scenario):
        unit = quantity_of(Report, name).unit
        made[name] = _variable((), float(getattr(report, name)), name, unit)
    for name, dimension in parts(scenario).items():
        whole = getattr(report, name)
        names = [field.name for field in dataclasses.fields(whole)]
        values = [float(getattr(whole, part)) for part in names]
        made[dimension] = _names(dimension, names)
        unit = quantity_of(type(whole), names[0]).unit
        made[name] = _variable((dimension,), values, name, unit)
    for name, value in _told(design, scenario).items():
        unit = _design_unit(name, scenario)
        made[f"design_{name}"] = _variable((), value, name, unit)
    made |= _chip(scenario)
    made |= _constraints(constraints)
    made |= _operators(operators or {})
    if history and len(history["step"]):
        sought = made[objective].attrs["units"] if objective in made else "1"
        made |= _history(history, sought)
    about = {
        "chip": scenario.chip.name,
        "model": scenario.model.name,
        "precision": precision_of(scenario),
        **served.attributes(scenario),
    }
    return xr.Dataset(
        made, attrs={**known, **stamp(), "device": device, **told, **about}
    )


def from_solution(
    study: str,
    solution: "Solution",
    *,
    seed: int,
    objective: str,
    operators: Mapping[str, Any] | None = None,
    assumed: Sequence[str] = (),
    evidence: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Gather what `optimize` found; see `to_dataset` for the arguments.

    `assumed` is what the study does not say and was taken from usual practice, and
    `evidence` are the measured runs behind the answer.
    """
    dataset = to_dataset(
        study,
        solution.design,
        solution.scenario,
        solution.report,
        seed=seed,
        objective=objective,
        constraints=solution.constraints,
        history=solution.history,
        operators=operators,
        notes={
            **{name: getattr(solution, name) for name in NOTES + MORE_NOTES},
            "prices": [price.sentence for price in solution.prices],
            "assumed": list(assumed),
            "evidence": evidence,
        },
    )
    return dataset.assign(worth.variables(solution, objective))


def save(dataset: xr.Dataset, path: Path | str) -> Path:
    """Write `dataset` as netCDF; an interrupted write leaves the old file whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    try:
        # Through memory: a full disk must not meet the HDF5 library.
        Path(temporary).write_bytes(dataset.to_netcdf(engine="h5netcdf"))
        # mkstemp makes files private; results are for everyone the folder is for.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def load(path: Path | str) -> xr.Dataset:
    """Read a dataset that `save` wrote, whole.

    Raises:
      Damaged: the manifest beside it says otherwise.
      OSError, ValueError, KeyError, RuntimeError: it is no such file.
    """
    content = io.BytesIO(manifest.content(Path(path)))
    # Times stay floats in seconds: xarray would make some of them time deltas.
    with xr.open_dataset(content, engine="h5netcdf", decode_times=False) as opened:
        return opened.load()


def note(dataset: xr.Dataset, name: str) -> Any:
    """Return the note `name` of `dataset` as it was given, `None` if there is none."""
    text = dataset.attrs.get(name)
    return None if text is None else json.loads(text)


def _variable(
    dimensions: tuple[str, ...], value: Any, name: str, unit: str
) -> xr.Variable:
    words = {"units": unit or "1", "long_name": label(name, "")}
    kind = object if isinstance(value, str) else float
    # As it is: a look at what else it might be imports Dask where that is installed.
    array = np.asarray(value, dtype=kind)
    return xr.Variable(dimensions, array, words, fastpath=True)


def _names(dimension: str, names: Sequence[str]) -> xr.Variable:
    return xr.Variable((dimension,), np.array(names, dtype=object), fastpath=True)


def _told(
    design: Mapping[str, float | str], scenario: "Scenario"
) -> Mapping[str, float | str]:
    """Return the design without what it has of training alone, where it serves."""
    from supernode_opt.system.design import TRAINING_ALONE

    if scenario.serving is None:
        return design
    return {k: v for k, v in design.items() if k not in TRAINING_ALONE}


def _design_unit(name: str, scenario: "Scenario") -> str:
    """Return the unit of a design field or of a freed constant such as `chip.tdp`."""
    from supernode_opt.system.design import EVERY_CHOICE, EVERY_NUMBER, holder_of

    if name in EVERY_CHOICE:
        return ""
    if name in EVERY_NUMBER:
        return quantity_of(holder_of(name), name).unit
    owner, _, last = name.rpartition(".")
    holder = get(scenario, owner) if owner else scenario
    # `data_parallel` is no field of its own: it follows from the others.
    known = is_record(holder) and hasattr(holder, last)
    return quantity_of(type(holder), last).unit if known else ""


def _chip(scenario: "Scenario") -> dict[str, xr.Variable]:
    """Return the roofs of the chip: dense peak, and memory rate when streaming."""
    chip = scenario.chip
    peak = served.nominal_peak(scenario)
    memory = chip.hbm_bandwidth * chip.hbm_efficiency
    return {
        "chip_peak": _variable((), peak, "nominal dense peak", "flop/s"),
        "chip_peak_bandwidth": _variable(
            (), memory, "streaming memory bandwidth", "B/s"
        ),
    }


def _constraints(constraints: Sequence["ConstraintState"]) -> dict[str, xr.Variable]:
    names = [state.name for state in constraints]
    # Each constraint has a unit of its own, that of the report field it bounds.
    known = dict(quantities(Report))
    units = [known[name].unit if name in known else "" for name in names]
    made = {
        "constraint": _names("constraint", names),
        "constraint_unit": _names("constraint", units),
    }
    for field in ("value", "limit", "margin", "multiplier", "at_most", "tight"):
        # None becomes NaN.
        values = np.array([getattr(state, field) for state in constraints], dtype=float)
        made[f"constraint_{field}"] = xr.Variable("constraint", values, fastpath=True)
    return made


def _operators(operators: Mapping[str, Any]) -> dict[str, xr.Variable]:
    if not operators:
        return {}
    made = {"operator": _names("operator", [str(name) for name in operators["name"]])}
    for name, unit in OPERATOR_UNITS.items():
        made[f"operator_{name}"] = _variable(
            ("operator",), operators[name], f"operator {name}", unit
        )
    return made


def _history(history: Mapping[str, Any], unit: str) -> dict[str, xr.Variable]:
    """Return the course of the descent; `unit` is the objective's."""
    steps = np.asarray(history["step"], dtype=int)
    made = {"iteration": xr.Variable("iteration", steps, fastpath=True)}
    for name, unit_of in (("best_objective", unit), ("worst_violation", "1")):
        made[name] = _variable(("iteration",), history[name], name, unit_of)
    worst = [str(name) for name in history["worst_constraint"]]
    return made | {"worst_constraint": _names("iteration", worst)}


def plain(value: Any) -> Any:
    """Turn numpy and JAX values into what strict JSON can hold; NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return value
    if is_record(value):
        return plain(vars(value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    number = float(value)
    return number if math.isfinite(number) else None
