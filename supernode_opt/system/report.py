"""The answer of the physics: quantities with units, totals with their parts."""

import dataclasses
from functools import reduce
from operator import add
from types import SimpleNamespace
from typing import Any

from supernode_opt.record import record
from supernode_opt.system.reported import facts_of, reported
from supernode_opt.system.ways import (
    CALM,
    CAPITAL,
    CLOCKED,
    HEAT,
    LIMIT,
    LOAD,
    MEAN,
    MEMORY,
    PORTS,
    REACH,
    SUSTAINED,
    TIME,
    WIRING,
)
from supernode_opt.units import Dollar, PerSecond, quantity

LOOP_GAIN_LIMIT = 0.5
_HOUR = 3600.0
_MEGA = 1e6

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

    step_time: reported(
        "s",
        "time of one optimizer step",
        zero=False,
        more_is_better=False,
        ways=TIME,
        headline=True,
        step_exponent=1.0,
    )
    tokens_per_s: reported(
        "token/s",
        "tokens trained on, while no failure stops the job",
        zero=False,
        more_is_better=True,
        formula=lambda r, d, s: (
            s.training.global_batch * s.training.sequence_length / r.step_time
        ),
        shown=("ktokens/s", 1e-3),
        headline=True,
        compared=True,
        step_exponent=-1.0,
    )
    model_flops: reported(
        "flop", "what the model asks of a step, nothing recomputed", zero=False
    )
    peak_flops: reported(
        "flop/s",
        "dense peak of all chips at the boost clock, in the precision of training",
        zero=False,
        more_is_better=True,
        label="peak",
        shown=("PFLOP/s", 1e-15),
        compared=True,
    )
    mfu: reported(
        "",
        "model FLOPs over what the chips could do at their peak",
        label="MFU",
        more_is_better=True,
        formula=lambda r, d, s: r.model_flops / (r.step_time * r.peak_flops),
        share=True,
        shown=("%", 100.0),
        headline=True,
        compared=True,
        step_exponent=-1.0,
    )
    bubble_fraction: reported(
        "", "share of the pipeline's time without work", share=True
    )
    data_parallel: reported("", "replicas of the model")
    micro_batches: reported("", "micro-batches of a replica in one step")
    memory: reported(
        "B",
        "of the fullest chip",
        zero=False,
        more_is_better=False,
        ways=MEMORY,
        headline=True,
    )
    memory_fraction: reported(
        "",
        "memory of the fullest chip over what it has",
        more_is_better=False,
        formula=lambda r, d, s: r.memory / s.chip.hbm_capacity,
        ceiling=lambda s: 1.0 - s.memory_headroom,
        share=True,
    )
    power: reported(
        "W",
        "provisioned power of the machine, every chip at its peak",
        zero=False,
        more_is_better=False,
        ways=LOAD,
        shown=("kW", 1e-3),
        headline=True,
        compared=True,
    )
    average_power: reported(
        "W",
        "what the machine draws over a step",
        zero=False,
        more_is_better=False,
        ways=MEAN,
        dear=True,
    )
    facility_power: reported(
        "W",
        "provisioned power with the building around it",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: r.power * s.facility.pue,
    )
    chips_per_rack: reported(
        "", "accelerators in one rack, as its cooling allows", ways=WIRING.reversed()
    )
    rack_power: reported(
        "W",
        "of one rack with its share of the network",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: r.power * r.chips_per_rack / d.chips,
    )
    rack_power_fraction: reported(
        "",
        "power of the thinnest rack that is built over what it can reject",
        more_is_better=False,
        ways=LOAD,
        ceiling=lambda s: 1.0,
        share=True,
    )
    chip_power: reported(
        "W",
        "of a package at its peak",
        zero=False,
        more_is_better=False,
        ways=HEAT,
    )
    chip_power_fraction: reported(
        "",
        "power of a package at its peak over what it may draw",
        more_is_better=False,
        ways=LIMIT,
        ceiling=lambda s: 1.0,
        share=True,
    )
    junction_temperature: reported(
        "K",
        "of a package at its peak",
        zero=False,
        more_is_better=False,
        ways=HEAT,
        headline=True,
    )
    junction_fraction: reported(
        "",
        "rise of the junction over the coolant, over the rise that its limit allows",
        more_is_better=False,
        ways=HEAT,
        ceiling=lambda s: 1.0,
        share=True,
    )
    # Above one the leakage loop has no fixed point; half of it is a safe distance.
    loop_gain: reported(
        "",
        "how much leakage its own heat adds per watt of it",
        more_is_better=False,
        ways=HEAT,
        ceiling=lambda s: LOOP_GAIN_LIMIT,
    )
    coolant_outlet_temperature: reported(
        "K", "of the coolant behind a package at its peak", zero=False, ways=HEAT
    )
    clock: reported("", "that chips run at, over the boost clock", ways=CLOCKED)
    sustained_clock: reported(
        "",
        "that power limit and cooling sustain, over the boost clock",
        ways=SUSTAINED,
    )
    core_voltage: reported(
        "V", "supply of the cores at the clock asked for", zero=False, ways=CLOCKED
    )
    average_chip_power: reported(
        "W", "of a package over a step", zero=False, more_is_better=False, dear=True
    )
    optics_temperature: reported(
        "K",
        "case of the hottest link modules",
        zero=False,
        more_is_better=False,
        ways=WIRING,
    )
    scale_up_modules: reported("", "link modules of the domains", ways=WIRING)
    scale_out_modules: reported("", "link modules of the network", ways=WIRING)
    optical_modules: reported("", "link modules with light in them", ways=WIRING)
    switch_tiers: reported("", "tiers of switches in a domain", ways=WIRING)
    scale_up_span: reported("m", "longest link of a domain", ways=WIRING)
    scale_out_span: reported("m", "longest link of the network", ways=WIRING)
    scale_up_reach: reported(
        "",
        "length or loss of a domain's links beyond what their technology bridges",
        more_is_better=False,
        ways=REACH,
        ceiling=lambda s: 0.0,
    )
    scale_out_reach: reported(
        "",
        "length or loss of the network's links beyond what their technology bridges",
        more_is_better=False,
        ways=REACH,
        ceiling=lambda s: 0.0,
    )
    scale_up_lanes: reported("", "lanes of a package's port", ways=WIRING)
    scale_up_leaf_chips: reported(
        "", "switch chips in the first tier of the domains", ways=PORTS
    )
    scale_up_spine_chips: reported(
        "", "switch chips in all further tiers of the domains", ways=PORTS
    )
    scale_out_switch_chips: reported("", "switch chips of the network", ways=WIRING)
    scale_up_short_fraction: reported(
        "", "share of a domain's link ends on the technology's copper", share=True
    )
    scale_up_latency: reported(
        "s", "longest path in a domain, hardware alone", ways=WIRING
    )
    scale_up_energy: reported(
        "J/B", "of a byte in a domain, links and switches", more_is_better=False
    )
    racks: reported("", "of the machine", ways=WIRING)
    capital_cost: reported(
        "USD",
        "what is spent once",
        zero=False,
        more_is_better=False,
        ways=CAPITAL,
        dear=True,
    )
    cost: reported(
        "USD",
        "over the machine's life: capital, upkeep and energy",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: (
            r.capital_cost + r.cost_parts.maintenance + r.cost_parts.energy
        ),
        headline=True,
        dear=True,
    )
    cost_per_chip_hour: reported(
        "USD/h",
        "cost over the life of every chip",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: r.cost * _HOUR / (d.chips * s.facility.lifetime),
        headline=True,
        dear=True,
    )
    die_yield: reported("", "share of dies without a fatal defect", share=True)
    mtbf: reported(
        "s",
        "mean time between failures that stop the job",
        label="MTBF",
        zero=False,
        more_is_better=True,
        ways=CALM,
        dear=True,
    )
    goodput: reported(
        "",
        "share of time that makes progress",
        more_is_better=True,
        ways=CALM,
        share=True,
        shown=("%", 100.0),
        headline=True,
        compared=True,
        dear=True,
    )
    checkpoint_interval: reported(
        "s", "best time between checkpoints", zero=False, ways=CALM, dear=True
    )
    goodput_unmasked: reported(
        "",
        "share of time that made progress if every link fault stopped the job",
        more_is_better=True,
        ways=CALM,
        share=True,
        dear=True,
    )
    goodput_tokens_per_s: reported(
        "token/s",
        "tokens trained on, failures included",
        more_is_better=True,
        formula=lambda r, d, s: r.tokens_per_s * r.goodput,
        step_exponent=-1.0,
        dear=True,
    )
    tokens_per_joule: reported(
        "token/J",
        "tokens trained on over provisioned power",
        zero=False,
        more_is_better=True,
        formula=lambda r, d, s: r.tokens_per_s / r.power,
        shown=("tokens/J", 1.0),
        compared=True,
        step_exponent=-1.0,
    )
    tokens_per_dollar: reported(
        "token/USD",
        "tokens trained on over the machine's life, failures included, over its cost",
        more_is_better=True,
        formula=lambda r, d, s: r.goodput_tokens_per_s * s.facility.lifetime / r.cost,
        step_exponent=-1.0,
        dear=True,
    )
    cost_per_megatoken: reported(
        "USD/Mtoken",
        "cost of a million tokens, failures included",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: _MEGA / r.tokens_per_dollar,
        shown=("$/Mtoken", 1.0),
        headline=True,
        compared=True,
        step_exponent=1.0,
        dear=True,
    )
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


SCALARS = tuple(name for name in Report.__dataclass_fields__ if name not in PARTS)
# What is said of every scalar of the report, and of parts that others follow from.
FACTS = facts_of(Report)
PART_FACTS = {
    f"cost_parts.{name}": facts for name, facts in facts_of(CostParts).items()
}


def is_share(name: str) -> bool:
    """Tell whether people write the quantity `name` in per cent."""
    return name in FACTS and FACTS[name].share


def completed(values: dict[str, Any], design: Any, scenario: Any) -> dict[str, Any]:
    """Return `values` with every quantity that follows from them by its formula."""
    made = SimpleNamespace(**values)
    for name, facts in FACTS.items():
        if facts.formula is not None:
            setattr(made, name, facts.formula(made, design, scenario))
    return vars(made)


def total(parts: Any) -> Any:
    """Add the fields of a record of parts, in their order."""
    return reduce(add, (getattr(parts, f.name) for f in dataclasses.fields(parts)))
