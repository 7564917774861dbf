"""Made-up results with the variables, units and attributes of stored ones."""

import json

import numpy as np
import pytest
import xarray as xr

from supernode_opt.system.report import COMPARED

STEP = {
    "gemm": 3.1,
    "attention": 0.82,
    "elementwise": 0.35,
    "head": 0.12,
    "launch": 0.018,
    "recompute": 0.61,
    "tensor_parallel": 0.0,
    "context_parallel": 0.0,
    "expert_parallel": 0.74,
    "parameter_gather": 0.011,
    "pipeline_transfer": 0.07,
    "stage_imbalance": 0.21,
    "bubble": 0.55,
    "data_parallel": 0.09,
    "optimizer": 0.06,
    "overhead": 0.02,
    "straggler": 0.15,
}
POWER = {
    "chips": 342e3,
    "hosts": 55e3,
    "network_interfaces": 9.2e3,
    "scale_up_links": 38e3,
    "scale_out_links": 11e3,
    "scale_up_switches": 46e3,
    "scale_out_switches": 14e3,
    "cooling": 12e3,
    "conversion": 24e3,
}
# name: (flop, B, s) of one step on one chip
OPERATORS = {
    "query_key_value": (9e13, 1.1e11, 0.16),
    "attention": (3e14, 2.0e11, 0.82),
    "output": (8e13, 1.0e11, 0.15),
    "router": (4e11, 9.0e9, 0.012),
    "experts": (1.1e15, 2.8e12, 2.6),
    "shared_expert": (9e13, 1.3e11, 0.17),
    "dense_ffn": (1.3e14, 1.2e11, 0.22),
    "norm": (3e11, 2.0e11, 0.14),
    "activation": (4e11, 3.0e11, 0.21),
    "head": (6e13, 5e10, 0.12),
    "optimizer": (2e10, 9e10, 0.06),
}


def _parts(dataset, name, dimension, parts, unit):
    dataset = dataset.assign_coords({dimension: np.array(list(parts), dtype=object)})
    attributes = {"units": unit, "long_name": name.replace("_", " ")}
    dataset[name] = (dimension, list(parts.values()), attributes)
    return dataset


@pytest.fixture
def dataset() -> xr.Dataset:
    """Return one finished study with every figure's numbers."""
    made = xr.Dataset(
        attrs={"objective": "mfu", "chip": "made-up chip", "precision": "bf16"}
    )
    made["step_time"] = ((), sum(STEP.values()), {"units": "s", "long_name": "step"})
    made["mfu"] = ((), 0.412, {"units": "1", "long_name": "mfu"})
    made["chip_peak"] = ((), 752e12, {"units": "flop/s", "long_name": "peak"})
    made["chip_peak_bandwidth"] = ((), 2.7e12, {"units": "B/s", "long_name": "rate"})
    made = _parts(made, "step", "step_part", STEP, "s")
    made = _parts(made, "power_parts", "power_part", POWER, "W")
    made = made.assign_coords(constraint=np.array(["power"], dtype=object))
    made["constraint_limit"] = ("constraint", [559e3])
    made["constraint_at_most"] = ("constraint", [1.0])
    for index, (name, unit) in enumerate((("flops", "flop"), ("bytes", "B"))):
        values = {key: row[index] for key, row in OPERATORS.items()}
        made = _parts(made, f"operator_{name}", "operator", values, unit)
    times = {key: row[2] for key, row in OPERATORS.items()}
    made = _parts(made, "operator_time", "operator", times, "s")
    names = ["chip.hbm_bandwidth", "software.expert_imbalance", "links.lpo.energy"]
    made = made.assign_coords(constant=np.array(names, dtype=object))
    made["elasticity"] = ("constant", [0.31, -0.18, -0.02], {"units": "1"})
    return _with_history(made)


