"""What docstrings say of the fields of a record."""

import inspect
import re


def fields(record_type: type) -> dict[str, str]:
    """Return what `Attributes` of the docstring of `record_type` says, by field."""
    text = inspect.getdoc(record_type) or ""
    _, _, after = text.partition("Attributes:\n")
    told: dict[str, str] = {}
    for block in re.split(r"\n(?=  \S)", "\n" + after):
        names, colon, words = block.strip().partition(":")
        if colon and re.fullmatch(r"[\w, ]+", names):
            told |= dict.fromkeys(re.split(r",\s*", names.strip()), plain(words))
    return told


def plain(words: str) -> str:
    """Return text of a docstring with what Markdown would take for markup escaped."""
    parts = re.split(r"(`[^`]*`)", " ".join(words.split()))
    return "".join(
        part if part.startswith("`") else re.sub(r"[*_$<>\[\]]", r"\\\g<0>", part)
        for part in parts
    )
