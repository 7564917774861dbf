"""A small dataset of every kind of saved result that needs no search."""

import json

import numpy as np
import xarray as xr

from supernode_opt.results.telling.calibration import dataset_of
from tests.results.serving import served

RUNS = ("a", "b", "c", "d")
MEASURED = np.array([1.0, 2.0, 4.0, 8.0])
# Errors of +10, -10, +20 and 0 %.
PREDICTED = MEASURED * np.array([1.1, 0.9, 1.2, 1.0])


def validation():
    names = {
        name: ("run", ["x", "x", "y", "y"])
        for name in ("stack", "accelerator", "chip", "constants", "family")
    }
    sizes = ("chips", "tensor_parallel", "pipeline_parallel", "expert_parallel")
    names |= {name: ("run", np.full(4, 8.0)) for name in sizes}
    names |= {f"known_{name}": ("place", ["x", "y"]) for name in ("chip", "stack")}
    names |= {f"runs_{name}": ("place", [1.0, 2.0]) for name in ("fitted", "judged")}
    return xr.Dataset(
        {
            "predicted": ("run", PREDICTED, {"units": "s"}),
            "measured": ("run", MEASURED, {"units": "s"}),
            # 0.1 holds 10 % and not 20 %: 1.645 x 0.1 < ln 1.2.
            "deviation": ("run", np.full(4, 0.1)),
            "judged": ("run", np.array([1, 1, 1, 0], np.int8)),
            "fitted": ("run", np.array([0, 0, 0, 1], np.int8)),
            "grade": ("run", ["near", "near", "untested", "near"]),
            **names,
        },
        coords={"run": list(RUNS)},
        attrs={"version": "0.1.0", "refused": json.dumps([["e", "no chips"]])},
    )


def memory():
    held = validation()[["predicted", "measured", "stack"]]
    held["spread"] = ("run", np.full(4, 0.1))
    held["fit_probability"] = ("run", np.ones(4))
    held["ran"] = ("run", np.ones(4))
    return held.assign_attrs(refused="[]")


def collectives():
    held = {
        "predicted": ("row", PREDICTED, {"units": "s"}),
        "measured": ("row", MEASURED, {"units": "s"}),
        "baseline": ("row", MEASURED, {"units": "s"}),
        "predicted_bandwidth": ("row", 1e9 / PREDICTED, {"units": "B/s"}),
        "measured_bandwidth": ("row", 1e9 / MEASURED, {"units": "B/s"}),
        "fitted": ("row", np.array([0, 0, 0, 1], np.int8)),
        "machine": ("row", ["dgx"] * 4),
        "library": ("row", ["nccl"] * 4),
        "operation": ("row", ["all_reduce"] * 4),
        "variant": ("row", ["ring"] * 4),
        "ranks": ("row", np.full(4, 8.0)),
        "payload": ("row", np.array([1e6, 1e7, 1e8, 1e9])),
        "items": ("row", np.full(4, 1.0)),
    }
    return xr.Dataset(held)


def gemm():
    held = {
        "predicted_time": ("gemm", PREDICTED, {"units": "s"}),
        "measured_time": ("gemm", MEASURED, {"units": "s"}),
        "predicted_power": ("gemm", PREDICTED * 100.0, {"units": "W"}),
        "measured_power": ("gemm", MEASURED * 100.0, {"units": "W"}),
        "limit": ("gemm", np.full(4, 700.0), {"units": "W"}),
        "series": ("gemm", ["h100 bf16"] * 4),
        "regime": ("gemm", ["large", "large", "small", "small"]),
        "held_out": ("gemm", np.array([1, 1, 1, 0], np.int8)),
        **{side: ("gemm", np.full(4, 4096.0)) for side in "mnk"},
    }
    return xr.Dataset(held)


def calibration(platform="mine"):
    error = {"mape": 0.05, "median": 0.04, "p90": 0.1, "rows": 12}
    return dataset_of(
        "runs",
        {
            "platform": platform,
            "stack": "nemo",
            "family": "hopper",
            "rows": 12,
            "in_sample": error,
            "cross_validated": None,
            "constants": [
                {
                    "name": "gemm_efficiency",
                    "value": 0.8,
                    "standard_error": 0.02,
                    "prior": 0.75,
                    "identified": True,
                }
            ],
            "left_over": [{"says": "dense runs are 4 % slower (12 rows)"}],
            "refused": [{"run_id": "r1", "why": "no chips"}],
        },
    )


