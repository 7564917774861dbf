"""The study file, from its JSON Schema and the records behind it."""

from pathlib import Path
from typing import Any, get_args, get_type_hints

from building.docs_of import fields
from building.tables import table
from supernode_opt.config import schema
from supernode_opt.search.settings import Settings
from supernode_opt.system.design import Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Model, Training

# Records behind the parts of a study, whose docstrings say what fields mean.
_RECORDS = {"model": Model, "training": Training, "design": Design, "solver": Settings}
# Names that are listed elsewhere.
_LONG = 12
_WORDS = {
    "null": "nothing",
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
}


def pages(root: Path) -> dict[str, str]:
    """Return the page of the study file."""
    whole = schema.schema()
    text = ["# Fields of a study file\n"]
    text.append(
        "Written from the JSON Schema that `supernode-opt schema` prints, which editors"
        " read. A quantity is a number in the unit given here or text with a unit of"
        " one's own (`560 GB/s`, `45 degC`). A field of `design` is a value, or a"
        " mapping with `free: true` and bounds, or a list of choices.\n"
    )
    needed = set(whole.get("required", ()))
    rows = []
    for name, part in whole["properties"].items():
        known = "needed" if name in needed else ""
        rows.append((f"`{name}`", _kind(part), known))
    text.append(table(("part", "what it takes", ""), rows))
    hints = get_type_hints(Scenario)
    for name, part in whole["properties"].items():
        if name == "scenario":
            for inner, below in part["properties"].items():
                kind = hints.get(inner)
                kind = next((a for a in get_args(kind) if isinstance(a, type)), kind)
                text += _section(f"scenario.{inner}", below, kind)
        elif name != "constraints":
            text += _section(name, part, _RECORDS.get(name))
    limits = next(iter(whole["properties"]["constraints"]["properties"].values()))
    text.append("## `constraints`\n")
    text.append(
        "Any [reported quantity](quantities.md), with the limits that it has to keep: "
        f"{_kind(limits)}.\n"
    )
    return {"study_file.md": "\n".join(text)}


def _section(name: str, part: dict[str, Any], record: Any) -> list[str]:
    properties = _properties(part)
    if not properties:
        return []
    told = fields(record) if isinstance(record, type) else {}
    rows = []
    for field, below in properties.items():
        default = below.get("default", "")
        meaning = told.get(field, "") or below.get("description", "")
        if not meaning and field == "base":
            meaning = "entry of the catalog that all other fields are taken from"
        if isinstance(default, float):
            default = f"{default:g}"
        shown = "" if default in ("", None) else f"`{default}`"
        rows.append((f"`{field}`", _kind(below), shown, meaning))
    head = ("field", "what it takes", "default", "meaning [unit]")
    return [f"## `{name}`\n", table(head, rows)]


def _properties(part: dict[str, Any]) -> dict[str, Any]:
    if part.get("properties"):
        return part["properties"]
    options = [*part.get("anyOf", ()), *part.get("oneOf", ())]
    if "items" in part:
        options.append(part["items"])
    for option in options:
        found = _properties(option)
        if found:
            return found
    return {}


def _kind(part: dict[str, Any]) -> str:
    if "enum" in part:
        words = part["enum"]
        if len(words) > _LONG:
            return f"one of {len(words)} names"
        return "one of " + ", ".join(f"`{word}`" for word in words)
    if "const" in part:
        return f"`{part['const']}`"
    options = [*part.get("anyOf", ()), *part.get("oneOf", ())]
    if options:
        return " or ".join(dict.fromkeys(_kind(option) for option in options))
    kind = part.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(_kind({**part, "type": one}) for one in kind)
    if kind == "array":
        return f"list of {_kind(part.get('items', {}))}"
    if kind == "object":
        keys = ", ".join(f"`{key}`" for key in list(part.get("properties", ()))[:6])
        if len(part.get("properties", ())) > 6:
            return "mapping"
        return f"mapping of {keys}" if keys else "mapping"
    words = {
        "null": "nothing",
        "string": "text",
        "integer": "whole number",
        "boolean": "true or false",
    }
    said = _WORDS.get(kind, str(kind))
    for key, sign in (("exclusiveMinimum", ">"), ("minimum", "≥")):
        if key in part:
            said += f" {sign} {part[key]:g}"
    for key, sign in (("exclusiveMaximum", "<"), ("maximum", "≤")):
        if key in part:
            said += f" {sign} {part[key]:g}"
    return said
