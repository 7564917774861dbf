"""Reported quantities, as they are defined."""

import dataclasses
from pathlib import Path
from typing import get_type_hints

from pydantic import WithJsonSchema

from building.tables import table
from supernode_opt.system.report import FACTS, PARTS, Report


def pages(root: Path) -> dict[str, str]:
    """Return the page of reported quantities."""
    hints = get_type_hints(Report, include_extras=True)
    rows = []
    for name, facts in FACTS.items():
        rows.append((f"`{name}`", _unit(hints[name]), facts.description, _rest(facts)))
    text = ["# Reported quantities\n"]
    text.append(
        "What `evaluate` says of a design. Any of them can be an objective, a limit or"
        " the quantity of a sweep. Units are those of results that are saved and of the"
        " Python API.\n"
    )
    text.append(table(("quantity", "unit", "what it is", ""), rows))
    text.append("## Parts\n")
    text.append(
        "Some quantities are sums, whose parts are reported as well:"
        " `report.step.gemm`, `report.memory_parts.weights`.\n"
    )
    for name in PARTS:
        kind = hints[name]
        parts = ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind))
        words = " ".join((kind.__doc__ or "").split())
        text.append(f"`{name}`\n: {words}\n\n  {parts}\n")
    return {"quantities.md": "\n".join(text)}


def _unit(hint: object) -> str:
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, WithJsonSchema):
            words = (extra.json_schema or {}).get("description", "")
            return words.rpartition("[")[2].rstrip("]") or "1"
    return "1"


def _rest(facts: object) -> str:
    said = []
    better = facts.more_is_better
    if better is not None:
        said.append("more is better" if better else "less is better")
    if facts.ceiling is not None:
        said.append("every design keeps a limit on it")
    if facts.parts:
        said.append(f"sum of `{facts.parts}`")
    return "; ".join(said)
