"""What questions about two machines open with, from the question that is saved."""

import json
from collections.abc import Iterable
from typing import Any

import xarray as xr

from supernode_opt.names import proper
from supernode_opt.reading import document
from supernode_opt.results.telling.asked import sized, trained
from supernode_opt.results.telling.parts import Part, facts


def asked(
    dataset: xr.Dataset,
    machines: Iterable[str],
    models: Iterable[str],
    more: Iterable[tuple[str, str]],
) -> Part:
    """Return what was asked of machines; files of old versions say less.

    Args:
      dataset: the answer, with its question as the attribute `study`.
      machines: what the question calls them.
      models: names of the models.
      more: what else was asked, as names and what they are.
    """
    text: dict[str, Any] = document.parse(dataset.attrs["study"], "study").plain()
    known = json.loads(dataset.attrs.get("sizes", "{}"))
    software = json.loads(dataset.attrs.get("softwares", "{}"))
    rows = [
        *(("machine", f"{m}{_with(software.get(m, ''))}") for m in machines),
        *(("model", sized(m, *known[m]) if m in known else proper(m)) for m in models),
        ("training", trained(text.get("training"))),
        *more,
    ]
    question = text.get("question")
    lines = (str(question),) if question else ()
    return Part("asked", "Asked", lines, (facts(rows),))


def model_of(dataset: xr.Dataset) -> str:
    """Return the model of a question that has one."""
    return str(document.parse(dataset.attrs["study"], "study").plain().get("model"))


def precision_of(dataset: xr.Dataset) -> str:
    """Return the precision of a question that has one."""
    text = document.parse(dataset.attrs["study"], "study").plain()
    return str(text.get("precision", "bf16")).upper()


def _with(software: str) -> str:
    return f", software {proper(software)}" if software else ""
