"""A made-up result with the variables, units and attributes of a stored one."""

import numpy as np
import pytest
import xarray as xr

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
