"""The user's own catalog: folders of files read with the limits of studies."""

import functools
import os
from collections.abc import Iterable
from pathlib import Path

from supernode_opt.reading import document
from supernode_opt.reading.node import InputError, Node

# Environment variable that names folders of the user's own catalog files, such as the
# `softwares.yaml` that a calibration writes; separated as in PATH, later ones win.
OWN_CATALOG = "SUPERNODE_OPT_CATALOG"
RESIDUAL_FILE = "gemm_residual.json"


class BadEntry(InputError):
    """Something in a catalog file that cannot be used; the message says where."""


def folders(files: Iterable[str]) -> tuple[Path, ...]:
    """Return the folders that `OWN_CATALOG` names.

    Args:
      files: the names a catalog file may have.

    Raises:
      BadEntry: one of them is no folder, or holds no catalog file.
    """
    return find(os.environ.get(OWN_CATALOG, ""), (*files, RESIDUAL_FILE))


@functools.cache
def find(named: str, files: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the folders `named` as in PATH; see `folders`."""
    found = tuple(Path(one) for one in named.split(os.pathsep) if one.strip())
    for folder in found:
        try:
            there = {path.name for path in folder.iterdir()}
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BadEntry(
                f"{OWN_CATALOG}: {folder}: is no folder to read: {reason.lower()}"
            ) from None
        if not there & set(files):
            some = ", ".join(sorted(files)[:4])
            raise BadEntry(
                f"{OWN_CATALOG}: {folder}: holds no catalog file, such as {some}"
            )
    return found


def read(path: Path) -> Node:
    """Read one of the user's own files.

    Raises:
      BadEntry: it cannot be read, or does not hold entries by name.
    """
    try:
        top = document.read(path, document.CATALOG)
        for name, node in top.mapping().items():
            if name == "sources":
                for child in node.mapping().values() if node.value else ():
                    child.text()
            elif name != "shared":
                _check_entry(node)
    except InputError as error:
        raise BadEntry(str(error)) from None
    return top


def _check_entry(node: Node) -> None:
    """Refuse what no entry of any kind may look like."""
    for name, child in node.mapping().items():
        if name in ("source", "confidence", "notes", "base"):
            child.text()
        elif name in ("published", "design"):
            for number in child.mapping().values():
                _check_number(number)
        else:
            _check_number(child)


def _check_number(node: Node) -> None:
    """Refuse a number with its range whose words are no words."""
    if isinstance(node.value, dict):
        for part in ("unit", "source", "confidence"):
            child = node.value.get(part)
            # A plain `unit: 1` means the same as "1".
            if child is not None and not (part == "unit" and child.value == 1):
                child.text()
