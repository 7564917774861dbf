"""Calibrated platforms as catalog software: the constants of a stack on a chip family.

A platform joins what documentation declares (overlap, schedule, attention kernels) with
what was fitted, and with the constants of a base entry that no run can identify.
"""

from importlib import resources
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import yaml

from supernode_opt.calibration.data.stacks import (
    Practice,
    as_documented,
    stacks,
    unfitted,
)
from supernode_opt.calibration.step_time.constants import software
from supernode_opt.calibration.step_time.fit import Posterior
from supernode_opt.calibration.step_time.intervals import NINETY, constants_of
from supernode_opt.calibration.written import number
from supernode_opt.catalog import load, provenance
from supernode_opt.system.software import Software
from supernode_opt.units import quantities


class Platform(NamedTuple):
    """A catalog entry that a calibration writes.

    Attributes:
      name: of the entry.
      family: chip family whose deviations it has.
      stack: stack whose deviations and declarations it has.
      base: catalog software whose unfitted constants it keeps.
      notes: what the reader must know.
      widen: factor on the spread of all fitted constants [1].
    """

    name: str
    family: str
    stack: str
    base: str
    notes: str
    widen: float = 1.0


def _shipped() -> tuple[Platform, ...]:
    file = resources.files("supernode_opt.calibration.step_time") / "platforms.yaml"
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tuple(Platform(name, **fields) for name, fields in written.items())


SHIPPED = _shipped()

_DECLARED = "documentation: the practice of this stack"
# Value, low and high.
Range = tuple[float, float, float]
_WINDOWS = ("tensor_window", "context_window", "expert_window")


def entry(platform: Platform, posterior: Posterior, about: str) -> dict[str, Any]:
    """Return the catalog entry of a platform: every number with range and source.

    Fitted numbers have the source line `about`.
    """
    mean, covariance = constants_of(posterior, platform.family, platform.stack)
    spread = np.sqrt(np.diag(covariance)) * platform.widen
    stack = stacks().get(platform.stack) or stacks()["nemo"]
    written: dict[str, Any] = {"notes": platform.notes}
    kind = unfitted(platform.base)
    base, kept = provenance(kind, platform.base), load(kind, platform.base)
    practice = as_documented(stack)
    centre = software(kept, jnp.asarray(mean), practice)
    fitted = _fitted(kept, mean, spread, practice)
    narrowed = {name: float(getattr(centre, name)) for name in _WINDOWS}
    for name, declared in quantities(Software):
        if name in fitted:
            value, low, high = fitted[name]
            source, confidence, unit = about, "fit", declared.unit
            if low == high:
                source, confidence = _DECLARED, "primary"
        elif name in base:
            known = base[name]
            value, low, high = known.value, known.low, known.high
            source, confidence, unit = known.source, known.confidence, known.unit
            if name in narrowed:
                # Rounded for the file, together they must still be at most one.
                share = 0.9998 * narrowed[name] / max(value, 1e-9)
                value, low, high = value * share, low * share, high * share
        else:
            continue
        ends = (value, low, high)
        written[name] = number(
            ends, unit, source, confidence, most=declared.high, figures=4
        )
    written["score_bytes"] = 0.0 if stack.flash else 5.0
    if kept.rank_deduplication:
        written["rank_deduplication"] = 1.0
    return written


def _fitted(
    base: Software, mean: np.ndarray, spread: np.ndarray, practice: Practice
) -> dict[str, Range]:
    """Return value, low and high (5-95 %) of the fields that fit or practice decide.

    What the practice alone decides has no width; such as the score traffic of a stack
    with flash attention, whatever its base entry says.
    """

    def fields(logs: np.ndarray) -> dict[str, float]:
        made = software(base, jnp.asarray(logs), practice)
        return {
            name: float(getattr(made, name))
            for name, _ in quantities(Software)
            if name not in _WINDOWS
        }

    centre = fields(mean)
    found: dict[str, Range] = {
        name: (value, value, value)
        for name, value in centre.items()
        if value != float(getattr(base, name))
    }
    for position in range(len(mean)):
        moved = np.zeros_like(mean)
        moved[position] = NINETY * spread[position]
        ends = fields(mean - moved), fields(mean + moved)
        for name, value in centre.items():
            low, high = sorted(end[name] for end in ends)
            _, least, most = found.get(name, (value, value, value))
            if low < high:
                found[name] = (value, min(low, least), max(high, most))
    return found