def measurement():
    made = xr.Dataset(
        attrs={
            "name": "my_box",
            "created": "2026-01-02T03:04:05+00:00",
            "seed": 0,
            "device": json.dumps({"words": "EPYC", "chip": ""}),
            "versions": json.dumps({"jax": "0.8"}),
            "fits": json.dumps(
                {"memory": {"points": 9, "median_error": 0.05, "p90_error": 0.1}}
            ),
            "notes": json.dumps(["the clock was not held"]),
            "spent_s": 20.0,
        }
    )
    for name, values in (("time", MEASURED), ("predicted", PREDICTED)):
        made[f"gemm_{name}"] = ("gemm_point", values * 1e-3, {"units": "s"})
    made["best_stream"] = ((), 35e9, {"units": "B/s", "long_name": "streaming"})
    return made


def sweep():
    bandwidth = ("scale_up_bandwidth", [5e10, 1e11], {"units": "B/s"})
    domain = ("scale_up_domain", [8.0, 16.0, 72.0], {"units": "1"})
    dims = ("scale_up_domain", "scale_up_bandwidth")
    legal = np.array([[1, 1], [1, 1], [0, 0]], bool)
    return xr.Dataset(
        {
            "mfu": (
                dims,
                [[0.3, 0.31], [0.4, 0.42], [np.nan, np.nan]],
                {"units": "1", "long_name": "mfu"},
            ),
            "legal": (dims, legal),
            "feasible": (dims, np.array([[1, 1], [1, 0], [0, 0]], bool)),
            "binding": (
                dims,
                np.array([[0, 0], [1, 0], [-1, -1]], np.int8),
                {
                    "flag_values": np.array([0, 1], np.int8),
                    "flag_meanings": "power memory_fraction",
                },
            ),
        },
        coords={"scale_up_domain": domain, "scale_up_bandwidth": bandwidth},
        attrs={
            "kind": "sweep",
            "study": "system: dgx_h100\n",
            "sweep": "{}",
            "objective": "mfu",
            "seed": 0,
            "subject": "DGX H100, Llama 3 8B, BF16, TP 8",
        },
    )


def sensitivity():
    halves = {f"{n}_half": ("factor", [0.02, 0.01]) for n in ("first_order", "total")}
    return xr.Dataset(
        {
            "first_order": ("factor", [0.2, 0.7]),
            "total": ("factor", [0.25, 0.75]),
            **halves,
            "elasticity": ("constant", [-0.3, 0.9]),
            "low": ("constant", [0.1, -0.2]),
            "high": ("constant", [-0.1, 0.2]),
            "value": ((), 0.4, {"units": "1"}),
        },
        coords={"factor": ["noise", "fit"], "constant": ["chip.tdp", "chip.peak"]},
        attrs={
            "kind": "sensitivity",
            "quantity": "mfu",
            "quantity_units": "1",
            "subject": "DGX H100, Llama 3 8B, BF16",
            "study": "system: dgx_h100\n",
            "evaluations": 64,
            "seed": 0,
        },
    )


JOBS = ("pangu_ultra_moe_718b", "llama3_8b")


