"""Which reported quantities every catalog constant moves, and which way.

For every field of a record: where to look (a context of the test) and the quantities it
moves there first of all, with the sign of the slope.  What follows from those is in
`FOLLOWS`; anything else must not move at all.  `0` is a slope of either sign.
"""

SWING = {"power_swing", "power_ramp"}
STEP = SWING | {
    "tokens_per_s",
    "mfu",
    "bubble_fraction",
    "average_power",
    "average_chip_power",
    "tokens_per_joule",
    "tokens_per_dollar",
    "goodput_tokens_per_s",
    "cost",
    "cost_per_chip_hour",
    "cost_per_megatoken",
}
# What the training job enters.
JOB = STEP | {
    "step_time",
    "memory",
    "memory_allocated",
    "memory_reserved",
    "memory_fraction",
    "fit_probability",
}
MONEY = {"cost_per_chip_hour", "cost_per_megatoken", "tokens_per_dollar"}
PROGRESS = {
    "goodput",
    "goodput_unmasked",
    "goodput_tokens_per_s",
    "checkpoint_interval",
    "tokens_per_dollar",
    "cost_per_megatoken",
}
POWER = {
    "average_power",
    "facility_power",
    "rack_power",
    "rack_power_fraction",
    "tokens_per_joule",
    "capital_cost",
    "cost",
} | MONEY
HEAT = {
    "chip_power_fraction",
    "junction_temperature",
    "junction_fraction",
    "loop_gain",
    "coolant_outlet_temperature",
    "power",
} | POWER
# A rack that is thinner stretches links: their reach, their copper, their failures.
LAYOUT = {
    "chips_per_rack",
    "rack_power",
    "scale_up_span",
    "scale_out_span",
    "scale_up_reach",
    "scale_out_reach",
    "scale_up_latency",
    "scale_up_short_fraction",
    "capital_cost",
    "cost",
} | MONEY
SHORT = {"optical_modules", "scale_up_energy", "power", "mtbf"} | POWER | PROGRESS

FOLLOWS = {
    "step_time": STEP,
    "average_chip_power": {"average_power", "cost"} | MONEY | SWING,
    "average_power": {"cost"} | MONEY,
    "chip_power": HEAT | {"average_chip_power"},
    "power": POWER,
    "facility_power": {"cost"} | MONEY,
    "sustained_clock": set(),
    "clock": {"step_time", "sustained_clock"} | STEP,
    "memory_fraction": set(),
    "mtbf": PROGRESS,
    "goodput": PROGRESS,
    "capital_cost": {"cost"} | MONEY,
    "cost": MONEY,
    "racks": LAYOUT,
    "chips_per_rack": LAYOUT,
    "scale_up_span": {"scale_up_reach", "scale_up_latency"},
    "scale_up_short_fraction": SHORT | {"capital_cost"},
    "scale_up_energy": {"power"} | POWER,
    "optics_temperature": {"mtbf"} | PROGRESS,
    "switch_tiers": {
        "scale_up_modules",
        "scale_up_leaf_chips",
        "scale_up_spine_chips",
        "optical_modules",
        "scale_up_latency",
        "scale_up_energy",
        "power",
        "mtbf",
        "step_time",
    }
    | POWER
    | PROGRESS
    | STEP,
    "scale_up_leaf_chips": {"scale_up_spine_chips", "mtbf"} | PROGRESS,
    "scale_out_switch_chips": {"mtbf"} | PROGRESS,
    "scale_up_modules": {"optical_modules", "mtbf", "optics_temperature"} | PROGRESS,
    "scale_out_modules": {"optical_modules", "mtbf", "optics_temperature"} | PROGRESS,
    "optical_modules": set(),
    "peak_flops": {"mfu"},
    "die_yield": {"capital_cost", "cost"} | MONEY,
}

