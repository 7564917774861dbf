"""The answer of the physics: quantities with units, totals with their parts."""

import dataclasses
from functools import reduce
from operator import add
from typing import Any

from supernode_opt.record import record
from supernode_opt.units import (
    Byte,
    Dollar,
    FlopPerSecond,
    JoulePerByte,
    Kelvin,
    Metre,
    NonNegative,
    PerSecond,
    Second,
    Watt,
    quantity,
)

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
    """Named parts of the fullest chip's memory [B]."""

    weights: Memory
    gradients: Memory
    optimizer: Memory
    activations: Memory
    logits: Memory
    gathered: Memory
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
    maintenance: Dollar
    energy: Dollar


@record
class FailureParts:
    """Named parts of the rate of failures that stop the job [1/s]."""

    chips: PerSecond
    hosts: PerSecond
    links: PerSecond
    switches: PerSecond
    other: PerSecond


@record
class Report:
    """What `evaluate` says of a design.

    `power` is provisioned (every chip at peak activity), as a power budget is;
    `average_power` is what the job draws over a step.  `mfu` counts model FLOPs
    without recompute, with the attention convention of the scenario, over the nominal
    dense peak of its precision.  `sustained_clock` is what power limit and cooling
    sustain; `clock` is the one the design asks for or, if it is throttled, no more than
    that.  What is provisioned and what limits are judged by are at the clock asked for.
    """

    step_time: Second
    tokens_per_s: quantity("token/s")
    mfu: NonNegative
    bubble_fraction: NonNegative
    model_flops: quantity("flop")
    peak_flops: FlopPerSecond
    data_parallel: NonNegative
    micro_batches: NonNegative
    memory: Byte
    memory_fraction: NonNegative
    power: Watt
    average_power: Watt
    facility_power: Watt
    rack_power: Watt
    rack_power_fraction: NonNegative
    chip_power: Watt
    chip_power_fraction: NonNegative
    junction_temperature: Kelvin
    junction_fraction: NonNegative
    loop_gain: NonNegative
    coolant_outlet_temperature: Kelvin
    clock: NonNegative
    sustained_clock: NonNegative
    core_voltage: quantity("V")
    average_chip_power: Watt
    optics_temperature: Kelvin
    scale_up_modules: NonNegative
    scale_out_modules: NonNegative
    optical_modules: NonNegative
    switch_tiers: NonNegative
    scale_up_span: Metre
    scale_out_span: Metre
    scale_up_reach: NonNegative
    scale_out_reach: NonNegative
    scale_up_lanes: NonNegative
    scale_up_leaf_chips: NonNegative
    scale_up_spine_chips: NonNegative
    scale_out_switch_chips: NonNegative
    scale_up_short_fraction: NonNegative
    scale_up_latency: Time
    scale_up_energy: JoulePerByte
    racks: NonNegative
    chips_per_rack: NonNegative
    cost: Dollar
    capital_cost: Dollar
    cost_per_chip_hour: quantity("USD/h")
    cost_per_megatoken: quantity("USD/Mtoken")
    die_yield: NonNegative
    tokens_per_joule: quantity("token/J")
    tokens_per_dollar: quantity("token/USD")
    mtbf: Second
    goodput: NonNegative
    goodput_tokens_per_s: quantity("token/s")
    checkpoint_interval: Second
    goodput_unmasked: NonNegative
    step: StepTime
    memory_parts: MemoryParts
    power_parts: PowerParts
    chip_parts: ChipParts
    average_chip_parts: ChipParts
    heat: Heat
    cost_parts: CostParts
    failure_parts: FailureParts


# Records of parts in `Report`, each with what one of its fields is called.
PARTS = {
    "step": "step_part",
    "memory_parts": "memory_part",
    "power_parts": "power_part",
    "chip_parts": "chip_part",
    "average_chip_parts": "average_chip_part",
    "heat": "heat_part",
    "cost_parts": "cost_part",
    "failure_parts": "failure_part",
}


def total(parts: Any) -> Any:
    """Add the fields of a record of parts, in their order."""
    return reduce(add, (getattr(parts, f.name) for f in dataclasses.fields(parts)))
