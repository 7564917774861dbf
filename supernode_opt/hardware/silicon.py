"""What a package costs to make: wafer area, yield, packaging.

Yield is negative binomial, for defects cluster (Stapper, Armstrong and Saji 1983).
"""

import jax.numpy as jnp
from jax import Array

from supernode_opt.hardware.chip import Chip

# Clustering of defects in the negative-binomial yield; 2-4 is usual.
_CLUSTERING = 3.0


def die_yield(chip: Chip) -> Array:
    """Share of good dies, `(1 + A D / 3) ** -3` [1]."""
    die = chip.die_area / chip.dies
    return (1.0 + die * chip.defect_density / _CLUSTERING) ** (-_CLUSTERING)


def manufacturing_cost(chip: Chip) -> Array:
    """Dies and packaging of one package, memory aside [USD].

    Wafer area is bought whole: what partial dies and scribe lines waste belongs to
    `wafer_price`, which is per area of good sites.
    """
    dies = chip.die_area * chip.wafer_price / die_yield(chip)
    return jnp.asarray(dies + chip.packaging_price)
