"""Figures published about entries that are no input of the model."""

from supernode_opt.catalog.read import Provenance, entry, traced

_PUBLISHED = {
    "parameters": "",
    "active_parameters": "",
    "power": "W",
    "power_bottom_up": "W",
    "price": "USD",
    "peak_bf16": "flop/s",
    "peak_fp8": "flop/s",
    "hbm_capacity": "B",
    "hbm_bandwidth": "B/s",
    "scale_up_bandwidth": "B/s",
    "scale_out_bandwidth": "B/s",
    "scale_up_modules": "",
    "scale_out_modules": "",
    "optical_modules": "",
    "switch_chips": "",
    "racks": "",
    "compute_racks": "",
    "floor_area": "m^2",
    "latency": "s",
    "optical_reach": "m",
}


def published(kind: str, name: str) -> dict[str, Provenance]:
    """Return figures published about the entry that are no input of the model, in SI.

    Raises:
      UnknownEntry: there is no such kind or no such entry.
    """
    return traced(kind, name, entry(kind, name).get("published", {}), _PUBLISHED)