# {kind: {field: (context, {quantity: sign}, more quantities that may move)}}
CHIP = {
    "peak_bf16": ("near", {"step_time": -1, "peak_flops": 1}, {"mfu"}),
    "array_efficiency": ("near", {"step_time": -1}),
    "softmax_channels": ("near", {"step_time": 1}),
    "sustained_clock": (
        "near",
        {"chip_power": -1, "sustained_clock": 1, "core_voltage": -1},
    ),
    "maximum_clock": ("boost", {"sustained_clock": 1, "clock": 1}),
    "tdp": ("near", {"chip_power": 1}, {"sustained_clock"}),
    "power_cap": ("capped", {"chip_power_fraction": -1, "clock": 1}),
    "static_share": ("near", {"chip_power": 1}, {"sustained_clock"}),
    "leakage_exponent": (
        "near",
        {"chip_power": -1, "loop_gain": -1},
        {"sustained_clock"},
    ),
    "leakage_share": ("near", {"chip_power": -1, "loop_gain": 1}, {"sustained_clock"}),
    "leakage_coefficient": ("near", {"chip_power": -1}, {"sustained_clock"}),
    "power_exponent": ("near", {"core_voltage": 0}, {"chip_power", "sustained_clock"}),
    "saturation_exponent": (
        "near",
        {"core_voltage": 1},
        {"chip_power", "sustained_clock"},
    ),
    "threshold_voltage": ("near", {"core_voltage": 1}),
    "voltage_floor_clock": ("idle", {"chip_power": 1, "core_voltage": 1}),
    "junction_limit": (
        "near",
        {"chip_power": -1, "junction_fraction": -1, "sustained_clock": 1},
    ),
    "die_area": (
        "near",
        {
            "junction_temperature": -1,
            "die_yield": -1,
            "chip_power": -1,
            "sustained_clock": 1,
        },
    ),
    "dies": ("near", {"die_yield": 1}, {"chip_power", "sustained_clock"}),
    "die_bandwidth": ("split", {"step_time": -1}),
    "die_energy": ("near", {"chip_power": 1, "sustained_clock": -1}),
    # Where there is plenty of memory the chance of fitting is 1 to the last digit.
    "hbm_capacity": (
        "near",
        {"memory_fraction": -1, "capital_cost": 1},
        {"fit_probability"},
    ),
    "hbm_bandwidth": ("near", {"step_time": -1}, {"chip_power"}),
    "hbm_efficiency": ("near", {"step_time": -1}, {"chip_power"}),
    "memory_share": ("near", {"average_chip_power": -1}, {"chip_power"}),
    "memory_energy": ("near", {"average_chip_power": 1}, {"chip_power"}),
    "attention_activity": ("near", {"average_chip_power": 1}),
    "memory_activity": ("near", {"average_chip_power": 1}, {"chip_power"}),
    "waiting_activity": ("near", {"average_chip_power": 1}),
    "scale_up_bandwidth": ("near", {"chip_power": -1, "sustained_clock": 1}),
    "scale_out_bandwidth": (
        "near",
        {
            "step_time": -1,
            "power": 1,
            "capital_cost": 1,
            "scale_out_modules": 1,
            "scale_out_switch_chips": 1,
        },
    ),
    "port_energy": ("near", {"chip_power": 1, "sustained_clock": -1}),
    "price": ("near", {"capital_cost": 1}),
    "memory_price": ("near", {"capital_cost": 1}),
    "wafer_price": ("near", {"capital_cost": 1}),
    "packaging_price": ("near", {"capital_cost": 1}),
    "defect_density": ("near", {"die_yield": -1}),
    "failure_rate": ("near", {"mtbf": -1}),
}
LINK = {
    "energy": ("near", {"power": 1, "scale_up_energy": 1}, {"optics_temperature"}),
    "reach": ("far", {"scale_up_reach": -1, "scale_out_reach": -1}),
    "optical": ("near", {"optical_modules": 1}),
    "latency": ("near", {"step_time": 1, "scale_up_latency": 1}),
    "price": ("near", {"capital_cost": 1}),
    "failure_rate": ("near", {"mtbf": -1}),
    "lane_exponent": ("far", {"scale_up_reach": 1}, {"scale_out_reach"}),
    "loss_budget": ("far", {"scale_up_reach": -1, "scale_out_reach": -1}),
    "connector_loss": ("far", {"scale_up_reach": 1, "scale_out_reach": 1}),
    "attenuation": ("far", {"scale_up_reach": 1, "scale_out_reach": 1}),
    "case_resistance": ("near", {"optics_temperature": 1}),
    "coolant_share": ("near", {"optics_temperature": 0}),
    "activation_temperature": ("near", {"mtbf": 0}),
    "reference_temperature": ("near", {"mtbf": 1}),
    "short_reach": ("near", {"scale_up_short_fraction": 1}),
    "short_energy": ("near", {"power": 1, "scale_up_energy": 1}),
    "short_price": ("near", {"capital_cost": 1}),
    "short_failure_rate": ("near", {"mtbf": -1}),
}
SWITCH = {
    "energy": ("near", {"power": 1, "scale_up_energy": 1}),
    "first_tier_chips": ("counts", {"switch_tiers": -1}),
    "radix": ("counts", {"switch_tiers": -1}),
    "latency": ("near", {"scale_up_latency": 1}, {"step_time"}),
    "price": ("near", {"capital_cost": 1}),
    "chip_bandwidth": ("counts", {"scale_up_leaf_chips": -1}),
    "lane_rate": ("copper", {"scale_up_lanes": -1, "scale_up_reach": 1}),
    "module_bandwidth": (
        "near",
        {"scale_up_modules": -1},
        {"power", "scale_up_energy"},
    ),
    "failure_rate": ("near", {"mtbf": -1}),
    "coding": (
        "near",
        {"scale_up_energy": 1, "capital_cost": 1},
        {"optics_temperature"},
    ),
    "plane_bandwidth": ("near", {"scale_up_leaf_chips": -1}),
    "dimensions": (
        "near",
        {"scale_up_short_fraction": -1, "scale_up_latency": 0},
        {"scale_up_leaf_chips"},
    ),
    "insertion_loss": ("far", {"scale_up_reach": 1}),
    "reconfiguration_time": ("near", {"goodput": -1}),
    "port_power": ("near", {"power": 1, "scale_up_energy": 1}),
    # The model is dense: no expert to send to.
    "all_to_all_contention": ("near", {}),
}
OUTER = SWITCH | {
    "energy": ("near", {"power": 1}),
    "first_tier_chips": (
        "counts",
        {
            "scale_out_modules": -1,
            "scale_out_switch_chips": -1,
            "power": -1,
            "step_time": -1,
        },
    ),
    "radix": (
        "counts",
        {
            "scale_out_modules": -1,
            "scale_out_switch_chips": -1,
            "power": -1,
            "step_time": -1,
        },
    ),
    "latency": ("near", {"step_time": 1}),
    "chip_bandwidth": ("near", {"scale_out_switch_chips": -1}),
    "lane_rate": ("copper", {"scale_out_reach": 1}),
    "module_bandwidth": ("near", {"scale_out_modules": -1}),
    "coding": ("near", {"power": 1, "capital_cost": 1}, {"optics_temperature"}),
    "plane_bandwidth": ("near", {}),
    "dimensions": ("near", {}),
    "insertion_loss": ("far", {}),
    "reconfiguration_time": ("near", {}),
    "port_power": ("near", {"power": 1}),
}
HOST = {
    "chips_per_board": (
        "near",
        {"power": -1, "capital_cost": -1, "mtbf": 1},
        {"step_time", "scale_up_leaf_chips", "scale_up_energy"},
    ),
    "power": ("near", {"power": 1}),
    "nic_energy": ("near", {"power": 1}),
    "price": ("near", {"capital_cost": 1}),
    "nic_price": ("near", {"capital_cost": 1}),
    "failure_rate": ("near", {"mtbf": -1}),
    "scale_up_bandwidth": ("near", {"power": 1, "scale_up_energy": 1}),
    "trace_length": ("far", {"scale_up_reach": 1}),
    "trace_reach": ("far", {"scale_up_reach": -1}),
}
RACK = {
    "chips_per_rack": (
        "counts",
        {"racks": -1, "chips_per_rack": 1},
        {"rack_power_fraction"},
    ),
    "fewest_chips": ("thin", {"rack_power_fraction": 1}, {"racks"}),
    "cable_length": (
        "near",
        {"scale_up_span": 1, "scale_out_span": 1},
        {"scale_up_short_fraction"},
    ),
    "pitch": ("near", {"scale_up_span": 1}, {"scale_up_short_fraction"}),
    "floor_area": ("near", {"scale_out_span": 1}),
    "supply_efficiency": ("near", {"power": -1, "power_swing": -1, "power_ramp": -1}),
    "supply_fixed_share": ("near", {"average_power": 1}),
    "supply_square_share": ("near", {"average_power": -1}),
    "price": ("near", {"capital_cost": 1}),
    "idle_chips": ("near", {"capital_cost": 1}, {"goodput"}),
    "storage_energy": ("near", {"power_swing": -1, "power_ramp": -1}),
}
COOLING = {
    "area_resistance": (
        "near",
        {"junction_temperature": 1, "chip_power": 1, "sustained_clock": -1},
    ),
    "convective_share": (
        "near",
        {"junction_temperature": -1, "chip_power": -1, "sustained_clock": 1},
    ),
    "flow_exponent": (
        "near",
        {"junction_temperature": -1, "chip_power": -1, "sustained_clock": 1},
    ),
    "reference_flow": (
        "near",
        {
            "junction_temperature": 1,
            "power": -1,
            "chip_power": 1,
            "sustained_clock": -1,
        },
    ),
    "heat_capacity": ("near", {"coolant_outlet_temperature": -1}),
    "mover_share": ("near", {"power": 1}),
    "rack_power_limit": (
        "thin",
        {"chips_per_rack": 1, "racks": -1, "rack_power_fraction": -1},
    ),
    "liquid_share": ("near", {"heat.liquid": 1, "heat.air": -1}),
    "price": ("near", {"capital_cost": 1}),
    "air_temperature": ("near", {"optics_temperature": 1}),
}
FACILITY = {
    "pue": ("near", {"facility_power": 1}),
    "energy_price": ("near", {"cost": 1}),
    "capital_price": ("near", {"capital_cost": 1}),
    "lifetime": ("near", {"capital_cost": 1, "cost": 1, "cost_per_chip_hour": -1}),
    "building_lifetime": ("near", {"capital_cost": -1}),
    "cost_of_capital": ("near", {"capital_cost": 1, "cost": 1}),
    "maintenance_rate": ("near", {"cost": 1}),
}
RELIABILITY = {
    "other_failure_rate": ("near", {"mtbf": -1}),
    "link_masking": ("near", {"mtbf": 1}),
    "switch_masking": ("near", {"mtbf": 1}),
    "checkpoint_stall": ("near", {"goodput": -1, "checkpoint_interval": 1}),
    "checkpoint_bandwidth": ("near", {"goodput": 1, "checkpoint_interval": -1}),
    "corruption_rate": ("near", {"mtbf": -1}),
    "corruption_delay": ("near", {"goodput": -1}),
    "restart_time": ("near", {"goodput": -1}),
    "repair_time": ("near", {"goodput": -1}),
    "spare_share": ("near", {"goodput": 1, "capital_cost": 1}),
}
