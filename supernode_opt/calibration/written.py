"""Catalog entries as calibrations and measurements write them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml


def number(
    value: float,
    low: float,
    high: float,
    unit: str,
    source: str,
    confidence: str = "measured",
    most: float | None = None,
    figures: int = 5,
) -> dict[str, Any]:
    """Write one number in SI with its range around it, none of it above `most`."""
    ends = (value, min(low, value), max(high, value))
    value, low, high = (
        float(f"{min(end, np.inf if most is None else most):.{figures}g}")
        for end in ends
    )
    return {
        **{"value": value, "low": low, "high": high, "unit": unit or "1"},
        **{"source": source, "confidence": confidence},
    }


def text(
    entries: Mapping[str, Mapping[str, Any]],
    heading: str,
    sources: Mapping[str, str] | None = None,
) -> str:
    """Write entries, and the sources they name, as a catalog file."""
    lines = [f"# {line}" for line in heading.splitlines()]
    lines.append("sources:" if sources else "sources: {}")
    lines += [f"  {name}: {_flow(said)}" for name, said in (sources or {}).items()]
    for name, fields in entries.items():
        lines.append(f"\n{name}:")
        lines += [f"  {field}: {_flow(value)}" for field, value in fields.items()]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """Write a value in one line of YAML."""
    dumped = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, sort_keys=False
    )
    return dumped.split("\n...")[0].strip()
