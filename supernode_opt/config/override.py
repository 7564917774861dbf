"""`--set PATH=VALUE`: change one field of a study from the command line."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from supernode_opt.catalog.hugging_face import is_config
from supernode_opt.config import forgiving
from supernode_opt.config.origins import deciding
from supernode_opt.reading import document
from supernode_opt.reading.node import Node, StudyError, shown
from supernode_opt.system.design import EVERY_CHOICE, EVERY_NUMBER

FIELDS = (*EVERY_NUMBER, *EVERY_CHOICE)
# Sections with values that the catalog may have; the first two are not in their names.
_GIVEN = ("scenario", "design", "model", "training", "serving")
_BOUNDS = ("low", "high", "step", "value")


def read(path: Path | str, assignments: Sequence[str]) -> Node:
    """Read the document at `path`, changed by `PATH=VALUE` assignments.

    Raises:
      StudyError: it cannot be read, or so changed.
    """
    top = forgiving.canonical(document.read(Path(path)))
    return functools.reduce(apply, assignments, top)


def apply(study: Node, assignment: str) -> Node:
    """Return the tree `study` with one `PATH=VALUE` applied, VALUE being YAML.

    Below `design`, dots belong to the key of a scenario constant
    (`design.chip.hbm_bandwidth=3 TB/s`), but for a last `low`, `high`, `step`, `value`.

    Raises:
      StudyError: there is no `=`, no value, or the path leads through a number.
    """
    path, equals, text = assignment.partition("=")
    words = [word.strip() for word in path.split(".")]
    if not equals or not all(words):
        raise StudyError(f"--set must be PATH=VALUE, but is {shown(assignment)}")
    place = f"--set {'.'.join(words)}"
    value = document.value(text, place, lines=False)
    if value.value is None:
        raise StudyError(f"{place}: needs a value after `=`")
    return put(study, words, value)


def put(study: Node, words: list[str], value: Node) -> Node:
    """Return the tree `study` with `value` at the path `words`; see `apply`.

    Raises:
      StudyError: the path leads through a number.
    """
    words = _joined(forgiving.path(words))
    # A document made in Python may have names of people's own.
    changed = _graft(forgiving.canonical(study), words, value)
    if "provenance" not in changed.value or words[0] not in _GIVEN:
        return changed
    # A study that was written out lists what it decides.
    decided = ".".join(words[words[0] in _GIVEN[:2] :])
    listed = deciding(changed.value["provenance"], [decided])
    return dataclasses.replace(changed, value={**changed.value, "provenance": listed})


def _joined(words: list[str]) -> list[str]:
    """Return a path with the key of a scenario constant as one word."""
    if words[0] != "design" or len(words) <= 2 or words[1] in FIELDS:
        return words
    bound = words[-1:] if words[-1] in _BOUNDS else []
    return ["design", ".".join(words[1 : len(words) - len(bound)]), *bound]


def _graft(node: Node, words: list[str], value: Node) -> Node:
    """Return `node` with `value` put at the path `words` below it."""
    if not words:
        return _moved(value, node.path)
    children = node.value
    names_entry = node.path == "model" or node.path.startswith("scenario.")
    if isinstance(children, str) and names_entry:
        # The name of a catalog entry becomes that entry with one field changed.
        own = node.path == "model" and is_config(children)
        word = "hugging_face" if own else "base"
        children = {word: Node(children, f"{node.path}.{word}", node.place)}
    if children is None:
        children = {}
    if not isinstance(children, dict):
        raise StudyError(
            f"{value.place}: `{node.path}` has no fields, it is {node.described()}"
        )
    path = f"{node.path}.{words[0]}" if node.path else words[0]
    child = children.get(words[0], Node(None, path, value.place))
    grown = _graft(child, words[1:], value)
    return dataclasses.replace(node, value={**children, words[0]: grown})


def _moved(node: Node, path: str) -> Node:
    """Return `node` and all below it with their paths below `path`."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _moved(child, f"{path}.{key}") for key, child in value.items()}
    elif isinstance(value, list):
        value = [_moved(child, f"{path}.{i}") for i, child in enumerate(value)]
    return Node(value, path, node.place)
