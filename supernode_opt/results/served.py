"""What a machine serves, kept with a result, and what follows from both of them."""

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import xarray as xr

if TYPE_CHECKING:
    # Results are read without the model.
    from supernode_opt.system.scenario import Scenario

NAME = "serving"
# What is told of the phases of every result whose machine serves.
_PHASES = ("tokens_per_s_per_chip", "mfu", "bandwidth_utilisation")
NEEDED = tuple(f"{phase}_{n}" for phase in ("prefill", "decode") for n in _PHASES)
NEEDED += ("batch", "batch_per_chip", "cache_capacity", "accepted_tokens")
NEEDED += ("requests_per_s", "decode_tokens_per_flop", "tpot", "ttft", "step_time")
# Bookkeeping of caches is good to this share of a request [1].
_ROUNDING = 1e-6


def attributes(scenario: "Scenario") -> dict[str, str]:
    """Return what the machine serves as attributes of a dataset, SI; none if it trains.

    Beside the fields of `Serving` it has `ranks_per_chip`, which turns ranks of a split
    into chips, and the model's `experts`.
    """
    serving = scenario.serving
    if serving is None:
        return {}
    known = {
        name: value if isinstance(value, str) else float(value)
        for name, value in vars(serving).items()
        # Precisions as numbers stand for the words beside them.
        if name != "formats"
    }
    known["ranks_per_chip"] = float(scenario.chip.ranks_per_chip)
    known["experts"] = float(scenario.model.experts)
    return {NAME: json.dumps(known)}


def requests(dataset: xr.Dataset) -> dict[str, Any] | None:
    """Return what a result's machine serves, SI; `None` where it trains."""
    text = dataset.attrs.get(NAME)
    return None if text is None else json.loads(text)


def nominal_peak(scenario: "Scenario") -> float:
    """Return the dense peak of a chip that MFU is counted by [flop/s]."""
    from supernode_opt.system.kernels import gemm_peak
    from supernode_opt.system.serving.rate import rate_of
    from supernode_opt.workload.serving import formats_of

    if scenario.serving is None:
        # pyrefly: ignore[bad-argument-type]
        return float(gemm_peak(scenario))
    return float(rate_of(scenario.chip, formats_of(scenario.serving).arithmetic))


class Pool(NamedTuple):
    """One phase of a result's machine.

    Attributes:
      name: "prefill" or "decode".
      chips: of the pool; both phases have all of them where they share them [1].
      instances: copies of the model [1].
      sizes: of an instance, by the names that decode has them under [1].
      rate: tokens that a chip of the pool can take in or generate [token/s].
      requests: that the pool can serve while it does nothing else [1/s].
    """

    name: str
    chips: float
    instances: float
    sizes: dict[str, float]
    rate: float
    requests: float


_SIZES = (
    "tensor_parallel",
    "attention_data_parallel",
    "expert_parallel",
    "pipeline_parallel",
)


def pools(dataset: xr.Dataset) -> tuple[Pool, Pool]:
    """Return the pools of prefill and decode of a result whose machine serves."""
    asked = requests(dataset)
    assert asked is not None
    chips, own = _design(dataset, "chips"), _design(dataset, "prefill_chips")
    made = []
    for name, tokens in (("prefill", "input_length"), ("decode", "output_length")):
        prefix = "prefill_" if own > 0.0 and name == "prefill" else ""
        sizes = {n: _design(dataset, prefix + n, 1.0) for n in _SIZES}
        held = own if prefix else chips - own
        each = sizes["tensor_parallel"] * sizes["attention_data_parallel"]
        each = each * sizes["pipeline_parallel"] / asked["ranks_per_chip"]
        rate = float(dataset[f"{name}_tokens_per_s_per_chip"])
        count = asked[tokens]
        most = rate * held / count if count else math.inf
        made.append(Pool(name, held, held / each, sizes, rate, most))
    return made[0], made[1]


def apart(dataset: xr.Dataset) -> bool:
    """Tell whether prefill has chips of its own."""
    return _design(dataset, "prefill_chips") > 0.0


def most_in_memory(dataset: xr.Dataset) -> float:
    """Return the requests of a group of tensor ranks whose caches fit in memory [1]."""
    asked, decode = requests(dataset), pools(dataset)[1]
    assert asked is not None
    each = asked["input_length"] + 0.5 * asked["output_length"]
    groups = decode.instances * decode.sizes["attention_data_parallel"]
    return float(dataset["cache_capacity"]) / each / groups


def batch_limit(dataset: xr.Dataset) -> str:
    """Return what keeps the batch of decode from being larger.

    One of "given", "memory", "requests" (that clients keep in flight) and "time" (the
    limit on time per token), or "" where nothing does, or the machine trains.
    """
    asked = requests(dataset)
    if asked is None:
        return ""
    if _design(dataset, "decode_batch") > 0.0:
        return "given"
    batch, decode = float(dataset["batch"]), pools(dataset)[1]
    groups = decode.instances * decode.sizes["attention_data_parallel"]
    if asked["concurrency"] and batch * groups >= asked["concurrency"] - _ROUNDING:
        return "requests"
    if batch + 1.0 > most_in_memory(dataset) * (1.0 + _ROUNDING):
        return "memory"
    return "time" if asked["tpot_limit"] else ""


def _design(dataset: xr.Dataset, name: str, otherwise: float = 0.0) -> float:
    held = dataset.get(f"design_{name}")
    return otherwise if held is None else float(held)
