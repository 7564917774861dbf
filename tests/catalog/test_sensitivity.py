"""Every catalog constant moves what it should, the way it should, and nothing else."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.calibration.step_time.constants import EAGER
from supernode_opt.catalog.read import RECORDS
from supernode_opt.problem.problem import SCALARS
from supernode_opt.record import get, replace
from supernode_opt.system.design import CHOICES
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.layer_times import layer_times
from supernode_opt.units import quantities
from supernode_opt.workload.model import Training
from supernode_opt.workload.operators import Split
from tests.catalog import sensitivities as table
from tests.plain import repeated
from tests.system.designs import as_built, scenario

# Relative step of the central differences, and lanes of one call: base and both ends.
STEP = 1e-4
LANES = 96
QUANTITIES = (*SCALARS, "heat.liquid", "heat.air")
TRAINING = Training(sequence_length=4096.0, global_batch=2304.0)
PLAN = {
    "tensor_parallel": 8.0,
    "pipeline_parallel": 2.0,
    "sequence_parallel": "on",
    "recompute": "selective",
}
# Where each kind of entry stands in a scenario, and its table.
PLACES = {
    "chip": ("chip", table.CHIP),
    "link": ("links.0", table.LINK),
    "switch": ("scale_up_switch", table.SWITCH),
    "host": ("host", table.HOST),
    "rack": ("rack", table.RACK),
    "cooling": ("cooling", table.COOLING),
    "facility": ("facility", table.FACILITY),
    "reliability": ("reliability", table.RELIABILITY),
}
OUTER = ("roce_400g", "roce_200g", "infiniband_hdr", "infiniband_ndr", "infiniband_xdr")
ENTRIES = [(kind, name) for kind in PLACES for name in catalog.names(kind)]
# What a fabric without switch chips, or without cables, has nothing of.
UNSWITCHED = ("energy", "price", "failure_rate", "chip_bandwidth", "port_power")
# Where zero means no limit, and a step from it would set one.
UNLIMITED = ("plane_bandwidth", "die_bandwidth", "trace_reach", "air_temperature")
UNCABLED = ("module_bandwidth", "coding", "insertion_loss")
# Chips that CloudMatrix384's plates would throttle, and the plates they are sold with.
HOT = {"rubin": "cold_plate_rubin"}
# Chips that draw most while they stream: what leaks is not taken from that.
STREAMING = ("h20_sxm", "h20_sxm_141gb")


def inert(kind, part, field):
    """Tell whether `field` means nothing for this entry."""
    if kind == "chip":
        undivided = field in ("die_energy", "die_bandwidth") and part.dies == 1.0
        return undivided or (field == "defect_density" and part.wafer_price == 0.0)
    if kind == "link":
        return {
            "case_resistance": part.energy == 0.0,
            "reference_temperature": part.activation_temperature == 0.0,
            **{
                name: part.short_reach == 0.0
                for name in ("short_energy", "short_price", "short_failure_rate")
            },
        }.get(field, False)
    if kind == "switch":
        board = part.on_board and part.radix < 2.0
        mesh = part.topology != "packet" and part.on_board
        bare = mesh or part.topology == "direct"
        return {
            "plane_bandwidth": part.plane_bandwidth == 0.0,
            "dimensions": part.topology == "packet" or mesh,
            **dict.fromkeys(UNSWITCHED, bare),
            **dict.fromkeys(UNCABLED, board),
        }.get(field, False)
    return False


@functools.cache
def base():
    """CloudMatrix384 with copper on short links, so that layout matters."""
    where = scenario("cloudmatrix384", "llama3_70b", TRAINING)
    links = (catalog.load("link", "copper_lpo"), *where.links[1:])
    return dataclasses.replace(where, links=links)


def nameless(where):
    """One program serves every entry: names are part of its shape."""
    parts = {
        f.name: dataclasses.replace(getattr(where, f.name), name="")
        for f in dataclasses.fields(where)
        if hasattr(getattr(where, f.name), "name")
    }
    links = tuple(dataclasses.replace(link, name="") for link in where.links)
    return jax.tree.map(float, dataclasses.replace(where, links=links, **parts))


def context(name, where, design):
    """Put the machine where what is asked about matters."""
    changes = {"cooling.rack_power_limit": 1e6, "chip.maximum_clock": 3.0}
    if name in ("far", "copper"):
        changes |= {"rack.pitch": 900.0, "rack.floor_area": 1e7}
        changes |= {"host.trace_length": 5.0}
        changes["links.0.connector_loss"] = 1.2 * where.links[0].loss_budget
        changes["scale_up_switch.lane_rate"] = 2.0 * where.scale_up_switch.lane_rate
    if name == "copper":
        copper = catalog.load("link", "copper")
        where = replace(where, "links.0", dataclasses.replace(copper, name=""))
    changes |= {
        "thin": {"cooling.rack_power_limit": 2.0e4},
        "capped": {"chip.power_cap": 0.8},
        "boost": {"chip.maximum_clock": 0.5},
        "split": {"chip.die_bandwidth": 1e10},
    }.get(name, {})
    for path, value in changes.items():
        where = replace(where, path, value)
    clock = {"idle": 0.2, "boost": 10.0, "capped": 1.0}.get(name)
    if clock is not None:
        design = replace(design, "clock", jnp.asarray(clock))
    if name == "counts":
        # More tiers than there are, as a descent might try.
        tier = where.scale_up_switch.first_tier_chips
        design = replace(design, "scale_up_domain", jnp.asarray(3.0 * tier))
        rack = where.rack.chips_per_rack
        chips = jnp.asarray(max(384.0, 6.0 * tier, 4.0 * rack))
        design = replace(design, "chips", chips)
    return where, design, name == "counts"


@functools.partial(jax.jit, static_argnames="names")
def quantities_of(where, design, relaxed, names):
    """Return the quantities `names` [lane, quantity] of scenarios [lane]."""

    def reported(where):
        chosen = replace(design, "scale_out_bandwidth", where.chip.scale_out_bandwidth)
        report = evaluate(chosen, where, jnp.inf, relaxed, throttled=True)
        return jnp.stack([jnp.asarray(get(report, name), float) for name in names])

    return jax.vmap(reported)(where)


def changes_of(where, design, place, steps, relaxed, names):
    """Return the quantities and their central differences per field."""
    lanes = jax.tree.map(lambda x: np.full(LANES, x), where)
    for row, (field, step) in enumerate(steps.items()):
        lane = get(get(lanes, place), field)
        lane[2 * row + 1] += step
        # A constant of zero cannot be less.
        lane[2 * row + 2] -= step if lane[0] > 0.0 else 0.0
    values = np.asarray(quantities_of(lanes, design, relaxed, names))
    ends = values[1 : 2 * len(steps) + 1].reshape(len(steps), 2, -1)
    return values[0], ends[:, 0] - ends[:, 1]


def placed(kind, name, place):
    """Return the scenario with an entry in its place and a design to go with it."""
    where = replace(base(), place, catalog.load(kind, name))
    if kind == "chip" and name in HOT:
        where = replace(where, "cooling", catalog.load("cooling", HOT[name]))
    if kind == "cooling" and name in ("air", "cold_plate_cray"):
        # Under a package of two dies the warming coolant alone decides its resistance.
        where = replace(where, "chip", catalog.load("chip", "h100_sxm"))
    where = replace(where, "rack.cable_length", where.rack.cable_length * 0.9)
    built = as_built("cloudmatrix384", base(), **PLAN)
    first = where.scale_up_switch.first_tier_chips
    whole = where.scale_up_switch.radix < 2.0
    changes = {
        "scale_up_domain": jnp.asarray(min(first if whole else 96.0, 384.0)),
        "scale_up_bandwidth": jnp.asarray(1.3 * where.chip.scale_up_bandwidth),
        "clock": jnp.asarray(0.97 * where.chip.sustained_clock),
        "coolant_flow": jnp.asarray(1.5 * where.cooling.reference_flow),
        "inlet_temperature": jnp.asarray(298.15),
        "scale_up_link": jnp.eye(len(where.links))[0],
        "scale_out_link": jnp.eye(len(where.links))[0],
    }
    if where.rack.chips_per_rack > built.chips:
        changes["chips"] = jnp.asarray(4.0 * where.rack.chips_per_rack)
        changes["scale_up_domain"] = jnp.asarray(2.0 * where.rack.chips_per_rack)
    return where, dataclasses.replace(built, **changes)


def allowed(moved, more):
    """Everything that may follow from the quantities that are moved."""
    found = set(moved) | set(more)
    todo = list(found)
    while todo:
        for name in table.FOLLOWS.get(todo.pop(), ()):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found | ({"heat.liquid", "heat.air"} if "power" in found else set())


@functools.cache
def usual(kind, field):
    """A usual size of the constant, for steps from zero."""
    every = [
        abs(float(getattr(catalog.load(kind, n), field))) for n in catalog.names(kind)
    ]
    return max(every) or 1.0


def check(kind, name, place, rows):
    where, design = placed(kind, name, place)
    part = get(where, place)
    # What a step takes sees no topology: the fabrics without switches are as quick.
    same = where.scale_up_switch.topology == "packet" and where.scale_up_switch.on_board
    names = tuple(q for q in QUANTITIES if same or q not in table.JOB)
    wrong = []
    for at in sorted({row[0] for row in rows.values()}):
        moved_to, chosen, relaxed = context(at, nameless(where), design)
        here = get(moved_to, place)
        steps = {
            field: STEP * (abs(getattr(here, field)) or usual(kind, field))
            for field, row in rows.items()
            if row[0] == at and not (field in UNLIMITED and getattr(here, field) == 0.0)
        }
        value, ends = changes_of(moved_to, chosen, place, steps, relaxed, names)
        for field, change in zip(steps, ends, strict=True):
            _, moved, *more = rows[field]
            may = allowed(moved, more[0] if more else ())
            if field == "leakage_share" and name in STREAMING:
                moved = {**moved, "chip_power": 1}
            if inert(kind, part, field):
                moved, may = {}, set()
            if not np.isfinite(change).all():
                wrong.append(f"{field} is not finite")
            share = change / np.maximum(np.abs(value), 1e-3) / (2.0 * STEP)
            for quantity, rate in zip(names, share, strict=True):
                if quantity in moved and (rate == 0.0 or moved[quantity] * rate < 0.0):
                    wrong.append(f"{field} moves {quantity} by {rate:.2g}")
                if quantity not in may and abs(rate) > 1e-9:
                    wrong.append(f"{field} must not move {quantity}: {rate:.2g}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_constants_move_what_they_should(kind, name):
    place, rows = PLACES[kind]
    if kind == "switch" and name in OUTER:
        place, rows = "scale_out_switch", table.OUTER
    check(kind, name, place, rows)


@pytest.mark.parametrize("kind", PLACES)
def test_no_constant_is_forgotten(kind):
    known = {field for field, _ in quantities(RECORDS[kind])}
    low = {*LOW_PRECISION, *SERVING_ALONE} if kind == "chip" else set()
    assert known == set(PLACES[kind][1]) | low


LOW_PRECISION = {
    "peak_fp8": ("fp8", "fp8_efficiency"),
    "peak_fp4": ("nvfp4", "nvfp4_efficiency"),
}


# Nothing is trained in INT8.
SERVING_ALONE = {"peak_int8"}


@pytest.mark.parametrize("peak", LOW_PRECISION)
def test_low_precision_peaks_move_its_steps(peak):
    precision, share = LOW_PRECISION[peak]
    training = dataclasses.replace(TRAINING, precision=precision)
    where = scenario("gb200_nvl72", "llama3_70b", training)
    split = Split(8.0, 1.0, 1.0, 1.0, 4096.0)
    kernels = jax.jit(lambda where: layer_times(where, split, repeated(), 0.8, 1e3))

    def time(path, factor, part="gemm"):
        changed = replace(where, path, factor * get(where, path))
        return float(getattr(kernels(changed)[0], part).sum())

    for path in (f"chip.{peak}", f"software.{share}"):
        assert time(path, 1.01) < time(path, 1.0) < np.inf
    casting = time("software.cast_traffic", 1.01, "elementwise")
    assert casting > time("software.cast_traffic", 1.0, "elementwise") > 0.0


# Constants of a training stack that speed it up, and what none of them moves.
HELPS = ("_efficiency", "_overlapped", "_window")
UNTOUCHED = ("power", "chip_power", "mtbf", "goodput", "capital_cost", "racks")
ROUNDING = 1e-12


def test_every_constant_of_a_training_stack_moves_time_or_memory():
    """On a split that has a little of every choice, so that nothing lies idle."""
    where = scenario("cloudmatrix384", "pangu_ultra_moe_718b", TRAINING)
    where = replace(where, "software", catalog.load("software", "mindspeed_910b_pangu"))
    plan = {
        "tensor_parallel": 4.0,
        "pipeline_parallel": 3.0,
        "context_parallel": 2.0,
        "expert_parallel": 16.0,
        "interleave": 2.0,
        "scale_up_domain": 96.0,
    }
    design = as_built("cloudmatrix384", where, **plan)
    mixed = ("recompute", "optimizer_sharding", "sequence_parallel")
    design = dataclasses.replace(
        design,
        **{n: jnp.full(len(CHOICES[n]), 1.0 / len(CHOICES[n])) for n in mixed},
    )
    # And with the network and the host in the way, as they are elsewhere.
    slow = dataclasses.replace(
        design,
        scale_up_bandwidth=design.scale_up_bandwidth / 50.0,
        scale_up_domain=design.scale_up_domain / 24.0,
    )
    far = replace(where, "chip.scale_out_bandwidth", 1e9)
    hosted = replace(where, "software.kernel_time", 1e-3)
    other = {"fp8_efficiency", "mxfp8_efficiency", "nvfp4_efficiency", "cast_traffic"}
    # Nothing is cast in BF16; the spread of a prediction is no part of it.
    other |= {"dispatch_bytes", "weight_casts", "memory_spread"}
    # In programs of eager stacks alone, tests/system/test_eager.py.
    other |= set(EAGER)
    names = [f for f, _ in quantities(RECORDS["software"]) if f not in other]
    moved = np.zeros(len(names), bool)
    for scene, chosen in ((where, design), (far, slow), (hosted, design)):
        lanes = jax.tree.map(lambda x: np.full(LANES, x, float), nameless(scene))
        for row, field in enumerate(names):
            lane = get(lanes.software, field)
            lane[row] += STEP * (lane[row] or usual("software", field))
        asked = ("step_time", "memory", *UNTOUCHED)
        found = np.asarray(quantities_of(lanes, chosen, False, asked))
        assert np.isfinite(found).all()
        change = found[: len(names)] / found[-1] - 1.0
        moved |= np.any(found[: len(names), :2] != found[-1, :2], axis=1)
        # The better a stack, the faster; everything else takes time or memory.
        better = [n.endswith(HELPS) or n.startswith("dispatch_scale_") for n in names]
        change[better] *= -1.0
        assert change[:, :2].min() > -ROUNDING
        assert np.abs(change[:, 2:]).max() < ROUNDING
    assert not [n for n, m in zip(names, moved, strict=True) if not m]
