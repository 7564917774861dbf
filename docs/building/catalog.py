"""The catalog: every value with its range, source and confidence."""

from pathlib import Path
from typing import Any

from building.tables import cell, table
from supernode_opt import catalog
from supernode_opt.config import listing
from supernode_opt.words import spoken

_HEAD = ("field", "value", "low", "high", "confidence", "source")


def pages(root: Path) -> dict[str, str]:
    """Return one page for each kind of entry, and one that lists them."""
    listed = ["# Catalog\n"]
    listed.append(
        "What `supernode-opt catalog` prints, one page for each kind of part. Low and"
        " high are the ends of the range that ranges of answers are drawn from."
        " Confidence is *primary* (the maker's or the author's own word), *secondary*"
        " (somebody else's), *measured*, *fit* (to measurements, with the error that"
        " the source names) or *estimate*.\n"
    )
    found, rows = {}, []
    for kind in catalog.KINDS:
        names = catalog.names(kind)
        found[f"catalog/{kind}.md"] = _page(kind, names)
        rows.append((f"[{kind}](catalog/{kind}.md)", len(names), ", ".join(names)))
    listed.append(table(("kind", "entries", "names"), rows))
    tree = "\n".join(f"catalog/{kind}" for kind in catalog.KINDS)
    listed.append(f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n")
    return {"catalog.md": "\n".join(listed), **found}


def _page(kind: str, names: Any) -> str:
    text = [f"# Catalog: {kind}\n"]
    for name in names:
        text.append(f"## `{name}`\n")
        text.append(table(_HEAD, _rows(listing.entries(kind, name))))
    return "\n".join(text)


def _rows(entry: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for field, row in entry.items():
        words = field.replace("_", " ")
        if not isinstance(row, dict):
            said = ", ".join(map(str, row)) if isinstance(row, tuple) else str(row)
            rows.append((words, said, "", "", "", ""))
            continue
        numbers = (spoken(row[key], row["unit"]) for key in ("value", "low", "high"))
        rows.append((words, *numbers, row["confidence"], _plain(row["source"])))
    return rows


def _plain(source: str) -> str:
    """Return a citation as text, for it is no markup."""
    for mark in "\\`*_[]<>{}$~":
        source = source.replace(mark, f"\\{mark}")
    return cell(source)
