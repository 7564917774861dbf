"""Calibrated platforms as catalog software: the constants of a stack on a chip family.

A platform joins what documentation declares (overlap, schedule, attention kernels) with
what was fitted, and with the constants of a base entry that no run can identify.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from supernode_opt.calibration.data.platforms import Platform
from supernode_opt.calibration.data.practice import (
    Practice,
    as_documented,
    changed,
    usual,
)
from supernode_opt.calibration.data.stacks import unfitted
from supernode_opt.calibration.step_time.constants import software
from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.calibration.step_time.posterior import Posterior, constants_of
from supernode_opt.calibration.written import number
from supernode_opt.catalog import load, provenance
from supernode_opt.system.software import Software
from supernode_opt.units import quantities

_DECLARED = "documentation: the practice of this stack"
# Value, low and high.
Range = tuple[float, float, float]
_WINDOWS = ("tensor_window", "context_window", "expert_window")


def entry(
    platform: Platform,
    posterior: Posterior,
    fitted_by: str,
    practice: Practice | None = None,
    figures: int = 4,
) -> dict[str, Any]:
    """Return the catalog entry of a platform: every number with range and source.

    Args:
      platform: whose entry it is.
      posterior: the constants.
      fitted_by: source line of fitted numbers.
      practice: how it is run; as its stack usually is if not given.
      figures: digits of each number.
    """
    mean, covariance = constants_of(posterior, platform.family, platform.fitted)
    spread = np.sqrt(np.diag(covariance))
    stack = platform.documented
    written: dict[str, Any] = {"notes": platform.notes}
    kind = unfitted(platform.base)
    base, kept = provenance(kind, platform.base), load(kind, platform.base)
    if practice is None:
        about = {"kind": "moe", "accelerator": platform.accelerator}
        practice = changed(as_documented(stack), usual(stack, about))
    centre = software(kept, jnp.asarray(mean), practice)
    fitted = _fitted(kept, mean, spread, practice)
    narrowed = {name: float(getattr(centre, name)) for name in _WINDOWS}
    for name, declared in quantities(Software):
        if name in fitted:
            value, low, high = fitted[name]
            source, confidence, unit = fitted_by, "fit", declared.unit
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
            ends, unit, source, confidence, most=declared.high, figures=figures
        )
    written["score_bytes"] = float(centre.score_bytes)
    if practice.copies != 1.0:
        written["pipeline_copies"] = float(centre.pipeline_copies)
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
    moves = np.concatenate([np.diag(spread), -np.diag(spread)], axis=1) * NINETY
    logs = mean[:, None] + np.concatenate([np.zeros((len(mean), 1)), moves], axis=1)
    made = software(base, jnp.asarray(logs), practice)
    found: dict[str, Range] = {}
    for name, _ in quantities(Software):
        values = np.atleast_1d(np.asarray(getattr(made, name), float))
        range_ = float(values[0]), float(values.min()), float(values.max())
        decided = range_[1] < range_[2] or range_[0] != float(getattr(base, name))
        if decided and name not in _WINDOWS:
            found[name] = range_
    return found
