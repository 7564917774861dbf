"""A result of any kind as one self-contained page of HTML."""

import importlib.metadata
import json
from typing import Any

import xarray as xr

from supernode_opt.html import drawings
from supernode_opt.names import spelled
from supernode_opt.reading import document
from supernode_opt.results import kinds
from supernode_opt.results.telling.parts import Part
from supernode_opt.system.report import FACTS

# Parts that come before the figures, and those that come last; others lie between.
_FIRST = ("asked", "answer", "why", "relaxation", "prices", "bounds", "alternatives")
_FIRST += ("extremes",)
_LAST = ("certificate", "evidence")


def render(dataset: xr.Dataset) -> str:
    """Return a result of any kind as a page of HTML that refers to nothing outside.

    It has the question, the answer with its range, why it is so, prices, alternatives,
    figures, certificate, evidence, and the study with the command that reproduces it.

    Args:
      dataset: as a command saved it or a function of the package returned it.

    Raises:
      StudyError: it is no result.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("supernode_opt.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html")
    return template.render(**_content(dataset))


def _content(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what the template shows."""
    parts = {part.name: part for part in kinds.told(dataset, True) if part}
    kind = str(kinds.kind_of(dataset))
    first = [parts.pop(name) for name in _FIRST if name in parts]
    last = [parts.pop(name) for name in _LAST if name in parts]
    question = next((p for p in first if p.name == "asked"), Part("asked", "Asked"))
    return {
        "title": _title(dataset, kind),
        "subject": str(dataset.attrs.get("subject", "")),
        "kind": kinds.KINDS[kind].words,
        "question": question.lines[0] if question.lines else "",
        "headline": _headline(dataset, first) if kind == "design" else None,
        "first": first,
        "figures": drawings.drawings(dataset, kind),
        "between": [*parts.values()],
        "last": last,
        "study": str(dataset.attrs.get("study", "")),
        "command": kinds.command(dataset),
        "document": kinds.KINDS[kind].document,
        "origin": _origin(dataset),
        "program": f"supernode-opt {importlib.metadata.version('supernode-opt')}",
    }


def _title(dataset: xr.Dataset, kind: str) -> str:
    name = dataset.attrs.get("name") or dataset.attrs.get("platform")
    if kind == "design":
        from supernode_opt.results import outcome

        name = outcome.question(dataset)["name"]
    elif kind == "sweep":
        asked = document.parse(str(dataset.attrs.get("study", "")), "study").plain()
        name = asked.get("name") if isinstance(asked, dict) else None
    return str(name or kinds.KINDS[kind].words)


def _headline(dataset: xr.Dataset, parts: list[Part]) -> dict[str, str] | None:
    """Return the one number that was sought, with its range."""
    answer = next((part for part in parts if part.name == "answer"), None)
    if answer is None or not answer.grids:
        return None
    cells = answer.grids[0].rows[0].cells
    facts = FACTS.get(str(dataset.attrs["objective"]))
    return {
        "name": cells[0] if facts is None else facts.label or spelled(cells[0]),
        "value": cells[1],
        "range": cells[2] if len(cells) > 2 else "",
        "status": answer.lines[0] if answer.lines else "",
        "mark": answer.mark,
    }


def _origin(dataset: xr.Dataset) -> list[tuple[str, str]]:
    """Return seed, time and versions of what made a result."""
    attrs = dataset.attrs
    rows = [("seed", str(attrs["seed"]))] if "seed" in attrs else []
    for name in ("created", "git_commit", "device", "wall_s", "evaluations"):
        if name in attrs and not str(attrs[name]).startswith("{"):
            rows.append((spelled(name), str(attrs[name])))
    try:
        versions = json.loads(attrs.get("versions", "{}"))
    except (TypeError, ValueError):
        versions = {}
    return rows + [(str(name), str(value)) for name, value in versions.items()]
