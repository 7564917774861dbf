"""Docstrings are plain text with code in backticks; Sphinx takes them for markup."""

import re
from typing import Any

# What reStructuredText gives a meaning: emphasis, substitutions and targets.
_MARKED = re.compile(r"\*+|\||(?<=\w)_(?=\W|$)|(?<=\W)_(?=\w)")


def escape(
    app: Any, what: str, name: str, object_: Any, options: Any, lines: list[str]
) -> None:
    """Escape in the docstring `lines`, in place, what is no markup in this project.

    Lines that are set in by four and more, after an empty one, are formulas or files.
    """
    text: list[str] = []
    for number, line in enumerate(lines):
        indented = line.startswith("    ") and not line.strip().startswith(">>>")
        first = indented and (not number or not lines[number - 1].strip())
        above = next((old for old in reversed(lines[:number]) if old.strip()), "")
        if first and not above.startswith("    ") and not above.rstrip().endswith(":"):
            text += ["::", ""]
        parts = re.split(r"(`[^`]*`)", line)
        text.append(
            line
            if indented and above and text and "::" in text[-2:]
            else "".join(
                part if part.startswith("`") else _MARKED.sub(r"\\\g<0>", part)
                for part in parts
            )
        )
    lines[:] = text