def joint():
    """Two jobs on one machine; the first reaches nine tenths of its own optimum."""

    def of_jobs(values, units="1"):
        return ("model", np.asarray(values), {"units": units})

    split = {"tensor_parallel": 8.0, "pipeline_parallel": 1.0, "data_parallel": 16.0}
    step = {"gemm": [2.0, 0.5], "attention": [0.5, 0.25], "bubble": [0.5, 0.25]}
    machine = {"chips": 128.0, "scale_up_domain": 64.0, "scale_up_link": "copper"}
    certificate = {
        **dict.fromkeys(("candidates", "machines", "splits", "boxes"), 1_000),
        **dict.fromkeys(("excluded_by_memory", "excluded_by_bound"), 400),
        **dict.fromkeys(("open", "open_machines", "open_boxes"), 2),
        "gap": 0.004,
        "seconds": 30.0,
        "seconds_left": 0.0,
        "rests_on": "bounds",
    }
    about = {
        "precision": "bf16",
        "sequence_length": 4096.0,
        "global_batch": 512.0,
        "software": "mindspeed_910c",
        "parameters": 8e9,
        "active_parameters": 8e9,
    }
    held = {
        "weight": of_jobs([0.5, 0.5]),
        "own": of_jobs([2e6, 4e6], "token/s"),
        "own_gap": of_jobs([0.003, 0.0]),
        "target": of_jobs([2e6, 4e6], "token/s"),
        "share_of_own": of_jobs([0.9, 1.0]),
        "share_of_target": of_jobs([0.9, 1.0]),
        "tokens_per_s": of_jobs([1.8e6, 4e6], "token/s"),
        "mfu": of_jobs([0.4, 0.5]),
        "step_time": of_jobs([3.0, 1.0], "s"),
        "memory_fraction": of_jobs([0.9, 0.5]),
        "power": of_jobs([150e3, 150e3], "W"),
        "capital_cost": of_jobs([3e6, 3e6], "USD"),
        "evidence": ("model", ["near", "measured"]),
        **{f"split_{n}": of_jobs([v, v]) for n, v in split.items()},
        **{f"machine_{n}": ((), v, {"units": "1"}) for n, v in machine.items()},
        "step": (("model", "part"), np.array([*step.values()]).T, {"units": "s"}),
        "boxes": ("batch", [10.0, 100.0, 1000.0]),
        "gap": ("batch", [0.3, 0.03, 0.004]),
    }
    limits = {"value": 150e3, "limit": 150e3, "margin": 0.0, "tight": 1.0}
    for name, value in limits.items():
        held[f"constraint_{name}"] = (("model", "constraint"), np.full((2, 1), value))
    for name, factor in (("low", 0.8), ("high", 1.2)):
        ends = factor * np.array([[1.8e6], [4e6]])
        held[f"interval_{name}"] = (("model", "quantity"), ends)
    return xr.Dataset(
        held,
        coords={
            "model": list(JOBS),
            "part": list(step),
            "constraint": ["power"],
            "quantity": ["tokens_per_s"],
        },
        attrs={
            "kind": "joint",
            "name": "two",
            "system": "cloudmatrix384",
            "chip": "ascend_910c",
            "objective": "tokens_per_s",
            "sense": "maximize",
            "over": "weighted",
            "value": 2.68e6,
            "status": json.dumps("best found"),
            "message": json.dumps("No machine is better by more than 0.4 %."),
            "certificate": json.dumps(certificate),
            "models": json.dumps([about | {"model": name} for name in JOBS]),
            "summary": json.dumps({"study": "two", "objective": 2.68e6}),
        },
    )


def front():
    """Four designs of 8 to 32 chips, the second a knee, the third not searched."""
    status = np.array(["proved", "proved", "best found", "proved"], dtype=object)
    sizes = {"tensor_parallel": 2.0, "pipeline_parallel": 1.0, "micro_batch": 1.0}
    return xr.Dataset(
        {
            "mfu": ("point", np.array([0.2, 0.35, 0.36, 0.4]), {"units": "1"}),
            "power": ("point", np.array([1e4, 2e4, 3e4, 4e4]), {"units": "W"}),
            "status": ("point", status),
            "gap": ("point", np.array([0.0, 1e-4, 5e-3, 1e-4]), {"units": "1"}),
            "slope": (("point", "objective"), np.array([[np.nan, 1e-5]] * 4)),
            "searched": ("point", np.array([1, 1, 0, 1], "i1")),
            "is_knee": ("point", np.array([0, 1, 0, 0], "i1")),
            "design_chips": ("point", np.array([8.0, 16.0, 24.0, 32.0])),
            "design_scale_up_link": ("point", np.array(["copper"] * 4, object)),
            **{f"design_{n}": ("point", np.full(4, v)) for n, v in sizes.items()},
            "cloud": (("sample", "objective"), np.array([[0.2, 2e4], [0.3, 4e4]])),
            "reference": ("objective", np.array([0.18, 4.3e4])),
            "end_value": ("objective", np.array([0.4, 1e4])),
            "end_status": ("objective", np.array(["proved"] * 2, object)),
            "end_message": ("objective", np.array([""] * 2, object)),
            "objective_unit": ("objective", np.array(["1", "W"], object)),
        },
        coords={
            "objective": np.array(["mfu", "power"], object),
            "sense": ("objective", np.array(["maximize", "minimize"], object)),
        },
        attrs={
            "kind": "front",
            "name": "trade",
            "study": "name: trade",
            "subject": "DGX H100, Llama 3 8B, BF16",
            "hypervolume": 4.4e3,
            "unexplored": 2e-3,
            "gap_asked": 1e-3,
            "exact": 0,
            "knee_distance": 0.29,
            "counts": json.dumps({"searches": 9, "boxes": 1200}),
        },
    )


MADE = {
    "design": served,
    "joint": joint,
    "front": front,
    "sensitivity": sensitivity,
    "validation": validation,
    "memory": memory,
    "collectives": collectives,
    "gemm": gemm,
    "calibration": calibration,
    "measurement": measurement,
    "sweep": sweep,
}
