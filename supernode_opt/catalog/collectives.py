"""Which constants a collective has on a machine: its library and its links.

An entry `nccl_nvlink4_all_reduce` holds what a library does on one generation of links;
`nccl_any_all_reduce` what it does on links that were never measured.
"""

import functools
from typing import NamedTuple

from supernode_opt.catalog.read import called, load, names, unknown
from supernode_opt.catalog.systems import system
from supernode_opt.hardware.collective import Collective

# Links by the switch they meet in; those that are missing are their own generation.
FABRICS = {
    "nvswitch2": "nvlink3",
    "nvswitch3": "nvlink4",
    "nvswitch4": "nvlink5",
    "nvswitch5": "nvlink5",
    "ub": "hccs",
    "hccs_mesh": "hccs",
    "xgmi_mesh": "xgmi",
}
# NVSwitch reduces from its third generation on (NVIDIA/nccl `src/graph/tuning.cc`: no
# in-switch efficiency before Hopper).
REDUCING = frozenset({"nvlink4", "nvlink5"})
ANY = "any"
# A rank of the Ascend libraries is one die, the catalog's chip a package.
_RANKS_PER_CHIP = {"ascend_910c": 2.0}


class Machine(NamedTuple):
    """Where a collective runs.

    Attributes:
      name: of the system in the catalog.
      fabric: generation of its links.
      rate: of one rank's port, one direction, data sheet [B/s].
    """

    name: str
    fabric: str
    rate: float


@functools.cache
def machine(name: str) -> Machine:
    """Return the machine called `name`: a system, a chip, or what others call it.

    Raises:
      UnknownEntry: there is no such machine.
    """
    found = called("system", name)
    if found is None:
        raise unknown("machine", name, (*names("system"), *names("chip")))
    built = system(found)
    switch = built.scale_up_switch
    port = built.design["scale_up_bandwidth"]
    rate = float(port) / _RANKS_PER_CHIP.get(built.chip, 1.0)
    return Machine(found, FABRICS.get(switch, switch), rate)


def collective(library: str, operation: str, fabric: str) -> Collective:
    """Return the constants of an operation, of `any` links where these are unknown.

    Raises:
      UnknownEntry: the library has no such operation on such links.
    """
    for links in (fabric, ANY):
        if f"{library}_{links}_{operation}" in names("collective"):
            return load("collective", f"{library}_{links}_{operation}")
    wanted = f"{library}_{fabric}_{operation}"
    raise unknown("collective", wanted, names("collective"))
