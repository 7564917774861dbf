"""A made-up result of a machine that serves, with the variables of a stored one.

Its numbers are near those of 384 Ascend 910C with DeepSeek-V3 (arXiv:2506.12708).
"""

import json

import numpy as np
import xarray as xr

STUDY = """\
name: deepseek_on_910c
system: cloudmatrix384
model: deepseek_v3_671b
serving: {input_length: 4096, output_length: 1024, tpot_limit: 50 ms}
objective: {maximize: output_tokens_per_s}
design:
  chips: 256
  expert_parallel: {low: 1, high: 512}
"""
ASKED = {
    **{"input_length": 4096.0, "output_length": 1024.0, "cached_share": 0.0},
    **{"arrival_rate": 0.0, "concurrency": 0.0, "ttft_limit": 0.0, "tpot_limit": 0.05},
    **{"ttft_percentile": 0.0, "tpot_percentile": 0.0, "ranks_per_chip": 2.0},
    **{"weight_precision": "int8", "expert_precision": "", "experts": 256.0},
    **{"activation_precision": "", "cache_precision": "bf16"},
}
SCALARS = {
    **{"ttft": (1.365, "s"), "tpot": (0.0493, "s"), "tpot_fraction": (0.54, "1")},
    **{"load_fraction": (0.0, "1"), "user_tokens_per_s": (20.3, "token/s")},
    **{"batch": (30.0, "1"), "batch_per_chip": (60.0, "1")},
    **{"requests_per_s": (152.9, "1/s"), "output_tokens_per_s": (156.6e3, "token/s")},
    "output_tokens_per_s_per_chip": (612.0, "token/s"),
    "decode_tokens_per_s_per_chip": (1216.0, "token/s"),
    "prefill_tokens_per_s_per_chip": (6525.0, "token/s"),
    "decode_tokens_per_flop": (8.09e-13, "token/flop"),
    **{"decode_mfu": (0.1735, "1"), "prefill_mfu": (0.38, "1")},
    "decode_bandwidth_utilisation": (0.306, "1"),
    "prefill_bandwidth_utilisation": (0.0386, "1"),
    # 110 requests of 4,096 and half of 1,024 tokens in each of 320 groups.
    "cache_capacity": (110.0 * 320.0 * 4608.0, "token"),
    **{"accepted_tokens": (1.7, "1"), "step_time": (0.08383, "s")},
    **{"mfu": (0.153, "1"), "memory": (91e9, "B"), "fit_probability": (1.0, "1")},
    **{"power": (358.5e3, "W"), "average_power": (273.4e3, "W")},
    **{"tokens_per_joule": (0.437, "token/J"), "junction_temperature": (349.5, "K")},
    **{"cost": (8.265e6, "USD"), "cost_per_chip_hour": (0.92, "USD/h")},
    **{"goodput": (0.9984, "1"), "cost_per_megatoken": (0.419, "USD/Mtoken")},
    "cost_per_input_megatoken": (0.105, "USD/Mtoken"),
    **{"chip_peak": (1504e12, "flop/s"), "chip_peak_bandwidth": (2.7e12, "B/s")},
}
NAMES = ("projections", "attention", "dense_ffn", "experts", "elementwise", "head")
NAMES += ("launch", "tensor_parallel", "expert_parallel", "draft", "prefill")
NAMES += ("overhead",)
# Times of a step of decode and of a full pass of prefill [ms].
STEP = (19.38, 24.2, 1.98, 9.5, 6.3, 3.08, 5.39, 0.0, 6.2, 3.65, 0.0, 4.15)
PREFILL = (366.6, 541.3, 37.7, 831.2, 553.8, 3.1, 0.0, 0.0, 177.0, 0.0, 0.0, 0.0)
MEMORY = {"weights": 80.4e9, "cache": 1.3e9, "activations": 5.3e9, "framework": 4e9}
POWER = {"chips": 217.6e3, "hosts": 43.7e3, "cooling": 17.7e3, "switches": 79.5e3}
COST = {"chips": 2.31e6, "hosts": 480e3, "links": 1.15e6, "facility": 4.325e6}
DESIGN = {
    **{"chips": 256.0, "tensor_parallel": 1.0, "pipeline_parallel": 1.0},
    **{"expert_parallel": 320.0, "scale_up_domain": 384.0, "scale_up_link": "lpo"},
    **{"attention_data_parallel": 320.0, "redundant_experts": 0.0},
    **{"draft_tokens": 1.0, "decode_batch": 0.0, "prefill_chips": 96.0},
    **{"prefill_tensor_parallel": 1.0, "prefill_attention_data_parallel": 32.0},
    **{"prefill_expert_parallel": 32.0, "prefill_pipeline_parallel": 1.0},
    **{"prefill_tokens": 8192.0, "dual_batch": "on"},
}
NOTES = {
    **{"status": "proved", "message": "Nothing better is left.", "certificate": {}},
    **{"alternatives": [], "prices": [], "relaxation": None, "evaluations": 1},
    "wall_s": 1.0,
}
# name: (flop, B, s) of one pass on one chip
OPERATORS = {
    "decode attention core": (4.0e12, 2.9e10, 0.0242),
    "decode experts": (1.7e12, 2.6e10, 0.0095),
    "decode query key value": (3.5e12, 1.0e10, 0.0102),
    "decode elementwise": (0.0, 1.1e10, 0.0063),
    "prefill attention core": (1.6e14, 4.0e10, 0.5413),
    "prefill experts": (4.0e14, 1.2e11, 0.8312),
    "prefill query key value": (1.9e14, 4.4e10, 0.201),
    "prefill elementwise": (0.0, 8.1e11, 0.5538),
}


