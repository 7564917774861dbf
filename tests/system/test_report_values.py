"""How totals follow from parts, and one quantity of the report from others.

Parts are pinned where they are made; here what the report makes of them is worked by
hand from its other quantities.
"""

import functools
import math

import jax

from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.parts import total
from tests.plain import design, same, scenario

PLAN = {"tensor_parallel": 2.0, "sequence_parallel": "on"}


# Two programs for all of them: whether a machine is throttled is part of it.
evaluated = jax.jit(
    lambda chosen, where, throttled: evaluate(chosen, where, throttled=throttled),
    static_argnums=2,
)


@functools.cache
def report(throttled=False, clock=0.8, up=(1.0, 0.0), **changes):
    chosen = design(clock=clock, up=up, **PLAN)
    return evaluated(chosen, scenario(**changes), throttled)


def test_speed():
    found = report()
    step = total(found.step)
    same(found.step_time, step)
    # 32 sequences of 16 tokens; see `test_flops_of_a_token`; 16 chips of 1000 flop/s.
    same(found.tokens_per_s, 512.0 / step)
    flops = 512.0 * 3.0 * (6.0 * 1216.0 + 1600.0)
    same(found.model_flops, flops)
    same(found.peak_flops, 16e3)
    same(found.mfu, flops / step / 16e3)
    # Eight replicas of 32 sequences.
    same([found.data_parallel, found.micro_batches], [8.0, 4.0])


def test_memory_and_power():
    found = report()
    same(found.memory, total(found.memory_parts))
    same(found.memory_fraction, found.memory / 1000.0)
    same(found.power, total(found.power_parts))
    same(found.facility_power, 1.25 * found.power)
    # Eight of 16 chips in a rack, which may reject a megawatt.
    same(found.rack_power, found.power / 2.0)
    same(found.rack_power_fraction, found.power / 2.0 / 1e6)
    same(found.chip_power, total(found.chip_parts))
    same(found.chip_power_fraction, found.chip_power / 100.0)
    # From 300 to 360 K.
    same(found.junction_fraction, (found.junction_temperature - 300.0) / 60.0)
    same(found.core_voltage, 0.6)
    same(found.tokens_per_joule, found.tokens_per_s / found.power)
    same(found.heat.liquid, 0.7 * found.power)
    # Average chips draw less than the TDP of 100 W that every chip is provisioned for;
    # hosts and links the same.
    drawn = found.power_parts
    less = 16.0 * (100.0 - found.average_chip_power)
    # Fans move a tenth of what is served, supplies lose a quarter of that.
    same(found.power - found.average_power, less * 1.1 * 1.25)
    same(drawn.chips, 16.0 * 100.0)
    # Of losses at the full load for which supplies are built two fifths stay.
    still = report(rack__supply_fixed_share=0.4)
    same(still.power, found.power)
    same(still.power - still.average_power, less * 1.1 * (1.0 + 0.25 * 0.6))
    # A cap lowers what a package may draw.
    capped = report(chip__power_cap=0.9)
    same(capped.chip_power_fraction, found.chip_power / 90.0)


def test_fabrics():
    found = report()
    # See `test_fabric_values.py`.
    same([found.scale_up_modules, found.scale_out_modules], [128.0, 12.8])
    same([found.optical_modules, found.switch_tiers], [12.8, 2.0])
    same([found.scale_up_span, found.racks, found.chips_per_rack], [2.0, 2.0, 8.0])
    same(found.scale_out_span, 2.0 + 2.0 * (math.sqrt(8.0) - 2.0))
    same(found.scale_up_lanes, 100.0 / 25e9)
    # Links of 6400 B/s at 0.01 J/B and switch ports of 4800 B/s at 0.03, of 1600 B/s.
    same(found.scale_up_energy, (64.0 + 144.0) / 1600.0)
    same([found.scale_up_leaf_chips, found.scale_up_spine_chips], [16.0, 8.0])
    # 160 B/s, three ports, of 200 B/s a chip.
    same(found.scale_out_switch_chips, 2.4)
    same(found.optics_temperature, 300.0)
    # Light in the domains, too: its 128 modules are optical.
    same(report(up=(0.0, 1.0)).optical_modules, 128.0 + 12.8)
    # 0.05 J/B * 50 B/s in 4 K/W outside, 0.01 in 40 K/W in the domains.
    same(report(links__1__case_resistance=4.0).optics_temperature, 310.0)
    same(report(links__0__case_resistance=40.0).optics_temperature, 320.0)


