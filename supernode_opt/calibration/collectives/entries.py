"""Fitted collectives as catalog entries: every number with its range and source."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from supernode_opt.calibration import written
from supernode_opt.calibration.collectives.constants import ABSENT, FLAGS, constants_at
from supernode_opt.calibration.collectives.user import Calibration
from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.catalog.collectives import ANY
from supernode_opt.hardware.collective import OPERATIONS, Collective
from supernode_opt.units import quantities

_ABSENT = "this library does not do it in this operation, or not on these links"

# What the reader of a table must know.
_DOUBTS = {
    "hccl": ", as labelled; its rates fit the dies of a 910C better than a 910B mesh"
}


def entry_name(platform: str, library: str, fabric: str, operation: str) -> str:
    """Name the entry of a library that a platform calibrated.

    The platform stands in the place of the library's first word, so that calibrating
    NCCL as the platform `nccl` replaces the shipped entries.

    >>> entry_name("mine", "trtllm_two_sided", "nvlink5", "dispatch")
    'mine_two_sided_nvlink5_dispatch'
    """
    _, blank, rest = library.partition("_")
    return f"{platform}{blank}{rest}_{fabric}_{operation}"


def entries(found: Calibration, platform: str) -> dict[str, dict[str, Any]]:
    """Return the catalog entries of one library: per links and operation.

    Where links differ, an entry for links that were never measured comes last.
    """
    keys = sorted({(row.operation, row.machine.fabric) for row in found.rows})
    shares = any("fabric" in scope for _, scope, _ in found.posterior.names)
    if shares:
        keys += [(operation, ANY) for operation in sorted({k[0] for k in keys})]
    made = {}
    for operation, fabric in sorted(keys, key=lambda key: (key[1] == ANY, key[1])):
        name = entry_name(platform, found.library, fabric, operation)
        made[name] = _entry(found, operation, fabric)
    return made


def _entry(found: Calibration, operation: str, fabric: str) -> dict[str, Any]:
    fitted = constants_at(found.posterior, operation, fabric)
    links = "links that were never measured" if fabric == ANY else fabric
    doubt = _DOUBTS.get(found.library, "")
    said = f"{operation.replace('_', ' ')} of {found.library} on {links}{doubt}"
    made: dict[str, Any] = {"notes": said}
    for name, declared in quantities(Collective):
        one = fitted.get(name)
        value, ratio, about, confidence = ABSENT[name], 1.0, "absent", "estimate"
        if one is not None:
            value, ratio = one.value, float(np.exp(NINETY * one.deviation))
            about, confidence = source_name(found), "fit"
        ends = (value, value / ratio, value * ratio)
        made[name] = written.number(
            ends, declared.unit, about, confidence, most=declared.high, figures=4
        )
    kind = OPERATIONS[operation]._asdict()
    return {**made, **{flag: kind[flag] for flag in FLAGS}}


def source_name(found: Calibration) -> str:
    """Return the key of `sources` that the numbers of a library refer to."""
    return f"{found.library}_fit"


def source(found: Calibration, date: str) -> str:
    """Describe a fit in one line: rows, date, citation and errors."""
    fitted = found.inside.rows
    cited = sorted({_publication(row.source) for row in found.rows} - {""})
    where = f" of {', '.join(cited)}" if cited else ""
    said = f"fit on {fitted} of {len(found.rows)} measured collectives{where}, {date}"
    said += f"; median error {100.0 * found.inside.median:.1f} %"
    if found.unseen is not None:
        unseen = found.unseen
        said += (
            f", rows never fitted {100.0 * unseen.median:.1f} %"
            f" (p90 {100.0 * unseen.p90:.0f} %, bias {100.0 * unseen.bias:+.1f} %)"
        )
    return said


def _publication(cited: str) -> str:
    """Return repository and commit of a source without the file in it."""
    return re.split(r"[:\s]", cited, maxsplit=1)[0]


def text(
    calibrations: Sequence[Calibration], platform: str, heading: str, date: str
) -> str:
    """Write libraries as a catalog file.

    A table of one family of libraries is named after the platform; several families
    keep their names.
    """
    families = {found.library.split("_")[0] for found in calibrations}
    sources = {source_name(found): source(found, date) for found in calibrations}
    made: dict[str, dict[str, Any]] = {}
    for found in calibrations:
        own = platform if len(families) == 1 else found.library.split("_")[0]
        made |= entries(found, own)
    return written.text(made, heading, {**sources, "absent": _ABSENT})
