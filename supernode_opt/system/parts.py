"""Totals with their parts: what a step, memory, power, cost and failures consist of."""

import dataclasses
from typing import TYPE_CHECKING, Any

from supernode_opt.record import record
from supernode_opt.system.reported import facts_of, reported
from supernode_opt.system.ways import CAPITAL, FINANCE, MEAN
from supernode_opt.units import Dollar, PerSecond, quantity

if TYPE_CHECKING:
    from jax import Array

Time = quantity("s", zero=True)
Power = quantity("W", zero=True)
Memory = quantity("B", zero=True)


@record
class StepTime:
    """Named parts of one optimizer step [s]; communication counts where exposed."""

    gemm: Time
    attention: Time
    elementwise: Time
    head: Time
    launch: Time
    recompute: Time
    tensor_parallel: Time
    context_parallel: Time
    expert_parallel: Time
    parameter_gather: Time
    pipeline_transfer: Time
    stage_imbalance: Time
    bubble: Time
    data_parallel: Time
    optimizer: Time
    overhead: Time
    straggler: Time


@record
class MemoryParts:
    """Named parts of the fullest chip's memory [B].

    All but the last three are tensors that an allocator counts as allocated; with
    fragmentation they are what it has reserved.
    """

    weights: Memory
    gradients: Memory
    optimizer: Memory
    activations: Memory
    logits: Memory
    gathered: Memory
    fragmentation: Memory
    buffers: Memory
    framework: Memory


@record
class PowerParts:
    """Named parts of the provisioned system power, all chips at full activity [W]."""

    chips: Power
    hosts: Power
    network_interfaces: Power
    scale_up_links: Power
    scale_out_links: Power
    scale_up_switches: Power
    scale_out_switches: Power
    cooling: Power
    conversion: Power


@record
class ChipParts:
    """Named parts of the power of one package [W]."""

    idle: quantity("W", low=None)
    dynamic: Power
    leakage: Power
    memory: Power
    port: Power


@record
class Heat:
    """Where the heat of the provisioned power goes [W]."""

    liquid: Power
    air: Power


@record
class CostParts:
    """Named parts of the cost over the machine's life [USD]."""

    chips: Dollar
    memory: Dollar
    hosts: Dollar
    links: Dollar
    switches: Dollar
    racks: Dollar
    cooling: Dollar
    spares: Dollar
    facility: Dollar
    financing: reported("USD", "interest on the machine over its life", ways=FINANCE)
    maintenance: reported("USD", "upkeep of all that was bought", ways=CAPITAL)
    energy: reported("USD", "what the machine draws, at its tariff", ways=MEAN)


@record
class FailureParts:
    """Named parts of the rate of failures that stop the job [1/s]."""

    chips: PerSecond
    hosts: PerSecond
    links: PerSecond
    switches: PerSecond
    other: PerSecond
    corruption: PerSecond


# What is said of parts that other quantities follow from.
PART_FACTS = {
    f"cost_parts.{name}": facts for name, facts in facts_of(CostParts).items()
}


def total(parts: Any) -> "Array":
    """Add the fields of a record of parts, in their order."""
    fields = (getattr(parts, field.name) for field in dataclasses.fields(parts))
    from supernode_opt.smooth import stack, summed

    return summed(stack(*fields))
