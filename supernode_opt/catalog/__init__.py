"""Catalog of chips, links, plants, software stacks, models and whole systems.

Every number keeps its range, source and confidence.  Entries are YAML files beside this
module; they are read on first use and validated against the records of the physics.
"""

from supernode_opt.catalog import own
from supernode_opt.catalog import read as _read
from supernode_opt.catalog import systems as _systems
from supernode_opt.catalog.browse import (
    chips,
    links,
    models,
    softwares,
    switches,
    systems,
)
from supernode_opt.catalog.collectives import machine
from supernode_opt.catalog.gemm import gemm_kernel, gemm_kernels, gemm_residuals
from supernode_opt.catalog.published import published
from supernode_opt.catalog.read import (
    KINDS,
    Provenance,
    UnknownEntry,
    called,
    find,
    load,
    names,
    provenance,
)
from supernode_opt.catalog.served import chip_named, model_named
from supernode_opt.catalog.systems import System, field_span, scenario, system

__all__ = [
    "KINDS",
    "Provenance",
    "System",
    "UnknownEntry",
    "called",
    "chip_named",
    "chips",
    "field_span",
    "find",
    "forget",
    "gemm_kernel",
    "gemm_kernels",
    "gemm_residuals",
    "links",
    "load",
    "model_named",
    "models",
    "names",
    "provenance",
    "published",
    "scenario",
    "softwares",
    "switches",
    "system",
    "systems",
]


def forget() -> None:
    """Drop what was read, after the user's own catalog has changed."""
    for cached in (
        own.find,
        _read.document,
        _read._called,
        _read._provenance,
        _read.load,
        _systems.system,
        machine,
    ):
        cached.cache_clear()
