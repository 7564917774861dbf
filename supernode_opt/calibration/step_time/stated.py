"""Fitted software as a job was run, but for the constants that it states itself."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.calibration.data.practice import Practice
from supernode_opt.calibration.data.stacks import Stack
from supernode_opt.calibration.step_time.constants import software
from supernode_opt.system.software import Software


def stated_software(values: Mapping[str, float], eager: bool = False) -> Software:
    """Return software whose fields are `values`, SI, and NaN where nothing is said.

    `eager` as that of the software that it changes.
    """
    # What shapes the program is no number of a row.
    fields = dataclasses.fields(Software)
    names = [f.name for f in fields if not f.metadata.get("static")]
    numbers: dict[str, Any] = {
        name: np.asarray(float(values.get(name, np.nan))) for name in names
    }
    return Software(**numbers, eager=eager, name="")


def documented(stack: Stack) -> dict[str, float]:
    """Return the constants that a stack's documentation gives in place of the fit."""
    overhead = stack.step_overhead
    fixed = {} if overhead is None else {"step_overhead": overhead}
    return {**stack.software, **fixed}


def practised(
    base: Software, logs: Array, practice: Practice, stated: Software
) -> Software:
    """Return fitted software as a job was run, but for what is stated.

    Args:
      base: gives the constants that are not fitted.
      logs: logarithms of `CONSTANTS` [constant].
      practice: how it was run.
      stated: see `stated_software`.
    """
    made = software(base, logs, practice)
    return jax.tree.map(
        lambda fitted, own: jnp.where(jnp.isnan(own), fitted, own), made, stated
    )
