"""A machine counted in ranks, where a package is more than one of them.

Frameworks give every die of an Ascend 910C a rank of its own: chips, domains,
bandwidths and boards of a design count packages, the split counts dies.  Two dies of a
package share its ports and talk over a link of their own, the innermost tier.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from supernode_opt.system.collectives import Network
from supernode_opt.system.design import Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.placement import Group
from supernode_opt.workload.traffic import Transfer

# What a package divides among its ranks.
_PEAKS = ("peak_bf16", "peak_fp8", "peak_fp4", "peak_int8")
_SHARED = (*_PEAKS, "hbm_bandwidth", "hbm_capacity")


def as_ranks(design: Design, scenario: Scenario) -> tuple[Design, Scenario]:
    """Return design and scenario with every rank as a chip of its own."""
    chip, count = scenario.chip, scenario.chip.ranks_per_chip
    if count == 1:
        return design, scenario
    parted = {name: getattr(chip, name) / count for name in _SHARED}
    host = scenario.host
    return (
        dataclasses.replace(
            design,
            chips=design.chips * count,
            scale_up_domain=design.scale_up_domain * count,
            scale_up_bandwidth=design.scale_up_bandwidth / count,
            scale_out_bandwidth=design.scale_out_bandwidth / count,
        ),
        dataclasses.replace(
            scenario,
            chip=dataclasses.replace(chip, **parted),
            host=dataclasses.replace(
                host, chips_per_board=host.chips_per_board * count
            ),
        ),
    )


def per_rank(net: Network, scenario: Scenario) -> Network:
    """Return what a rank sees of a network that chips see: its share of their ports."""
    count = scenario.chip.ranks_per_chip
    if count == 1:
        return net
    between = scenario.chip.die_bandwidth * scenario.software.scale_up_efficiency
    return net._replace(
        inner_rate=net.inner_rate / count,
        outer_rate=net.outer_rate / count,
        die_rate=jnp.asarray(between),
    )


def per_package(parts: Any, scenario: Scenario) -> Any:
    """Add up what the ranks of a package hold, given what one of them does."""
    count = scenario.chip.ranks_per_chip
    return parts if count == 1 else jax.tree.map(lambda part: count * part, parts)


def through_package(transfer: Transfer, group: Group, *, direct: bool) -> Transfer:
    """Let what stays in a package pass between its dies.

    Args:
      transfer: as if every rank had a package of its own.
      group: who takes part.
      direct: whether every rank sends to every other, instead of along a ring; a ring
        enters a package once, through the ports of all its members.
    """
    if isinstance(group.package, float):
        # Placed where no package has several ranks.
        return transfer
    together = jnp.asarray(group.package)
    others = jnp.maximum(group.size - 1.0, 1.0)
    leaving = (group.size - together) / others
    among: Array = jnp.clip(together - 1.0, 0.0, 1.0)
    if direct:
        die = transfer.inner * (together - 1.0) / others
        return transfer._replace(inner=transfer.inner * leaving, die=die)
    return transfer._replace(
        inner=transfer.inner * leaving / together, die=among * transfer.inner
    )
