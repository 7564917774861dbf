"""The constants that a machine rests on and that are not known well.

A constant is known by its catalog entry, not by the machine that uses it, so that two
machines with the same optics share it.
"""

from typing import NamedTuple

import numpy as np

from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.catalog.origins import Origins, owners
from supernode_opt.record import get
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import quantity_of

# What no job of training reads: nobody trains in INT8.
_OF_SERVING = {("chip", "peak_int8")}
# A constant by kind, entry and field.
Identity = tuple[str, str, str]


class Uncertain(NamedTuple):
    """A constant of the catalog that has a range, and where a scenario holds it.

    Attributes:
      paths: dotted paths in the scenario.
      value, low, high: 5-95 % range around the value, base SI unit.
      most: greatest value that makes sense.
    """

    paths: tuple[str, ...]
    value: float
    low: float
    high: float
    most: float


def uncertain(scenario: Scenario, origins: Origins) -> dict[Identity, Uncertain]:
    """Return the constants with a range in the catalog that the study did not set."""
    found: dict[Identity, Uncertain] = {}
    for owner, path, kind in owners(scenario):
        part = get(scenario, path)
        for field, known in origins.known(owner, kind):
            if not known.low < known.high:
                continue
            if scenario.serving is None and (kind, field) in _OF_SERVING:
                continue
            identity = (kind, origins.entries[owner], field)
            before = found[identity].paths if identity in found else ()
            most = quantity_of(type(part), field).high
            found[identity] = Uncertain(
                (*dict.fromkeys((*before, f"{path}.{field}")),),
                getattr(part, field),
                known.low,
                known.high,
                # A fit may leave the bounds that a statement must keep.
                np.inf if most is None else max(most, known.high),
            )
    routing = scenario.routing
    if routing is not None and routing.spread > 0.0:
        scale = routing.scale
        away = float(np.exp(NINETY * routing.spread))
        found["routing", "", "scale"] = Uncertain(
            ("routing.scale",), scale, scale / away, scale * away, np.inf
        )
    return found


def drawn_value(constant: Uncertain, normal: np.ndarray) -> np.ndarray:
    """Bend normals so that 5 and 95 % lie at low and high, in logs where possible."""
    share = normal / NINETY
    side = np.where(share > 0.0, constant.high, constant.low)
    if constant.low > 0.0:
        value = constant.value * (side / constant.value) ** np.abs(share)
    else:
        value = constant.value + np.abs(share) * (side - constant.value)
        value = np.maximum(value, 0.0)
    return np.minimum(value, constant.most)
