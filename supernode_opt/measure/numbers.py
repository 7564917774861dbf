"""Catalog numbers: measured ones, and those that come from another entry."""

from collections.abc import Iterable, Mapping
from typing import Any

from supernode_opt.calibration.written import number
from supernode_opt.catalog import provenance
from supernode_opt.catalog.read import RECORDS
from supernode_opt.units import quantities

# By this factor a quantity that was not measured may differ from the stand-in's.
_WIDE: Mapping[str, float] = {
    "tdp": 3.0,
    "die_area": 3.0,
    "price": 5.0,
    "memory_price": 3.0,
    "failure_rate": 5.0,
    "scale_up_bandwidth": 10.0,
    "scale_out_bandwidth": 10.0,
    "power": 5.0,
}
_WIDER = 2.0
# What silicon shares keeps the stand-in's own range.
_KEPT = (
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


def inherited(
    kind: str, base: str, own: bool, but: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Take all numbers of entry `base`.

    Args:
      kind: of entry.
      base: which one.
      own: whether it describes the measured part itself; its numbers then stand as
        they are.  Else they are estimates in wide ranges, which say where they are
        from.
      but: fields to leave out.
    """
    taken = {}
    for name, declared in quantities(RECORDS[kind]):
        known = provenance(kind, base).get(name)
        if known is None or name in but:
            continue
        low, high = known.low, known.high
        source = f"{known.source} (catalog {kind} {base})"
        confidence = known.confidence
        if not own:
            confidence = "estimate"
            source = f"engineering estimate: as {kind} {base}; not measured"
            if name not in _KEPT:
                factor = _WIDE.get(name, _WIDER)
                low, high = low / factor, high * factor
            if declared.high is not None:
                high = min(high, declared.high)
        taken[name] = number(known.value, low, high, declared.unit, source, confidence)
    return taken