def _with_history(made: xr.Dataset) -> xr.Dataset:
    step = np.arange(0, 600, 10)
    violation = np.maximum(0.8 * np.exp(-step / 70.0) - 2e-3, 0.0)
    names = np.where(step < 150, "memory_fraction", "power")
    names = np.where((step > 250) & (step < 350), "chip_power_fraction", names)
    made = made.assign_coords(iteration=step)
    best = np.where(step < 60, np.nan, 0.412 - 0.2 * np.exp(-step / 110.0))
    made["best_objective"] = (
        "iteration",
        best,
        {"units": "1", "long_name": "best objective"},
    )
    made["worst_violation"] = ("iteration", violation, {"units": "1"})
    made["worst_constraint"] = ("iteration", names.astype(object))
    return made


@pytest.fixture
def validated():
    """Return six rows of two families, one fitted, one outside its range."""
    words = {
        "accelerator": ["A", "A", "A", "A", "B", "B"],
        "chip": ["a_one", "a_one", "a_one", "a_one", "b_two", "b_two"],
        "stack": ["fast", "fast", "fast", "fast", "slow", "slow"],
        "constants": ["fast", "fast", "fast", "fast", "slow", "slow"],
        "family": ["fast A dense"] * 4 + ["slow B MoE"] * 2,
        "grade": ["measured", "near", "near", "near", "untested", "untested"],
    }
    made = xr.Dataset({name: ("run", column) for name, column in words.items()})
    made["predicted"] = "run", np.asarray([1.0, 1.1, 0.9, 1.0, 3.0, 1.2])
    made["measured"] = "run", np.ones(6)
    made["deviation"] = "run", np.full(6, 0.1)
    made["fitted"] = "run", np.asarray([1, 0, 0, 0, 0, 0], np.int8)
    made["judged"] = "run", np.asarray([0, 1, 1, 1, 1, 1], np.int8)
    for name in ("chips", "tensor_parallel", "pipeline_parallel", "expert_parallel"):
        made[name] = "run", np.asarray([8.0, 16.0, 8.0, 8.0, 1.0, 2.0])
    made["known_chip"] = "place", ["a_one", "b_two", "b_two"]
    made["known_stack"] = "place", ["fast", "slow", "old"]
    made["runs_fitted"] = "place", [1.0, 0.0, 1234.0]
    made["runs_judged"] = "place", [3.0, 2.0, 0.0]
    return made


@pytest.fixture
def peaks():
    made = xr.Dataset({"stack": ("run", ["core", "core", "core", "eager"])})
    made["predicted"] = "run", np.asarray([10e9, 20e9, 30e9, 80e9])
    made["measured"] = "run", np.asarray([11e9, 19e9, np.nan, np.nan])
    made["fit_probability"] = "run", np.asarray([0.99, 0.98, 0.05, 0.5])
    made["ran"] = "run", np.asarray([1.0, 0.0, 0.0, np.nan])
    return made


@pytest.fixture
def crossed():
    """Return a made-up map: 32 and 64 across, energies up, equal at 10 pJ/b of 64."""
    up = np.geomspace(1.0, 100.0, 21) * 8e-12
    axes = ("across", "up")
    ratio = np.stack([np.full(21, 0.9), np.geomspace(1.2, 1.0 / 1.2, 21)])
    kept = np.ones((2, 21), np.int8)
    kept[1, -4:] = 0
    made = xr.Dataset(
        {
            "tokens_per_joule": (axes, ratio, {"units": "token/J"}),
            "ratio": (axes, ratio),
            "kept": (axes, kept),
            "rival_kept": (
                ("rival_across", "up"),
                np.repeat(np.array([[1], [0]], np.int8), 21, axis=1),
            ),
            "catalog": ("known", np.array([10.0, 7.5, 12.5]) * 8e-12),
            "crossing": ("across", np.array([np.nan, 80e-12])),
            "crossing_low": ("across", np.array([0.0, 40e-12])),
            "crossing_high": ("across", np.array([0.0, np.inf])),
        },
        coords={
            "across": ("across", [32.0, 64.0], {"long_name": "scale_up_domain"}),
            "up": ("up", up, {"long_name": "links.lpo.energy"}),
            "rival_across": [32.0, 64.0],
            "machine": np.array(["light", "metal"], dtype=object),
        },
        attrs={
            "quantity": "tokens_per_joule",
            "sign": 1.0,
            "own_unit": "pJ/b",
            "factor": 8e-12,
            "across_own_unit": "1",
            "across_factor": 1.0,
            "marks": json.dumps({"cpo": 48e-12, "dsp": 160e-12, "sr8": 168e-12}),
        },
    )
    return made


