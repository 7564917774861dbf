"""A YAML file as a tree of nodes.

Only the plain part of YAML is read: mappings, lists and scalars as in YAML 1.2, where
`on`, `off` and `12:30` are words.  Aliases, tags, duplicate keys, deep nesting and
large files are refused before they can cost anything.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from supernode_opt.config.node import Node, StudyError, shown

LARGEST_FILE = 1_000_000
MOST_NODES = 20_000
DEEPEST = 24

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


def read(path: Path) -> Node:
    """Read the YAML file at `path`.

    Raises:
      StudyError: the file cannot be read, or is not a plain YAML mapping.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise StudyError(f"{path}: must be a file, but is a folder") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StudyError(f"{path}: cannot be read: {reason}") from None
    if len(content) > LARGEST_FILE:
        raise StudyError(f"{path}: must be smaller than {LARGEST_FILE // 10**6} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StudyError(f"{path}:{line}: is not UTF-8 text") from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Node:
    """Read YAML `text`; `source` is what error messages call it.

    Raises:
      StudyError: the text is not a plain YAML mapping.
    """
    node = value(text, source)
    if node.value is None:
        raise StudyError(f"{source}: is empty")
    if not isinstance(node.value, dict):
        node.fail(f"must be a mapping of fields, but is {node.described()}")
    return node


def value(text: str, source: str, *, lines: bool = True) -> Node:
    """Read any YAML value; `lines` says whether places carry a line number.

    Raises:
      StudyError: the text is not plain YAML.
    """

    def place(line: int) -> str:
        return f"{source}:{line + 1}" if lines else source

    try:
        made = _Loader(text).get_single_node()
        return Node(None, "", place(0)) if made is None else _convert(made, "", place)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "it is unreadable"
        context = f"{error.context} " if problem.startswith("but") else ""
        verdict = (
            "cannot be read" if isinstance(error, _Refused) else "is not valid YAML"
        )
        message = f"{verdict}: {context}{problem}"
        raise StudyError(f"{place(mark.line if mark else 0)}: {message}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise StudyError(f"{place(line)}: holds an unprintable character") from None


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML of a kind that a study does not need."""


class _Loader(yaml.SafeLoader):
    """The YAML parser with a bound on nodes and depth, and without aliases."""

    nodes = 0
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node, counting."""
        mark = self.peek_event().start_mark
        self.nodes += 1
        if self.check_event(yaml.AliasEvent):
            raise _Refused(problem="aliases are not allowed", problem_mark=mark)
        if self.nodes > MOST_NODES:
            raise _Refused(problem="it holds too many values", problem_mark=mark)
        if self.depth >= DEEPEST:
            raise _Refused(problem="it is nested too deep", problem_mark=mark)
        self.depth += 1
        made = super().compose_node(parent, index)
        self.depth -= 1
        return made


def _convert(node: yaml.Node, path: str, place: Any) -> Node:
    made = Node(None, path, place(node.start_mark.line))
    if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
        made.fail(f"must not have a tag, but has {shown(node.tag)}")
    if isinstance(node, yaml.ScalarNode):
        return Node(_scalar(node), path, made.place)
    if isinstance(node, yaml.SequenceNode):
        below = [_convert(v, f"{path}.{i}", place) for i, v in enumerate(node.value)]
        return Node(below, path, made.place)
    children: dict[str, Node] = {}
    for key, below in node.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value:
            made.fail("must have words as keys")
        name = f"{path}.{key.value}" if path else key.value
        # The line of the key, because a block value starts on the line after it.
        child = Node(
            _convert(below, name, place).value, name, place(key.start_mark.line)
        )
        if key.value in children:
            child.fail("is written twice")
        children[key.value] = child
    return Node(children, path, made.place)


def _scalar(node: yaml.ScalarNode) -> Any:
    """Resolve a scalar as YAML 1.2 does; quoted text stays text."""
    text = node.value
    if node.style is not None:
        return text
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return text
