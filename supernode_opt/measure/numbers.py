"""Catalog numbers that were not measured: from another entry, or an estimate."""

from collections.abc import Mapping
from typing import Any

from supernode_opt.calibration.written import number
from supernode_opt.catalog import provenance
from supernode_opt.catalog.read import RECORDS
from supernode_opt.units import quantities

# What silicon shares keeps the stand-in's own range.
_SILICON = (
    "junction_limit",
    "maximum_clock",
    "power_exponent",
    "voltage_floor_clock",
    "static_share",
    "leakage_share",
    "leakage_coefficient",
    "saturation_exponent",
    "threshold_voltage",
    "memory_share",
)
# By this factor a quantity that was not measured may differ from the stand-in's.
_FACTORS: Mapping[str, float] = {
    **dict.fromkeys(_SILICON, 1.0),
    **dict.fromkeys(("tdp", "die_area", "memory_price"), 3.0),
    **dict.fromkeys(("price", "failure_rate", "power"), 5.0),
    **dict.fromkeys(("scale_up_bandwidth", "scale_out_bandwidth"), 10.0),
}
_WIDER = 2.0


def inherited(kind: str, base: str, own: bool) -> dict[str, dict[str, Any]]:
    """Take all numbers of entry `base`.

    Where it describes the measured part itself (`own`) they stand as they are.  Else
    they are estimates in wide ranges, which say where they are from.
    """
    taken = {}
    known = provenance(kind, base)
    for name, declared in quantities(RECORDS[kind]):
        if name not in known:
            continue
        value, low, high = known[name].value, known[name].low, known[name].high
        about = f"{known[name].source} (catalog {kind} {base})"
        confidence = known[name].confidence
        if not own:
            confidence = "estimate"
            about = f"engineering estimate: as {kind} {base}; not measured"
            factor = _FACTORS.get(name, _WIDER)
            low, high = low / factor, high * factor
            if declared.high is not None:
                high = min(high, declared.high)
        taken[name] = number((value, low, high), declared.unit, about, confidence)
    return taken


def estimate(value: float, high: float, unit: str, why: str) -> dict[str, Any]:
    """Write a number that nothing measured."""
    text = f"engineering estimate: {why}"
    return number((value, value, high), unit, text, "estimate")