@pytest.fixture
def compared():
    """Return two machines in two precisions, the second of which fits nothing."""
    axes = ("precision", "model", "system")
    value = np.array([[[0.5, np.nan]], [[0.7, np.nan]]])
    made = xr.Dataset(
        coords={
            "precision": ["bf16", "fp8"],
            "model": ["llama3_8b"],
            "system": ["one", "two"],
        }
    )
    for name in COMPARED:
        made[name] = (axes, value)
        made[f"{name}_low"] = (axes, 0.9 * value)
        made[f"{name}_high"] = (axes, 1.2 * value)
    trained = np.array([[["bf16", "bf16"]], [["bf16", "fp8"]]], dtype=object)
    made["trained_in"] = (axes, trained)
    return made


@pytest.fixture
def gemms():
    rows = {
        "predicted_time": [1e-5, 2e-4, 3e-3, 4e-3],
        "measured_time": [1.1e-5, 2e-4, 2.9e-3, 8e-3],
        "predicted_power": [600.0, 690.0, 690.0, 1000.0],
        "measured_power": [250.0, 690.0, np.nan, 990.0],
        "limit": [700.0, 700.0, 700.0, 1000.0],
        "series": ["h200_sxm bf16", "h200_sxm bf16", "h200_sxm bf16", "b200 bf16"],
        "regime": ["brief", "capped", "capped", "capped"],
        "held_out": [1, 1, 1, 0],
    }
    return xr.Dataset({name: ("gemm", np.asarray(v)) for name, v in rows.items()})


@pytest.fixture
def inverted() -> xr.Dataset:
    """Return a constant from 0.1 to 10 whose square has to be 4; the catalog has 1."""
    along = np.geomspace(0.1, 10.0, 21)
    return xr.Dataset(
        {
            "tokens_per_s": (
                ("system", "constant"),
                along[None] ** 2 * 1e5,
                {"units": "token/s"},
            ),
            "at_solution": ("system", [4e5]),
            "solution": ((), 2.0),
            "catalog": ("known", [1.0, 0.01, 100.0]),
        },
        coords={
            "system": np.array(["gb200_nvl72"], dtype=object),
            "constant": ("constant", along, {"long_name": "facility.pue"}),
        },
        attrs={
            "quantity": "tokens_per_s",
            "target": 4e5,
            "found": 1,
            "stepped": 0,
            "own_unit": "",
            "factor": 1.0,
        },
    )


@pytest.fixture
def calibrated() -> xr.Dataset:
    """Return three constants: one moved, one within its range, one of no value."""
    names = ["gemm_efficiency", "launch_time", "pipeline_exposed"]
    return xr.Dataset(
        {
            "value": ("calibrated", [0.9, 3.3e-6, 0.1]),
            "standard_error": ("calibrated", [0.01, 1e-6, 0.01]),
            "before": ("calibrated", [0.6, 3e-6, 0.0]),
        },
        coords={"calibrated": np.array(names, dtype=object)},
        attrs={"kind": "calibration", "of": "runs", "platform": "mindspeed_910c"},
    )


@pytest.fixture
def measured() -> xr.Dataset:
    """Return a machine whose streams a fit tells by a tenth too slow."""
    time = np.geomspace(1e-6, 1e-2, 9)
    made = xr.Dataset({"stream_time": ("stream", time)})
    made["stream_predicted"] = "stream", 1.1 * time
    return made.assign_attrs(name="my_machine")
