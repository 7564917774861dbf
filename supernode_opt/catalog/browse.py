"""The catalog as small tables: what one compares entries by, in units people say."""

from typing import TYPE_CHECKING, Any

from supernode_opt.catalog.read import load, names
from supernode_opt.catalog.systems import PARTS, system
from supernode_opt.units import parse, quantity_of
from supernode_opt.workload.parameters import active_parameters, parameters

if TYPE_CHECKING:
    import pandas as pd

# The fields of each kind that are shown, with the unit they are shown in.
_COLUMNS: dict[str, dict[str, str]] = {
    "chip": {
        "peak_bf16": "TFLOP/s",
        "hbm_capacity": "GB",
        "hbm_bandwidth": "TB/s",
        "scale_up_bandwidth": "GB/s",
        "scale_out_bandwidth": "GB/s",
        "tdp": "W",
        "price": "USD",
    },
    "link": {"energy": "pJ/b", "reach": "m"},
    "switch": {"radix": "", "lane_rate": "GB/s"},
    "model": {
        "layers": "",
        "hidden": "",
        "heads": "",
        "experts": "",
        "top_k": "",
        "vocabulary": "",
    },
}


def _table(kind: str) -> "pd.DataFrame":
    import pandas as pd

    rows: dict[str, dict[str, Any]] = {}
    shown = _COLUMNS.get(kind, {})
    for name in names(kind):
        record = load(kind, name)
        row = {}
        for field, unit in shown.items():
            if not hasattr(record, field):
                continue
            value = getattr(record, field)
            base = quantity_of(type(record), field).unit
            size = parse(f"1 {unit}", base) if unit else 1.0
            row[f"{field} [{unit}]" if unit else field] = value / size
        rows[name] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(kind)


def chips() -> "pd.DataFrame":
    """Return the chips: peak, memory, links, power and price, a row each.

    >>> float(chips().loc["h100_sxm", "tdp [W]"])
    700.0
    """
    return _table("chip")


def links() -> "pd.DataFrame":
    """Return the link technologies: energy and reach, a row each."""
    return _table("link")


def switches() -> "pd.DataFrame":
    """Return the switches: radix and lane rate, a row each."""
    return _table("switch")


def models() -> "pd.DataFrame":
    """Return the models: parameters in billions, and shapes, a row each."""
    table = _table("model")
    records = [load("model", name) for name in names("model")]
    for place, (heading, count) in enumerate(
        {"parameters [1e9]": parameters, "active [1e9]": active_parameters}.items()
    ):
        sizes = [float(f"{float(count(record)) / 1e9:.4g}") for record in records]
        table.insert(place, heading, sizes)
    return table


def softwares() -> "pd.DataFrame":
    """Return the software stacks by name."""
    return _table("software")


def systems() -> "pd.DataFrame":
    """Return the machines: their parts and how many chips they have, a row each.

    >>> systems().loc["cloudmatrix384", "chip"]
    'ascend_910c'
    """
    import pandas as pd

    rows = {}
    for name in names("system"):
        made = system(name)
        rows[name] = {
            "chips": made.design["chips"],
            "scale_up_domain": made.design["scale_up_domain"],
            **{part: getattr(made, part) for part in PARTS},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")
