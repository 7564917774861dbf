"""Catalog entries as calibrations and measurements write them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import yaml


def number(
    ends: Iterable[float],
    unit: str,
    source: str,
    confidence: str = "measured",
    most: float | None = None,
    figures: int = 5,
) -> dict[str, Any]:
    """Write a value, its low and its high end in SI, none of them above `most`."""
    value, low, high = (
        float(f"{min(end, np.inf if most is None else most):.{figures}g}")
        for end in ends
    )
    low, high = min(low, value), max(high, value)
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
