"""A YAML file as a tree of nodes.

Only the plain part of YAML is read: mappings, lists and scalars as in YAML 1.2, where
`on`, `off` and `12:30` are words.  Tags, duplicate keys, deep nesting and large files
are refused before they can cost anything; aliases and merge keys (`<<`) too, but for
catalogs, whose entries share fields.  There what they expand to is bounded.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from supernode_opt.reading.files import read_text
from supernode_opt.reading.node import Node, StudyError, shown

LARGEST_FILE = 1_000_000
MOST_NODES = 20_000
DEEPEST = 24
MERGE = "<<"

# Both parse events without recursion; the first is written in C.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", "+.inf", ".Inf", ".INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a document may hold.

    Attributes:
      nodes: most values, aliases expanded.
      aliases: whether anchors, aliases and merge keys are allowed.
    """

    nodes: int = MOST_NODES
    aliases: bool = False


STUDY = Limits()
CATALOG = Limits(nodes=10 * MOST_NODES, aliases=True)


def read(path: Path, limits: Limits = STUDY) -> Node:
    """Read the YAML file at `path`.

    Raises:
      InputError: the file cannot be read, or is not a plain YAML mapping.
    """
    return parse(read_text(path, LARGEST_FILE), str(path), limits)


def parse(text: str, source: str, limits: Limits = STUDY) -> Node:
    """Read YAML `text`; `source` is what error messages call it.

    Raises:
      StudyError: the text is not a plain YAML mapping.
    """
    node = value(text, source, limits=limits)
    if node.value is None:
        raise StudyError(f"{source}: is empty")
    if not isinstance(node.value, dict):
        node.fail(f"must be a mapping of fields, but is {node.described()}")
    return node


def value(
    text: str, source: str, *, lines: bool = True, limits: Limits = STUDY
) -> Node:
    """Read any YAML value; `lines` says whether places carry a line number.

    Raises:
      StudyError: the text is not plain YAML.
    """

    def place(line: int) -> str:
        return f"{source}:{line + 1}" if lines else source

    try:
        return _Reader(text, place, limits).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "it is unreadable"
        context = f"{error.context} " if problem.startswith("but") else ""
        message = f"is not valid YAML: {context}{problem}"
        # PyYAML 6.0.4 and later count for themselves.
        if "nesting depth" in problem:
            message = "cannot be read: it is nested too deep"
        raise StudyError(f"{place(mark.line if mark else 0)}: {message}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise StudyError(f"{place(line)}: holds an unprintable character") from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start)
        raise StudyError(f"{place(line)}: holds an unprintable character") from None


class _Reader:
    """Makes nodes of the parser's events, counting them."""

    def __init__(self, text: str, place: Callable[[int], str], limits: Limits) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_PARSER)
        self._place, self._limits = place, limits
        self._count = 0
        # Nodes that have an anchor, without the path at which they stand.
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node:
        """Read the only document."""
        for event in self._events:
            if isinstance(event, yaml.StreamEndEvent):
                return Node(None, "", self._place(0))
            if isinstance(event, yaml.DocumentStartEvent):
                break
        made = self._node(next(self._events), "", 0)
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                line = self._place(event.start_mark.line)
                raise StudyError(f"{line}: is not valid YAML: a second document")
        return made

    def _refuse(self, event: Any, why: str) -> NoReturn:
        line = event.start_mark.line
        raise StudyError(f"{self._place(line)}: cannot be read: {why}")

    def _counted(self, event: Any, depth: int, more: int = 1) -> None:
        self._count += more
        if self._count > self._limits.nodes:
            self._refuse(event, "it holds too many values")
        if depth >= DEEPEST:
            self._refuse(event, "it is nested too deep")

    def _node(self, event: Any, path: str, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, depth)
        self._counted(event, depth)
        made = Node(None, path, self._place(event.start_mark.line))
        if event.tag is not None:
            made.fail(f"must not have a tag, but has {shown(event.tag)}")
        if isinstance(event, yaml.ScalarEvent):
            found: Any = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            found = []
            for item in iter(lambda: next(self._events), None):
                if isinstance(item, yaml.SequenceEndEvent):
                    break
                found.append(self._node(item, f"{path}.{len(found)}", depth + 1))
        else:
            found = self._mapping(made, depth)
        made = Node(found, path, made.place)
        if event.anchor is not None:
            self._anchors[event.anchor] = made
        return made

    def _alias(self, event: Any, path: str, depth: int) -> Node:
        if not self._limits.aliases:
            self._refuse(event, "aliases are not allowed")
        if event.anchor not in self._anchors:
            self._refuse(event, f"there is no anchor {shown(event.anchor)} before it")
        return self._copied(self._anchors[event.anchor], path, event, depth)

    def _copied(self, node: Node, path: str, event: Any, depth: int) -> Node:
        self._counted(event, depth)
        found = node.value
        if isinstance(found, dict):
            found = {
                key: self._copied(item, f"{path}.{key}", event, depth + 1)
                for key, item in found.items()
            }
        elif isinstance(found, list):
            found = [
                self._copied(item, f"{path}.{index}", event, depth + 1)
                for index, item in enumerate(found)
            ]
        return Node(found, path, node.place)

    def _mapping(self, made: Node, depth: int) -> dict[str, Node]:
        children: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key in iter(lambda: next(self._events), None):
            if isinstance(key, yaml.MappingEndEvent):
                break
            self._counted(key, depth + 1)
            if not isinstance(key, yaml.ScalarEvent) or not key.value or key.tag:
                made.fail("must have words as keys")
            name = f"{made.path}.{key.value}" if made.path else key.value
            below = self._node(next(self._events), name, depth + 1)
            # The line of the key, because a block value starts on the line after it.
            child = Node(below.value, name, self._place(key.start_mark.line))
            if key.value == MERGE and self._limits.aliases:
                merged |= self._merge(child)
            elif key.value in children:
                child.fail("is written twice")
            else:
                children[key.value] = child
        return {**merged, **children}

    def _merge(self, node: Node) -> dict[str, Node]:
        """Return the fields of one mapping or of several, of which the first wins."""
        several = node.value if isinstance(node.value, list) else [node]
        found: dict[str, Node] = {}
        for one in several:
            if not isinstance(one.value, dict):
                node.fail(f"must be mappings to merge, but is {one.described()}")
            found = {**one.value, **found}
        return found


def _scalar(event: Any) -> Any:
    """Resolve a scalar as YAML 1.2 does; quoted text stays text."""
    text = event.value
    if event.style in ("'", '"', "|", ">"):
        return text
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return text
