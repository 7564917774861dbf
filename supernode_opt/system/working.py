"""A machine at work, as reported: time, memory, power, heat, wiring and racks."""

from supernode_opt.record import record
from supernode_opt.system.reported import reported
from supernode_opt.system.ways import (
    CLOCKED,
    HEAT,
    LIMIT,
    LOAD,
    MEAN,
    MEMORY,
    PORTS,
    REACH,
    SUSTAINED,
    SWING,
    TIME,
    WIRING,
)

LOOP_GAIN_LIMIT = 0.5


@record
class Working:
    """What a design takes and does while nothing fails, whatever it costs."""

    step_time: reported(
        "s",
        "time of one optimizer step",
        zero=False,
        more_is_better=False,
        ways=TIME,
        headline=True,
        key="step_time_s",
        parts="step",
        step_exponent=1.0,
    )
    tokens_per_s: reported(
        "token/s",
        "tokens trained on, while no failure stops the job",
        zero=False,
        more_is_better=True,
        formula=lambda r, d, s: (
            s.training.global_batch * s.training.sequence_length / r.step_time
            if s.serving is None
            else r.output_tokens_per_s
        ),
        shown=("ktokens/s", 1e-3),
        headline=True,
        key="tokens_per_s",
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
        key="mfu",
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
        key="memory_bytes",
        parts="memory_parts",
    )
    memory_allocated: reported(
        "B",
        "of it, tensors (an allocator's peak of what is allocated)",
        zero=False,
        more_is_better=False,
        ways=MEMORY,
    )
    memory_reserved: reported(
        "B",
        "of it, what the allocator has reserved",
        zero=False,
        more_is_better=False,
        ways=MEMORY,
    )
    fit_probability: reported(
        "",
        "chance that the fullest chip's memory suffices, headroom left out",
        more_is_better=True,
        ways=MEMORY.reversed(),
        share=True,
        headline=True,
        key="fit_probability",
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
        key="power_w",
        parts="power_parts",
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
    power_swing: reported(
        "W",
        "by which the machine draws less while all chips end their step",
        more_is_better=False,
        ways=SWING,
        dear=True,
    )
    power_ramp: reported(
        "W/s",
        "steepest slope of the swing's part at the frequency of steps",
        more_is_better=False,
        ways=SWING,
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
        "W", "of a package at its peak", zero=False, more_is_better=False, ways=HEAT
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
        key="junction_celsius",
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
        "", "that power limit and cooling sustain, over the boost clock", ways=SUSTAINED
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
