"""Catalog of chips, links, plants, software stacks, models and whole systems.

Every number keeps its range, source and confidence.  Entries are YAML files beside this
module; they are read on first use and validated against the records of the physics.
"""

from supernode_opt.catalog.gemm import gemm_kernel, gemm_kernels, gemm_residuals
from supernode_opt.catalog.read import (
    KINDS,
    Provenance,
    UnknownEntry,
    load,
    names,
    provenance,
    published,
)
from supernode_opt.catalog.systems import System, scenario, system

__all__ = [
    "KINDS",
    "Provenance",
    "System",
    "UnknownEntry",
    "gemm_kernel",
    "gemm_kernels",
    "gemm_residuals",
    "load",
    "names",
    "provenance",
    "published",
    "scenario",
    "system",
]
