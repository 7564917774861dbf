"""What may be free in a drawn study, and within which limits around its value."""

import math

from supernode_opt.problem.box import possible
from supernode_opt.record import get
from supernode_opt.system.design import RECOMPUTE, SHARDING, SWITCHED
from supernode_opt.units import quantity_of
from tests.oracle.space import COUNTED

COUNTS = (
    "tensor_parallel",
    "pipeline_parallel",
    "context_parallel",
    "expert_parallel",
    "micro_batch",
    "interleave",
    "chips",
    "scale_up_domain",
)
HARDWARE = (
    "scale_up_bandwidth",
    "scale_out_bandwidth",
    "oversubscription",
    "clock",
    "coolant_flow",
    "inlet_temperature",
)
ALTERNATIVES = {
    "recompute": RECOMPUTE,
    "optimizer_sharding": SHARDING,
    "sequence_parallel": SWITCHED,
}
CONSTANTS = (
    *COUNTED,
    "rack.chips_per_rack",
    "chip.tdp",
    "chip.hbm_bandwidth",
    "chip.hbm_capacity",
    "chip.die_area",
    "chip.price",
    "chip.failure_rate",
    "links.LINK.energy",
    "links.LINK.price",
    "links.LINK.latency",
    "links.LINK.failure_rate",
    "links.LINK.case_resistance",
    "links.LINK.reach",
    "cooling.area_resistance",
    "cooling.rack_power_limit",
    "cooling.mover_share",
    "host.power",
    "rack.cable_length",
    "rack.pitch",
    "rack.supply_efficiency",
    "scale_up_switch.energy",
    "scale_up_switch.latency",
    "scale_up_switch.price",
    "facility.pue",
    "facility.energy_price",
    "facility.lifetime",
    "reliability.link_masking",
    "reliability.restart_time",
    "reliability.spare_share",
    "software.step_overhead",
    "software.scale_up_efficiency",
)


def written(value, unit):
    """Write a number as people do: six digits and its unit."""
    number = f"{value:.6g}"
    return f"{number} {unit}" if unit else float(number)


def count_box(choose, name, base, scenario):
    """Return the box of a count around its value, or `None` where it cannot vary."""
    board = int(scenario.host.chips_per_board)
    _, most = possible(name, scenario, {"chips": base["chips"]})
    if name == "chips":
        step = board * choose.pick((1, 2))
        low = max(base["chips"] // choose.pick((1, 2)) // step, 1) * step
        return {"low": low, "high": low + step * choose.pick((2, 4, 8)), "step": step}
    if name == "scale_up_domain":
        most = int(min(most, base["chips"]))
        return {"low": min(board, most), "high": most} if most > board else None
    value = base[name]
    high = int(min(max(value, choose.pick((2, 4, 8, 16))), most))
    return {"low": choose.pick((1, value)), "high": high} if high > value else None


def hardware_box(choose, name, system):
    value = float(system.design[name])
    if name == "oversubscription":
        return {"low": 1.0, "high": choose.pick((2.0, 4.0))}
    if name == "clock":
        return {"low": choose.pick((0.4, 0.6)), "high": 1.0}
    if name == "inlet_temperature":
        return {"low": "15 degC", "high": choose.pick(("35 degC", "45 degC"))}
    unit = "B/s" if name.endswith("bandwidth") else "m^3/s"
    low = value * choose.pick((0.25, 0.5, 1.0))
    return {
        "low": written(low, unit),
        "high": written(value * choose.pick((1.5, 2.0, 4.0)), unit),
    }


def constant_box(choose, path, scenario):
    """Return the box of a constant, or `None` where it is zero and stays so."""
    value = float(get(scenario, path))
    holder, _, field = path.rpartition(".")
    unit = quantity_of(type(get(scenario, holder)), field).unit
    if path in COUNTED:
        if value < 2.0:
            return None
        low = max(value * choose.pick((0.25, 0.5, 0.75)), 1.0)
        high = min(value * choose.pick((1.0, 1.25, 1.5)), low + 64.0)
        return {"low": math.ceil(low), "high": math.floor(max(high, low + 2.0))}
    share = quantity_of(type(get(scenario, holder)), field).high == 1.0
    if share or field in ("spare_share", "supply_efficiency", "pue"):
        low, high = (1.0, 1.6) if field == "pue" else (0.5, 0.98)
        low, high = (0.0, 0.3) if field == "spare_share" else (low, high)
        return {"low": low, "high": high}
    if value <= 0.0:
        return None
    low = written(value * choose.pick((0.5, 0.75, 1.0)), unit)
    return {"low": low, "high": written(value * choose.pick((1.25, 2.0)), unit)}
