"""Limits that always hold and boxes, each worked by hand on the plain machine."""

import dataclasses
import math

import pytest

from supernode_opt.problem.box import default_variable, possible
from supernode_opt.problem.constraints import always, normalised, per_cent
from supernode_opt.problem.problem import Constraint
from tests.plain import EXPERTS, TRAINING, same, scenario

LONG = dataclasses.replace(TRAINING, sequence_length=8192.0, global_batch=100.0)


def test_limits_that_always_hold():
    """Eight per cent of memory stay free, half of the gain at which leakage runs."""
    found = {c.name: (c.limit, c.at_most) for c in always(scenario())}
    assert found == {
        "memory_fraction": (0.92, True),
        "chip_power_fraction": (1.0, True),
        "junction_fraction": (1.0, True),
        "rack_power_fraction": (1.0, True),
        "loop_gain": (0.5, True),
        "scale_up_reach": (0.0, True),
        "scale_out_reach": (0.0, True),
    }
    roomy = {c.name: c.limit for c in always(scenario(memory_headroom=0.25))}
    assert roomy["memory_fraction"] == 0.75


def test_normalised_values():
    # A ceiling of two reached twice over, a floor missed by half, a limit of nothing.
    same(normalised(4.0, 2.0, True), math.log(2.0))
    same(normalised(4.0, 2.0, False), -math.log(2.0))
    same(normalised(1.0, 2.0, False), math.log(2.0))
    same([normalised(3.0, 0.0, True), normalised(3.0, 0.0, False)], [3.0, -3.0])
    # To admit 4 a ceiling of 2 rises by 100 %; to admit 1 a floor of 2 falls by 50 %.
    same(per_cent(math.log(2.0), Constraint("power", 2.0, True)), 100.0)
    same(per_cent(math.log(2.0), Constraint("power", 2.0, False)), 50.0)
    same(per_cent(0.25, Constraint("scale_up_reach", 0.0, True)), 25.0)


BOXES = {
    # What the model can be divided into.
    "tensor_parallel": (1.0, 4.0),
    "pipeline_parallel": (1.0, 6.0),
    "interleave": (1.0, 6.0),
    "expert_parallel": (1.0, 16.0),
    # 8,192 tokens in pieces of 1,024; 64 of 100 sequences.
    "context_parallel": (1.0, 8.0),
    "micro_batch": (1.0, 64.0),
    # From a board of four to a campus; two tiers of four.
    "chips": (4.0, 65536.0),
    "scale_up_domain": (4.0, 16.0),
    # An eighth to four times what is sold.
    "scale_up_bandwidth": (12.5, 400.0),
    "scale_out_bandwidth": (1.25, 40.0),
    "oversubscription": (1.0, 8.0),
    "clock": (0.3, 1.2),
    "coolant_flow": (0.5, 8.0),
    # 15 to 45 degrees Celsius.
    "inlet_temperature": (288.15, 318.15),
}


@pytest.mark.parametrize("name", BOXES)
def test_boxes(name):
    made = default_variable(name, scenario(EXPERTS, training=LONG), {})
    same([made.low, made.high], BOXES[name])
    linear = name in ("clock", "inlet_temperature")
    assert made.scale == ("linear" if linear else "log")


def test_boxes_that_something_else_bounds():
    same(default_variable("scale_up_domain", scenario(), {"chips": 8.0}).high, 8.0)
    cold = scenario(chip__junction_limit=310.0)
    same(default_variable("inlet_temperature", cold, {}).high, 305.0)
    few = dataclasses.replace(TRAINING, global_batch=48.0)
    same(default_variable("micro_batch", scenario(training=few), {}).high, 48.0)
    # 16 tokens are less than one piece; a dense model has no experts to part.
    same(default_variable("context_parallel", scenario(), {}).high, 1.0)
    same(default_variable("expert_parallel", scenario(), {}).high, 1.0)


POSSIBLE = {
    "chips": (1.0, 1048576.0),
    # Three tiers of four: 4 * 4^2.
    "scale_up_domain": (1.0, 64.0),
    "context_parallel": (1.0, 8192.0),
    "micro_batch": (1.0, 100.0),
    "scale_up_bandwidth": (1e6, 1e14),
    "scale_out_bandwidth": (1e6, 1e14),
    "oversubscription": (1.0, 64.0),
    "clock": (0.05, 1.2),
    "coolant_flow": (0.002, 200.0),
    "inlet_temperature": (253.15, 359.0),
    "tensor_parallel": (1.0, 4.0),
}


@pytest.mark.parametrize("name", POSSIBLE)
def test_what_could_be_built_at_all(name):
    same(possible(name, scenario(EXPERTS, training=LONG), {}), POSSIBLE[name])
