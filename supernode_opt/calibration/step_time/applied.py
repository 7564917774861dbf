"""The software of a row or a study: the same function makes it for both."""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from supernode_opt.calibration.data.platforms import Platform
from supernode_opt.calibration.data.practice import Practice
from supernode_opt.calibration.data.stacks import unfitted
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.platforms import entry
from supernode_opt.calibration.step_time.posterior import constants_of
from supernode_opt.calibration.step_time.stated import (
    documented,
    practised,
    stated_software,
)
from supernode_opt.catalog import load
from supernode_opt.catalog.read import Provenance
from supernode_opt.system.software import Software


def software_of(platform: Platform, practice: Practice) -> Software:
    """Return the software of a platform as a job is run on it, as floats."""
    mean, _ = constants_of(shipped.posterior(), platform.family, platform.fitted)
    base = load(unfitted(platform.base), platform.base)
    stated = dataclasses.replace(
        stated_software(documented(platform.documented)), name=base.name
    )
    # Single precision would make it another software than that of a row.
    with jax.enable_x64(True):
        made = practised(base, jnp.asarray(mean), practice, stated)
        made = jax.tree.map(float, made)
    return dataclasses.replace(made, name=platform.name)


@functools.cache
def ranges(platform: Platform, practice: Practice) -> Mapping[str, Provenance]:
    """Return value and 5-95 % range of every number of `software_of`."""
    about = "fit on published runs"
    with jax.enable_x64(True):
        written = entry(platform, shipped.posterior(), about, practice, figures=17)
    known = {
        name: Provenance(**number)
        for name, number in written.items()
        if isinstance(number, dict) and name not in documented(platform.documented)
    }
    centre = software_of(platform, practice)
    return {
        name: dataclasses.replace(number, value=float(getattr(centre, name)))
        for name, number in known.items()
    }
