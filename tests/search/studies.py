"""A small machine and models, with round numbers, for the tests of the solver."""

from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.plant import Cooling, Facility, Host, Rack, Reliability
from supernode_opt.problem.box import default_variable
from supernode_opt.problem.problem import Constraint, Objective, Problem
from supernode_opt.problem.variables import CHOICE_NAMES, NUMBER_NAMES, Choice
from supernode_opt.record import replace
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.software import Software
from supernode_opt.workload.model import Model, Training

DENSE = Model(
    layers=24.0,
    hidden=4096.0,
    heads=32.0,
    kv_heads=8.0,
    head_dim=128.0,
    ffn=14336.0,
    vocabulary=128000.0,
    dense_layers=24.0,
)
EXPERTS = Model(
    layers=12.0,
    hidden=4096.0,
    heads=32.0,
    kv_heads=32.0,
    head_dim=128.0,
    ffn=12288.0,
    vocabulary=128000.0,
    dense_layers=2.0,
    experts=64.0,
    top_k=8.0,
    shared_experts=1.0,
    expert_ffn=1536.0,
)

CHIP = Chip(
    softmax_channels=64.0,
    peak_bf16=752e12,
    peak_fp8=0.0,
    peak_fp4=0.0,
    array_efficiency=0.9,
    sustained_clock=0.9,
    maximum_clock=1.2,
    tdp=800.0,
    static_share=0.27,
    leakage_share=0.15,
    leakage_coefficient=0.015,
    power_exponent=2.8,
    voltage_floor_clock=0.5,
    junction_limit=358.15,
    die_area=13.3e-4,
    hbm_capacity=64e9,
    hbm_bandwidth=3.2e12,
    hbm_efficiency=0.84,
    scale_up_bandwidth=392e9,
    scale_out_bandwidth=50e9,
    port_energy=40e-12,
    price=18000.0,
    memory_price=12e-9,
    failure_rate=5.6e-12,
)


def link(name, energy, reach, optical, price):
    return LinkTechnology(
        energy=energy,
        reach=reach,
        optical=optical,
        latency=1e-7,
        price=price,
        failure_rate=1e-11 * (1.0 + optical),
        name=name,
    )


def switch(first, name):
    return Switch(
        energy=60e-12,
        first_tier_chips=first,
        radix=32.0,
        latency=3e-7,
        price=5e-9,
        chip_bandwidth=1.6e12,
        lane_rate=14e9,
        module_bandwidth=112e9,
        failure_rate=1e-11,
        name=name,
    )


SOFTWARE = Software(
    gemm_efficiency=0.85,
    gemm_tokens=100.0,
    gemm_width=100.0,
    expert_tokens=100.0,
    attention_efficiency=0.5,
    elementwise_traffic=1.5,
    launch_time=4e-6,
    expert_layer_time=1e-4,
    scale_up_efficiency=0.75,
    scale_out_efficiency=0.75,
    board_latency=1e-6,
    scale_up_latency=2e-6,
    scale_out_latency=8e-6,
    collective_latency=1e-5,
    tensor_overlapped=0.2,
    tensor_window=0.2,
    context_overlapped=0.7,
    context_window=0.2,
    expert_overlapped=0.5,
    expert_window=0.3,
    shard_overlapped=0.7,
    shard_window=0.3,
    data_exposed=0.2,
    pipeline_exposed=0.5,
    bubble_share=1.0,
    expert_imbalance=1.1,
    score_bytes=0.0,
    loss_traffic=26.0,
    optimizer_traffic=30.0,
    step_overhead=0.05,
    straggler=0.01,
    framework_memory=3e9,
    buffer_memory=1e9,
)


