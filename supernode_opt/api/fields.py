"""Where a keyword belongs in a study: `tensor_parallel`, `chip`, `maximize`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from supernode_opt.catalog.systems import PARTS
from supernode_opt.config import forgiving, override
from supernode_opt.config.goal import QUANTILE
from supernode_opt.config.override import FIELDS
from supernode_opt.config.study import SECTIONS
from supernode_opt.reading.node import Node, StudyError, did_you_mean
from supernode_opt.workload.model import Training
from supernode_opt.workload.serving import Serving

_GOALS = ("maximize", "minimize")
_TRAINING = tuple(field.name for field in dataclasses.fields(Training))
_SERVING = tuple(field.name for field in dataclasses.fields(Serving))
_SCENARIO = (*PARTS, "stack", "routing", "memory_headroom", "links")
# In which section a word stands that is no section itself; a design comes first.
_HOMES = {
    **dict.fromkeys(_SCENARIO, "scenario"),
    **dict.fromkeys(_TRAINING, "training"),
    **dict.fromkeys(_SERVING, "serving"),
    **dict.fromkeys(FIELDS, "design"),
    **dict.fromkeys((*_GOALS, QUANTILE), "objective"),
}
KEYWORDS = (*SECTIONS, *_HOMES)


def located(name: str, place: str) -> list[str]:
    """Return the path in a study of what is called `name` in Python.

    >>> located("tensor_parallel", ""), located("chip.tdp", "")
    (['design', 'tensor_parallel'], ['scenario', 'chip', 'tdp'])

    Raises:
      StudyError: there is no such field; the text names the nearest one.
    """
    words = forgiving.path(forgiving.field(name).split("."))
    if words[0] == "scenario" and words[1:2] == ["links"] and len(words) > 3:
        words = words[1:]
    if words[0] == "links" and len(words) > 2:
        # One link of the list is reached as a constant of the design.
        return ["design", *words]
    if words[0] in SECTIONS:
        return words
    if words[0] in _HOMES:
        return [_HOMES[words[0]], *words]
    near = did_you_mean(words[0], KEYWORDS)
    raise StudyError(f"{place}: `{name}` is no field of a study{near}")


def put(study: Node, name: str, value: Node) -> Node:
    """Return the document `study` with a field set, or removed where it is `None`.

    Raises:
      StudyError: there is no such field.
    """
    path = located(name, value.place)
    if path[0] == "objective" and path[1:] != [QUANTILE]:
        # A study has one objective.
        for goal in _GOALS:
            study = _without(study, ["objective", goal])
    if value.value is None:
        return _without(study, path)
    return override.put(study, path, value)


def _without(node: Node, path: list[str]) -> Node:
    children: Any = node.value
    if not isinstance(children, Mapping) or path[0] not in children:
        return node
    kept = {key: child for key, child in children.items() if key != path[0]}
    if len(path) > 1:
        kept = {**children, path[0]: _without(children[path[0]], path[1:])}
    return dataclasses.replace(node, value=kept)
