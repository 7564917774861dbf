"""Catalog files as written: those of the package, and the user's own over them."""

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

from supernode_opt.catalog import inherited, naming, own
from supernode_opt.catalog.naming import unknown
from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.collective import Collective
from supernode_opt.hardware.gemm import GemmKernel
from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.plant import Cooling, Facility, Host, Rack, Reliability
from supernode_opt.reading.folder import plain_yaml, remembered
from supernode_opt.reading.node import Node
from supernode_opt.system.design import Design
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.system.software import Software
from supernode_opt.units import Quantity, quantities
from supernode_opt.workload.model import Model

RECORDS: dict[str, type] = {
    "chip": Chip,
    "link": LinkTechnology,
    "switch": Switch,
    "host": Host,
    "rack": Rack,
    "cooling": Cooling,
    "facility": Facility,
    "reliability": Reliability,
    "software": Software,
    # Software as documentation describes it, before any run calibrates it.
    "declared_software": Software,
    "serving_stack": ServingStack,
    "collective": Collective,
    "model": Model,
    "gemm_kernel": GemmKernel,
}
KINDS = (*RECORDS, "system")
_IRREGULAR = {
    "switch": "switches",
    "facility": "facilities",
    "reliability": "reliabilities",
}
HEADINGS = ("sources", "shared")
# Fields that say something about an entry and are no part of its record.
ABOUT = ("notes", "source", "confidence", "published", naming.ALIASES, inherited.BASE)


def file_of(kind: str) -> str:
    """Return the name of the file that holds the entries of `kind`."""
    return f"{_IRREGULAR.get(kind, kind + 's')}.yaml"


# What a catalog file may be called.
FILES = tuple(map(file_of, KINDS))


@functools.cache
def document(kind: str) -> Mapping[str, Any]:
    """Read the file that holds the entries of `kind`, the user's own included.

    Raises:
      UnknownEntry: there is no such kind.
      BadEntry: one of the user's own files cannot be used.
    """
    written = dict(shipped(kind))
    for top in _own(kind):
        written = inherited.added(kind, written, top, declared(kind))
    return written


def _own(kind: str) -> tuple[Node, ...]:
    """Return the user's own files with entries of `kind`; later ones win."""
    paths = [folder / file_of(kind) for folder in own.folders(FILES)]
    return tuple(own.read(path) for path in paths if path.exists())


def places(kind: str, name: str) -> Mapping[str, str]:
    """Return FILE:LINE of an entry of the user's own, at "", and of its fields.

    It is empty for an entry that comes with the package.
    """
    found: dict[str, str] = {}
    for top in _own(kind):
        node = top.mapping().get(name)
        if node is not None:
            fields = node.mapping().items()
            found |= {"": node.place, **{f: child.place for f, child in fields}}
            if "design" in node.value and isinstance(node.value["design"].value, dict):
                below = node.value["design"].value
                found |= {f"design.{f}": child.place for f, child in below.items()}
    return found


@functools.cache
def declared(kind: str) -> Mapping[str, Quantity]:
    """Return what is declared of every number of an entry, or of a system's design."""
    return dict(quantities(RECORDS.get(kind, Design)))


@functools.cache
def shipped(kind: str) -> Mapping[str, Any]:
    """Read the file of `kind` that comes with the package.

    Raises:
      UnknownEntry: there is no such kind.
    """
    if kind not in KINDS:
        raise unknown("kind of entry", kind, KINDS)
    file = resources.files("supernode_opt.catalog").joinpath(file_of(kind))
    return remembered(file.read_bytes(), plain_yaml)


def shipped_names(kind: str) -> tuple[str, ...]:
    """Return the names of the entries of `kind` that come with the package."""
    return tuple(name for name in shipped(kind) if name not in HEADINGS)


def names(kind: str) -> tuple[str, ...]:
    """Return the names of all entries of `kind`, in file order."""
    return tuple(name for name in document(kind) if name not in HEADINGS)
