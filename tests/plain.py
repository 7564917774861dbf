"""A machine, a stack and two models of round numbers, to work formulas by hand on.

Nothing here is near a real part: every number differs from its neighbours, so that a
factor, a sign or a name taken for another shows in the value.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.plant import Cooling, Facility, Host, Rack, Reliability
from supernode_opt.record import replace
from supernode_opt.system.design import RECOMPUTE, SHARDING, SWITCHED, Design, one_hot
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.software import Software
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.recompute import Recompute, again

TRAINING = Training(sequence_length=16.0, global_batch=32.0, gradient_bytes=4.0)

# Grouped-query attention: two query heads share a key; SwiGLU.
DENSE = Model(
    layers=6.0,
    hidden=8.0,
    heads=4.0,
    kv_heads=2.0,
    head_dim=2.0,
    ffn=12.0,
    vocabulary=100.0,
    dense_layers=6.0,
)
# Latent attention, two dense layers of six, 16 experts of which two and a shared one.
EXPERTS = dataclasses.replace(
    DENSE,
    kv_heads=4.0,
    dense_layers=2.0,
    experts=16.0,
    top_k=2.0,
    shared_experts=1.0,
    expert_ffn=3.0,
    query_rank=5.0,
    key_value_rank=6.0,
    rope_dim=1.0,
    value_dim=4.0,
    mtp_layers=1.0,
    attention="mla",
)

# With a saturation exponent of 1 and a slope of 3 the threshold is half the voltage at
# the sustained clock: clock ratio r = 2 - 1 / x, power ratio r x^2 = 2 x^2 - x.
CHIP = Chip(
    peak_bf16=1000.0,
    peak_fp8=2000.0,
    peak_fp4=4000.0,
    softmax_channels=6.0,
    array_efficiency=0.8,
    sustained_clock=0.8,
    maximum_clock=1.2,
    tdp=100.0,
    static_share=0.3,
    leakage_share=0.2,
    leakage_coefficient=0.01,
    power_exponent=3.0,
    saturation_exponent=1.0,
    threshold_voltage=0.3,
    voltage_floor_clock=0.4,
    junction_limit=360.0,
    die_area=8.0,
    dies=4.0,
    hbm_capacity=1000.0,
    hbm_bandwidth=100.0,
    hbm_efficiency=0.8,
    scale_up_bandwidth=100.0,
    scale_out_bandwidth=10.0,
    port_energy=0.02,
    die_energy=0.04,
    memory_share=0.1,
    memory_energy=0.5,
    price=7.0,
    memory_price=0.01,
    wafer_price=27.0,
    defect_density=0.5,
    packaging_price=3.0,
    failure_rate=0.003,
)
HOST = Host(
    chips_per_board=4.0,
    power=50.0,
    nic_energy=0.3,
    price=90.0,
    nic_price=0.7,
    failure_rate=0.01,
)
RACK = Rack(
    chips_per_rack=8.0,
    cable_length=2.0,
    pitch=3.0,
    floor_area=4.0,
    supply_efficiency=0.8,
    price=500.0,
)
COPPER = LinkTechnology(
    energy=0.01,
    reach=8.0,
    optical=0.0,
    latency=0.5,
    price=0.2,
    failure_rate=0.001,
    lane_exponent=1.0,
    name="copper",
)
LIGHT = LinkTechnology(
    energy=0.05,
    reach=100.0,
    optical=1.0,
    latency=2.0,
    price=0.6,
    failure_rate=0.004,
    name="light",
)
SWITCH = Switch(
    energy=0.03,
    first_tier_chips=4.0,
    radix=4.0,
    latency=3.0,
    price=0.9,
    chip_bandwidth=200.0,
    lane_rate=25e9,
    module_bandwidth=50.0,
    failure_rate=0.02,
    name="switch",
)
COOLING = Cooling(
    area_resistance=0.8,
    convective_share=0.6,
    flow_exponent=0.5,
    reference_flow=2.0,
    heat_capacity=5.0,
    mover_share=0.1,
    rack_power_limit=1e6,
    liquid_share=0.7,
    price=0.4,
)
FACILITY = Facility(
    pue=1.25,
    energy_price=0.002,
    capital_price=1.5,
    lifetime=1000.0,
    maintenance_rate=1e-4,
)
RELIABILITY = Reliability(
    other_failure_rate=0.001,
    link_masking=0.75,
    checkpoint_stall=2.0,
    restart_time=5.0,
    switch_masking=0.6,
    repair_time=0.0,
    spare_share=0.0,
)
# A stack without overheads: every test adds the one that it is about.
SOFTWARE = Software(
    gemm_efficiency=0.5,
    gemm_tokens=0.0,
    gemm_width=0.0,
    expert_tokens=0.0,
    attention_efficiency=0.5,
    attention_tokens=0.0,
    elementwise_traffic=1.0,
    launch_time=0.0,
    expert_layer_time=0.0,
    scale_up_efficiency=0.5,
    scale_out_efficiency=0.4,
    dispatch_scale_up=0.25,
    dispatch_scale_out=0.1,
    board_latency=1.0,
    scale_up_latency=10.0,
    scale_out_latency=100.0,
    collective_latency=1000.0,
    tensor_overlapped=0.0,
    tensor_window=0.0,
    context_overlapped=0.0,
    context_window=0.0,
    expert_overlapped=0.0,
    expert_window=0.0,
    shard_overlapped=0.0,
    shard_window=0.0,
    data_exposed=1.0,
    pipeline_exposed=0.0,
    bubble_share=1.0,
    expert_imbalance=1.0,
    loss_traffic=0.0,
    optimizer_traffic=0.0,
    step_overhead=0.0,
    straggler=0.0,
    framework_memory=11.0,
    buffer_memory=13.0,
)


def scenario(model=DENSE, **changes):
    """The plain scenario; a key `chip__dies` sets `chip.dies`."""
    made = Scenario(
        model=model,
        training=TRAINING,
        chip=CHIP,
        host=HOST,
        rack=RACK,
        links=(COPPER, LIGHT),
        scale_up_switch=SWITCH,
        scale_out_switch=SWITCH,
        cooling=COOLING,
        facility=FACILITY,
        reliability=RELIABILITY,
        software=SOFTWARE,
    )
    for path, value in changes.items():
        made = replace(made, path.replace("__", "."), value)
    return made


def design(
    recompute="none",
    optimizer_sharding="zero0",
    sequence_parallel="off",
    up=(1.0, 0.0),
    out=(0.0, 1.0),
    **changes,
):
    """Sixteen chips in domains of eight, nothing split."""
    numbers = {
        "chips": 16.0,
        "tensor_parallel": 1.0,
        "pipeline_parallel": 1.0,
        "context_parallel": 1.0,
        "expert_parallel": 1.0,
        "interleave": 1.0,
        "micro_batch": 1.0,
        "scale_up_domain": 8.0,
        "scale_up_bandwidth": 100.0,
        "scale_out_bandwidth": 10.0,
        "oversubscription": 1.0,
        "clock": 0.8,
        "coolant_flow": 2.0,
        "inlet_temperature": 300.0,
    }
    return Design(
        **{name: jnp.asarray(n) for name, n in {**numbers, **changes}.items()},
        recompute=one_hot(recompute, RECOMPUTE),
        optimizer_sharding=one_hot(optimizer_sharding, SHARDING),
        sequence_parallel=one_hot(sequence_parallel, SWITCHED),
        scale_up_link=jnp.asarray(up),
        scale_out_link=jnp.asarray(out),
    )


def repeated(name="none", score_bytes=0.0, **listed):
    """What a set of modules computes again; modules of one's own make it "listed"."""
    weights = one_hot("listed" if listed else name, RECOMPUTE)
    return again(weights, Recompute(**listed), score_bytes)


def same(found, wanted):
    """Compare to the last digits; shapes must broadcast to each other exactly."""
    wanted = np.asarray(wanted, float)
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-9, atol=1e-12)
