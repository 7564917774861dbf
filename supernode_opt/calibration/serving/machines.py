"""The machine that a row of a serving table was measured on."""

from supernode_opt import catalog
from supernode_opt.calibration.data.runs import Refused
from supernode_opt.catalog.read import called
from supernode_opt.reading.node import did_you_mean, shown


def machine_of(chip: str, domain: float | None = None) -> str:
    """Return the catalog system with chips that a row calls `chip`.

    Of several with that chip the one whose scale-up domain the row names, else the one
    that is called so itself, else the first.

    Raises:
      Refused: the catalog has none.
    """
    part = catalog.chip_named(chip)
    systems = [
        name for name in catalog.names("system") if catalog.system(name).chip == part
    ]
    if part is None or not systems:
        known = [*catalog.names("chip"), *catalog.names("system")]
        near = did_you_mean(chip, known)
        raise Refused(f"no machine of the catalog has chips {shown(chip)}{near}")
    for name in systems:
        if domain and catalog.system(name).design["scale_up_domain"] == domain:
            return name
    itself = called("system", chip)
    return itself if itself in systems else systems[0]
