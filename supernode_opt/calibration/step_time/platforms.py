"""Calibrated platforms as catalog software: the constants of a stack on a chip family.

A platform joins what documentation declares (overlap, schedule, attention kernels) with
what was fitted, and with the constants of a base entry that no run can identify.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import yaml

from supernode_opt.calibration.data.stacks import stacks, unfitted
from supernode_opt.calibration.step_time.constants import (
    Practices,
    as_documented,
    software,
)
from supernode_opt.calibration.step_time.fit import Posterior
from supernode_opt.calibration.step_time.intervals import NINETY, constants_of
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


SHIPPED: tuple[Platform, ...] = (
    Platform(
        "megatron_a100",
        "a100",
        "megatron_2021",
        "megatron_a100",
        "Megatron-LM of 2021-2022: unfused attention, no overlap.",
    ),
    Platform(
        "megatron_a100_flash",
        "a100",
        "internevo",
        "megatron_a100_flash",
        "InternEvo on A100: flash attention, overlapped reduction.",
    ),
    Platform(
        "fsdp_a100",
        "a100",
        "llm_foundry",
        "megatron_a100_flash",
        "llm-foundry FSDP on A100.",
    ),
    Platform(
        "nemo_h100",
        "hopper",
        "nemo",
        "nemo_h100",
        "NeMo 24 and 25 on H100 and H200.",
    ),
    Platform(
        "fsdp_h100",
        "hopper",
        "fsdp_jax",
        "nemo_h100",
        "MaxText, Paxml and NeMo FSDP on H100.",
    ),
    Platform(
        "bridge_h100",
        "hopper",
        "megatron_bridge_26",
        "nemo_h100",
        "Megatron-Bridge 26 on H100.",
    ),
    Platform(
        "nemo_blackwell",
        "blackwell",
        "megatron_bridge_26",
        "nemo_blackwell",
        "Megatron-Bridge 26 on B200, B300, GB200, GB300.",
    ),
    Platform(
        "dualpipe_h800",
        "hopper",
        "dualpipe",
        "dualpipe_h800",
        "DeepSeek-V3's own stack; no run of it is fitted.",
    ),
    Platform(
        "mindspeed_910b",
        "ascend_910b",
        "mindspeed",
        "mindspeed_910b",
        "MindSpeed on Ascend 910B, no optional overlap.",
    ),
    Platform(
        "mindspeed_910b_pangu",
        "ascend_910b",
        "pangu",
        "mindspeed_910b_pangu",
        "Pangu Ultra's own stack; no run of it is fitted.",
    ),
    Platform(
        "mindspeed_910c",
        "ascend_910b",
        "pangu",
        "mindspeed_910c",
        "Inherited from Ascend 910B; no CloudMatrix384 run is public.",
        1.5,
    ),
    Platform(
        "maxtext_tpu",
        "tpu",
        "maxtext_tpu",
        "maxtext_tpu",
        "MaxText on a TPU generation that was not fitted.",
    ),
    Platform(
        "maxtext_tpu_v5e",
        "tpu_v5e",
        "maxtext_tpu",
        "maxtext_tpu",
        "MaxText on TPU v5e.",
    ),
    Platform(
        "maxtext_tpu_v6e",
        "tpu_v6e",
        "maxtext_tpu",
        "maxtext_tpu",
        "MaxText on TPU v6e.",
    ),
)

# Value, low and high.
Range = tuple[float, float, float]
_WINDOWS = ("tensor_window", "context_window", "expert_window")


def entry(platform: Platform, posterior: Posterior, about: str) -> dict[str, Any]:
    """Return the catalog entry of a platform: every number with range and source.

    Args:
      platform: what to describe.
      posterior: the calibration.
      about: source line of the fitted numbers.
    """
    mean, covariance = constants_of(posterior, platform.family, platform.stack)
    spread = np.sqrt(np.diag(covariance)) * platform.widen
    stack = stacks().get(platform.stack) or stacks()["nemo"]
    written: dict[str, Any] = {"notes": platform.notes}
    kind = unfitted(platform.base)
    base, kept = provenance(kind, platform.base), load(kind, platform.base)
    practices = as_documented(stack)
    centre = software(kept, jnp.asarray(mean), practices)
    fitted = _fitted(kept, mean, spread, practices)
    narrowed = {name: float(getattr(centre, name)) for name in _WINDOWS}
    for name, declared in quantities(Software):
        if name in fitted:
            value, low, high = fitted[name]
            source, confidence, unit = about, "fit", declared.unit
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
        most = np.inf if declared.high is None else declared.high
        written[name] = {
            "value": float(f"{min(value, most):.4g}"),
            "low": float(f"{min(low, value, most):.4g}"),
            "high": float(f"{min(max(high, value), most):.4g}"),
            "unit": unit or "1",
            "source": source,
            "confidence": confidence,
        }
    written["score_bytes"] = 0.0 if stack.flash else 5.0
    return written


def _fitted(
    base: Software, mean: np.ndarray, spread: np.ndarray, practices: Practices
) -> dict[str, Range]:
    """Return value, low and high (5-95 %) of the fields that a fit decides."""

    def fields(logs: np.ndarray) -> dict[str, float]:
        made = software(base, jnp.asarray(logs), practices)
        return {
            name: float(getattr(made, name))
            for name, _ in quantities(Software)
            if name not in _WINDOWS
        }

    centre = fields(mean)
    found: dict[str, Range] = {}
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


def text(entries: dict[str, dict[str, Any]], heading: str) -> str:
    """Write entries as a catalog file."""
    lines = [f"# {line}" for line in heading.splitlines()]
    lines.append("sources: {}")
    for name, fields in entries.items():
        lines.append(f"\n{name}:")
        for field, value in fields.items():
            dumped = yaml.safe_dump(
                value, default_flow_style=True, width=10**6, sort_keys=False
            ).split("\n...")[0]
            lines.append(f"  {field}: {dumped.strip()}")
    return "\n".join(lines) + "\n"