def served() -> xr.Dataset:
    """Return a proved design whose pools are apart."""
    held = {n: ((), v, {"units": u}) for n, (v, u) in SCALARS.items()}
    for name, value in DESIGN.items():
        held[f"design_{name}"] = ((), value, {"units": "1"})
    coordinates = {}
    for name, what, parts, unit in (
        ("step", "step_part", _parts(STEP), "s"),
        ("prefill_step", "prefill_step_part", _parts(PREFILL), "s"),
        ("memory_parts", "memory_part", MEMORY, "B"),
        ("power_parts", "power_part", POWER, "W"),
        ("cost_parts", "cost_part", COST, "USD"),
        ("chip_parts", "chip_part", {"idle": 42.0, "dynamic": 620.0}, "W"),
        ("failure_parts", "failure_part", {"chips": 1.4e-6}, "1/s"),
    ):
        coordinates[what] = np.array(list(parts), dtype=object)
        held[name] = (what, list(parts.values()), {"units": unit})
    coordinates["operator"] = np.array(list(OPERATORS), dtype=object)
    for place, (name, unit) in enumerate((("flops", "flop"), ("bytes", "B"))):
        values = [one[place] for one in OPERATORS.values()]
        held[f"operator_{name}"] = ("operator", values, {"units": unit})
    times = [one[2] for one in OPERATORS.values()]
    held["operator_time"] = ("operator", times, {"units": "s"})
    phases = [name.partition(" ")[0] for name in OPERATORS]
    held["operator_phase"] = ("operator", np.array(phases, dtype=object))
    limits = ["memory_fraction", "ttft_fraction", "tpot_fraction"]
    coordinates["constraint"] = np.array(limits, dtype=object)
    held["constraint_unit"] = ("constraint", np.array(["1"] * 3, dtype=object))
    for name, values in (
        ("value", [0.69, 0.0, 0.54]),
        ("limit", [0.92, 1.0, 1.0]),
        ("margin", [0.25, 1.0, 0.46]),
        ("multiplier", [np.nan] * 3),
        ("at_most", [1.0] * 3),
        ("tight", [0.0] * 3),
    ):
        held[f"constraint_{name}"] = ("constraint", values)
    ranged = ["output_tokens_per_s", "decode_tokens_per_s_per_chip"]
    coordinates["quantity"] = np.array(ranged, dtype=object)
    held["interval_low"] = ("quantity", [121e3, 1010.0])
    held["interval_high"] = ("quantity", [187e3, 1405.0])
    attributes = {
        **{"study": STUDY, "objective": "output_tokens_per_s", "seed": 0},
        **{"system": "cloudmatrix384", "chip": "ascend_910c", "software": "generic"},
        **{"model": "deepseek_v3_671b", "precision": "int8", "parameters": 671e9},
        **{"active_parameters": 37e9, "serving": json.dumps(ASKED)},
        **{name: json.dumps(note) for name, note in NOTES.items()},
    }
    return xr.Dataset(held, coords=coordinates, attrs=attributes)


def shared() -> xr.Dataset:
    """Return the same where every chip does both, and memory decides the batch."""
    made = served()
    made["design_prefill_chips"] = (), 0.0, {"units": "1"}
    made["batch"] = (), 110.0, {"units": "1"}
    step = dict(zip(NAMES, STEP, strict=True)) | {"prefill": 9.0}
    made["step"] = "step_part", np.array(list(step.values())) * 1e-3, {"units": "s"}
    made["step_time"] = (), 0.09283, {"units": "s"}
    return made


def _parts(times: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(NAMES, (1e-3 * time for time in times), strict=True))