def test_money_and_time_lost():
    found = report()
    same(found.cost, total(found.cost_parts))
    parts = found.cost_parts
    spent = parts.financing + parts.maintenance + parts.energy
    same(found.capital_cost, found.cost - spent)
    same(found.cost_parts.energy, 2.5 * found.average_power)
    same(found.cost_parts.facility, 1.5 * found.power)
    # 16 chips for 1000 s.
    same(found.cost_per_chip_hour, found.cost * 3600.0 / 16e3)
    lifetime = found.tokens_per_s * found.goodput * 1000.0
    same(found.tokens_per_dollar, lifetime / found.cost)
    same(found.cost_per_megatoken, 1e6 * found.cost / lifetime)
    same(found.goodput_tokens_per_s, found.tokens_per_s * found.goodput)
    stops = total(found.failure_parts)
    same(found.mtbf, 1.0 / stops)
    # A stall of 2 s; 5 s to restart; nothing waits for repairs.
    interval = math.sqrt(4.0 / float(stops))
    same(found.checkpoint_interval, interval)
    kept = math.exp(-float(stops) * (interval / 2.0 + 5.0)) / (1.0 + 2.0 / interval)
    same(found.goodput, kept)
    # Without masking four times as many links stop the job.
    bare = float(stops + 3.0 * found.failure_parts.links)
    interval = math.sqrt(4.0 / bare)
    kept = math.exp(-bare * (interval / 2.0 + 5.0)) / (1.0 + 2.0 / interval)
    same(found.goodput_unmasked, kept)


def test_repairs_are_waited_for():
    # Sixteen chips and four boards break; without spares each waits for 10 s.
    breaking = 16.0 * 0.003 + 4.0 * 0.01
    slow, quick = report(reliability__repair_time=10.0), report()
    same(slow.goodput, quick.goodput * math.exp(-10.0 * breaking))
    same(slow.goodput_unmasked, quick.goodput_unmasked * math.exp(-10.0 * breaking))


def test_a_throttled_machine_runs_at_what_it_sustains():
    free, slow = report(clock=1.2), report(throttled=True, clock=1.2)
    same([free.clock, slow.sustained_clock], [1.2, free.sustained_clock])
    assert 0.8 < float(slow.clock) < 1.2
    same(slow.clock, free.sustained_clock)
    # Arithmetic outside memory's reach slows down with the clock; what is provisioned
    # and what limits are judged by stay at the clock asked for.
    assert float(slow.step.attention) > float(free.step.attention)
    same([slow.power, slow.chip_power], [free.power, free.chip_power])
    assert float(slow.average_chip_power) <= 100.0
    # It draws what a machine draws that was asked for no more.
    asked = report(clock=float(slow.clock))
    same(slow.average_chip_power, asked.average_chip_power)
    same(slow.step_time, asked.step_time)


def test_die_to_die_links_slow_the_step_and_change_nothing_else():
    # 60 B/s between four dies let 80 of 100 B/s through.
    wide, narrow = report(), report(chip__die_bandwidth=60.0)
    assert float(narrow.step.tensor_parallel) > float(wide.step.tensor_parallel)
    for name in ("chips", "scale_up_links", "scale_up_switches", "network_interfaces"):
        same(getattr(narrow.power_parts, name), getattr(wide.power_parts, name))
    same(narrow.scale_up_lanes, wide.scale_up_lanes)
    bytes_alone = {
        f"software__{name}": 0.0
        for name in (
            "board_latency",
            "scale_up_latency",
            "collective_latency",
        )
    }
    ends = {"scale_up_switch__latency": 0.0, "links__0__latency": 0.0, **bytes_alone}
    wide, narrow = report(**ends), report(chip__die_bandwidth=60.0, **ends)
    same(narrow.step.tensor_parallel, wide.step.tensor_parallel * 100.0 / 80.0)