def scenario(model=DENSE, batch=256.0):
    return Scenario(
        model=model,
        training=Training(sequence_length=4096.0, global_batch=batch),
        chip=CHIP,
        host=Host(
            chips_per_board=8.0,
            power=2500.0,
            nic_energy=200e-12,
            price=20000.0,
            nic_price=40e-9,
            failure_rate=3e-12,
        ),
        rack=Rack(
            chips_per_rack=32.0,
            cable_length=2.0,
            pitch=0.8,
            floor_area=2.0,
            supply_efficiency=0.96,
        ),
        links=(
            link("copper", 8e-12, 2.5, 0.0, 1e-9),
            link("lpo", 60e-12, 500.0, 1.0, 8e-9),
            link("dsp", 140e-12, 2000.0, 1.0, 12e-9),
        ),
        scale_up_switch=switch(64.0, "up"),
        scale_out_switch=switch(64.0, "out"),
        cooling=Cooling(
            area_resistance=8.0e-5,
            convective_share=0.5,
            flow_exponent=0.8,
            reference_flow=1.7e-5,
            heat_capacity=4.1e6,
            mover_share=0.02,
            rack_power_limit=80e3,
        ),
        facility=Facility(
            pue=1.15, energy_price=2.2e-8, capital_price=10.0, lifetime=1.3e8
        ),
        reliability=Reliability(
            other_failure_rate=3e-12,
            link_masking=0.9,
            checkpoint_stall=20.0,
            restart_time=600.0,
        ),
        software=SOFTWARE,
    )


def deep(given):
    """The same machine with everything that layout, heat and wear can do to it.

    Racks are thinned where they are hot, the second technology runs short links over
    copper, modules wear with temperature, switches come in planes, boards have spares.
    """
    for path, value in (
        ("rack.fewest_chips", 8.0),
        ("rack.price", 5000.0),
        ("rack.supply_fixed_share", 0.4),
        ("rack.supply_square_share", 0.3),
        ("cooling.rack_power_limit", 25e3),
        ("cooling.price", 0.4),
        ("links.1.short_reach", 2.5),
        ("links.1.short_energy", 8e-12),
        ("links.1.short_price", 1e-9),
        ("links.1.short_failure_rate", 1e-12),
        ("links.1.activation_temperature", 8000.0),
        ("links.1.case_resistance", 4.0),
        ("links.2.activation_temperature", 8000.0),
        ("links.2.case_resistance", 2.0),
        ("links.0.lane_exponent", 0.6),
        ("scale_up_switch.plane_bandwidth", 56e9),
        ("chip.dies", 2.0),
        ("chip.die_bandwidth", 300e9),
        ("chip.memory_share", 0.1),
        ("chip.memory_energy", 96e-12),
        ("chip.memory_activity", 0.1),
        ("chip.waiting_activity", 0.1),
        ("facility.maintenance_rate", 1e-9),
        ("reliability.repair_time", 1e4),
        ("reliability.spare_share", 0.02),
        ("reliability.link_masking", 0.5),
    ):
        given = replace(given, path, value)
    return given


FROZEN = {
    "chips": 64.0,
    "tensor_parallel": 4.0,
    "pipeline_parallel": 2.0,
    "context_parallel": 1.0,
    "expert_parallel": 1.0,
    "interleave": 1.0,
    "micro_batch": 1.0,
    "scale_up_domain": 32.0,
    "scale_up_bandwidth": 392e9,
    "scale_out_bandwidth": 50e9,
    "oversubscription": 1.0,
    "clock": 0.85,
    "coolant_flow": 1.7e-5,
    "inlet_temperature": 303.15,
    "recompute": "selective",
    "optimizer_sharding": "zero1",
    "sequence_parallel": "on",
    "scale_up_link": "copper",
    "scale_out_link": "lpo",
}


def problem(
    *,
    given=None,
    free=(),
    objective=("mfu", True),
    constraints=(),
    **frozen,
):
    """Free the named fields (or use the given variables), freeze all others."""
    given = given or scenario()
    fixed = {**FROZEN, **frozen}
    variables, choices = [], []
    for item in free:
        made = default_variable(item, given, fixed) if isinstance(item, str) else item
        fixed.pop(made.name, None)
        (choices if isinstance(made, Choice) else variables).append(made)
    return Problem(
        scenario=given,
        fixed=fixed,
        variables=tuple(variables),
        choices=tuple(choices),
        objective=Objective(*objective),
        constraints=tuple(Constraint(*c) for c in constraints),
    )


EVERYTHING = (*NUMBER_NAMES, *CHOICE_NAMES)
