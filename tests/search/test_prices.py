"""Prices and elasticities of built designs, against solves of their own."""

import dataclasses
import math

import numpy as np
import pytest

from supernode_opt.problem.variables import Variable, to_unit
from supernode_opt.record import get, replace
from supernode_opt.search.enumerate import plans, take, whole_candidates
from supernode_opt.search.envelope import confirmed, left_out
from supernode_opt.search.inner import exact_merit
from supernode_opt.search.lanes import built_lanes, lane_rates
from supernode_opt.search.merit import axes_of, objective_value
from supernode_opt.search.polish import finish
from supernode_opt.search.prices import prices
from supernode_opt.search.settings import Settings
from supernode_opt.search.slsqp import polish
from supernode_opt.search.solve import optimize
from tests.search import studies

UP = Variable("scale_up_bandwidth", 56e9, 784e9)
OUT = Variable("scale_out_bandwidth", 14e9, 140e9)
FREE = (UP, OUT, "clock", "coolant_flow")
# Objective and limits: what binds is power, heat, time and money.
ASKED = {
    "power": (("mfu", True), [("power", 50e3, True)]),
    "heat": (("tokens_per_s", True), [("junction_temperature", 325.0, True)]),
    "time": (("power", False), [("tokens_per_s", 170e3, False)]),
    "both": (
        ("tokens_per_s", True),
        [("power", 52e3, True), ("junction_temperature", 328.0, True)],
    ),
}


class Asked:
    """A built design and its prices."""

    def __init__(self, kind):
        objective, limits = ASKED[kind]
        self.problem = studies.problem(
            free=FREE, objective=objective, constraints=limits
        )
        every = whole_candidates(self.problem, plans(self.problem, 10))
        middle = np.full(len(exact_merit(self.problem).names), 0.5)
        self.ends = finish(self.problem, Settings(), take(every, [0]), middle)
        self.built = self.ends.built
        self.prices, self.multipliers = prices(self.problem, self.built)

    def solved(self, problem, lanes):
        """Return the objective of `problem` with ports of so many lanes."""
        names = exact_merit(problem).names
        box, point = axes_of(problem, names), self.built.point.copy()
        held = np.zeros(len(point), bool)
        for name, count in lanes.items():
            place = names.index(name)
            axis = [box[key][place] for key in ("low", "high", "log")]
            point[place] = float(to_unit(count * lane_rates(problem)[name], *axis))
            held[place] = True
        found = polish(problem, self.built.columns, point, held=held)
        return (
            objective_value(found.cost, problem.objective) if found.feasible else None
        )

    def limited(self, index, limit):
        """Return the problem with one limit changed."""
        every = list(self.problem.constraints)
        every[index] = dataclasses.replace(every[index], limit=limit)
        return dataclasses.replace(self.problem, constraints=tuple(every))


@pytest.fixture(scope="module", params=ASKED)
def asked(request):
    return Asked(request.param)


def test_prices_are_slopes_of_solves(asked):
    lanes = built_lanes(asked.problem, asked.built.columns)
    assert set(lanes) == {"scale_up_bandwidth", "scale_out_bandwidth"}
    limits = {one.what: one for one in asked.prices if one.kind == "limit"}
    assert {c.name for c in asked.problem.constraints} & set(limits)
    for index, constraint in enumerate(asked.problem.constraints):
        if constraint.name not in limits:
            continue
        price, step = limits[constraint.name], 1e-4 * constraint.limit
        now = asked.solved(asked.problem, lanes)
        looser = 1.0 if constraint.at_most else -1.0
        for sign, slope in ((looser, price.slope), (-looser, price.slope_back)):
            moved = asked.limited(index, constraint.limit + sign * step)
            there = asked.solved(moved, lanes)
            assert slope == pytest.approx((there - now) / (sign * step), rel=0.02)


def test_elasticities_are_slopes_of_solves(asked):
    problem, lanes = asked.problem, built_lanes(asked.problem, asked.built.columns)
    found = confirmed(problem, asked.built, asked.multipliers)
    assert not {*found} & {p for paths in left_out(problem).values() for p in paths}
    largest = sorted(found, key=lambda path: -abs(found[path]))[:12]
    for path in largest:
        ends = []
        for factor in (1.001, 0.999):
            value = factor * get(problem.scenario, path)
            scenario = replace(problem.scenario, path, value)
            moved = dataclasses.replace(problem, scenario=scenario)
            ends.append(math.log(asked.solved(moved, lanes)))
        slope = (ends[0] - ends[1]) / (math.log(1.001) - math.log(0.999))
        assert found[path] == pytest.approx(slope, rel=0.03), path


def test_beyond_a_step_other_lanes_are_better(asked):
    lanes = built_lanes(asked.problem, asked.built.columns)
    best = max if asked.problem.objective.maximize else min
    seen = 0
    for index, constraint in enumerate(asked.problem.constraints):
        price = next((p for p in asked.prices if p.what == constraint.name), None)
        if price is None:
            continue
        ends = ((price.step_value, price.step_to), (price.back_value, price.back_to))
        for value, words in ends:
            if "lane" not in words:
                continue
            seen += 1
            away = math.copysign(1e-4, value / constraint.limit - 1.0)
            for side, changed in ((-away, False), (away, True)):
                moved = asked.limited(index, value * (1.0 + side))
                told = {}
                for up in (-1, 0, 1):
                    for out in (-1, 0, 1):
                        counts = {
                            "scale_up_bandwidth": lanes["scale_up_bandwidth"] + up,
                            "scale_out_bandwidth": lanes["scale_out_bandwidth"] + out,
                        }
                        if min(counts.values()) < 1:
                            continue
                        got = asked.solved(moved, counts)
                        if got is not None:
                            told[up, out] = got
                winner = best(told, key=lambda key: told[key])
                assert (winner != (0, 0)) == changed
    assert seen


def test_prices_of_a_discrete_study_are_where_another_design_is_best():
    """Every legal split of 64 chips; power and memory decide, and each is exact."""

    def asked(limit):
        return studies.problem(
            free=("tensor_parallel", "pipeline_parallel", "micro_batch", "recompute"),
            objective=("tokens_per_s", True),
            constraints=(("memory_fraction", limit, True),),
        )

    limit = 0.5
    problem = asked(limit)
    best = optimize(problem, Settings(alternatives_within=0.5))
    assert best.status == "proved"
    (price,) = (one for one in best.prices if one.what == "memory_fraction")
    assert (price.slope, price.slope_back) == (0.0, 0.0)
    assert price.back_value == pytest.approx(best.report.memory_fraction)
    for at, change in (
        (price.step_value, price.step_change),
        (price.back_value, price.back_change),
    ):
        away = math.copysign(1e-6, at - limit)
        for side, wanted in ((-away, 0.0), (away, change)):
            found = optimize(asked(at * (1.0 + side)), Settings(prices=False))
            assert not found.prices
            assert found.objective - best.objective == pytest.approx(wanted, rel=1e-6)
    for other in best.alternatives:
        assert other.objective < best.objective
        assert other.loses
        assert other.wins
    least = {one.what: one for one in best.extremes}
    assert least["power"].value <= best.report.power
