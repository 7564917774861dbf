"""Docstrings are plain text with code in backticks; Sphinx takes them for markup."""

import re
from typing import Any

# What reStructuredText gives a meaning: emphasis, substitutions and targets.
_MARKED = re.compile(r"\*+|\||(?<=\w)_(?=\W|$)|(?<=\W)_(?=\w)")
# Several fields that are described together.
_SEVERAL = re.compile(r"^( +)(\w+(?:, \w+)+)(: .*)$")


def escape(
    app: Any, what: str, name: str, object_: Any, options: Any, lines: list[str]
) -> None:
    """Rewrite the docstring `lines`, in place, so that Sphinx takes them as meant.

    Lines that are set in by four and more, after an empty one, are formulas or files.
    """
    text: list[str] = []
    literal = False
    lines[:] = _apart(lines)
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        begins = indented and (not number or not lines[number - 1].strip())
        if begins and not literal and not line.strip().startswith(">>>"):
            literal = True
            text += ["::", ""]
        elif line.strip() and not indented:
            literal = False
        if literal:
            text.append(line)
            continue
        parts = re.split(r"(`[^`]*`)", line)
        text.append(
            "".join(
                part if part.startswith("`") else _MARKED.sub(r"\\\g<0>", part)
                for part in parts
            )
        )
    lines[:] = text


def _apart(lines: list[str]) -> list[str]:
    """Give each of several fields that are described together the description."""
    text: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        several = _SEVERAL.match(line)
        if several is None:
            text.append(line)
            continue
        margin, names, words = several.groups()
        more = []
        while rest and rest[0].startswith(margin + " "):
            more.append(rest.pop(0))
        for one in names.split(", "):
            text += [f"{margin}{one}{words}", *more]
    return text
