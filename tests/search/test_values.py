"""The arithmetic of the search, each rule on numbers worked by hand."""

import functools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from supernode_opt.problem.constraints import always
from supernode_opt.problem.problem import Objective
from supernode_opt.problem.variables import Variable
from supernode_opt.search import cells, corners, pursuit
from supernode_opt.search import exhaust as exhausting
from supernode_opt.search.ends import Ends, Leaf, boxed, end_of
from supernode_opt.search.lanes import lane_rates, snapped
from supernode_opt.search.merit import judged, objective_value, wish
from supernode_opt.search.outlook import Limit, look, worst
from supernode_opt.search.polish import Finalist
from supernode_opt.search.pursuit import Search
from supernode_opt.search.settings import Settings
from supernode_opt.search.solution import constraint_states, values_of
from supernode_opt.search.starts import spread
from tests.plain import same
from tests.search import studies


def ends(low, high):
    return Ends(lambda: low, lambda: high)


def both(value):
    return [value.low(), value.high()]


def test_ends_of_sums_products_and_ratios():
    one, other = ends(2.0, 3.0), ends(5.0, 7.0)
    same(both(one + other), [7.0, 10.0])
    same(both(other - one), [2.0, 5.0])
    same(both(one * other), [10.0, 21.0])
    same(both(other / one), [5.0 / 3.0, 3.5])
    # With numbers on either side.
    same(both(1.0 + one), [3.0, 4.0])
    same(both(4.0 - one), [1.0, 2.0])
    same(both(6.0 / one), [2.0, 3.0])
    same(both(2.0 * one), [4.0, 6.0])


def test_ends_of_a_quantity_with_a_formula():
    """Tokens per joule are greatest with most tokens and least power."""
    values = {
        Leaf("step_time", "low"): 2.0,
        Leaf("step_time", "high"): 4.0,
        Leaf("power", "low"): 50.0,
        Leaf("power", "high"): 100.0,
    }
    given = studies.scenario()
    tokens = 256.0 * 4096.0

    def end(name, side, scenario=given):
        chips = SimpleNamespace(chips=64.0)
        return end_of(Leaf(name, side), values.__getitem__, chips, scenario)

    same(end("tokens_per_joule", "high"), tokens / 2.0 / 50.0)
    same(end("tokens_per_joule", "low"), tokens / 4.0 / 100.0)
    same(end("facility_power", "high"), 115.0)
    # A constant that is free between 1.1 and 1.3.
    loose = boxed(given, "facility.pue", 1.1, 1.3)
    same(end("facility_power", "low", loose), 55.0)
    same(end("facility_power", "high", loose), 130.0)


def test_a_limit_is_judged_at_its_helpful_end_and_unknown_is_no_violation():
    ceiling = Limit(("power", True), 50.0, Leaf("power", "low"))
    floor = Limit(("tokens_per_s", False), 8.0, Leaf("tokens_per_s", "high"))
    values = {
        ceiling.end: np.array([25.0, 100.0, np.nan, np.nan]),
        floor.end: np.array([16.0, 16.0, 4.0, np.nan]),
    }
    log = math.log(2.0)
    same(worst(values, (ceiling, floor), 4), [-log, log, log, -np.inf])


@functools.cache
def view():
    problem = studies.problem(
        free=(
            Variable("clock", 0.5, 0.9),
            Variable("coolant_flow", 1e-5, 4e-5),
            Variable("chip.price", 1.0, 2.0),
        ),
        objective=("tokens_per_joule", True),
        constraints=(("power", 7e4, True), ("tokens_per_s", 3e5, False)),
    )
    return look(problem)


def test_what_is_wanted_and_asked_is_looked_at_where_it_is_best():
    outlook = view()
    assert outlook.wanted == Leaf("tokens_per_joule", "high")
    assert [limit.end for limit in outlook.limits[:2]] == [
        Leaf("power", "low"),
        Leaf("tokens_per_s", "high"),
    ]
    # More clock is less time and more power.
    assert outlook.toward(Leaf("step_time", "low"), "clock") == "high"
    assert outlook.toward(Leaf("step_time", "high"), "clock") == "low"
    assert outlook.toward(Leaf("power", "low"), "clock") == "low"
    assert outlook.toward(Leaf("power", "high"), "clock") == "high"
    assert outlook.free() == {"clock", "coolant_flow", "chip.price"}
    assert outlook.constants() == ("chip.price",)


def test_boxes_of_rows():
    rows = {"chips": np.array([64.0]), "clock_low": np.array([0.6])}
    same(corners.box_of(view(), rows, "clock", "low"), [0.6])
    same(corners.box_of(view(), rows, "clock", "high"), 0.9)
    same(corners.box_of(view(), rows, "chips", "high"), [64.0])


def test_ends_lie_at_their_corners(monkeypatch):
    """A step takes 36 / clock seconds; chips draw clock / flow watts."""

    def model(at, scenario, names):
        return {
            "step_time": 36.0 / at["clock"],
            "power": at["clock"] / at["coolant_flow"],
        }

    monkeypatch.setattr(corners, "quantities", model)
    asked = {Leaf(n, s) for n in ("step_time", "power") for s in ("low", "high")}
    rows = {"chips": np.array([64.0, 64.0])}
    # The second row is a part of the box.
    rows |= {"clock_low": np.array([0.5, 0.6]), "clock_high": np.array([0.9, 0.8])}
    given = view().scenario
    found = corners.corner_values(view(), rows, given, asked)
    same(found[Leaf("step_time", "low")], [40.0, 45.0])
    same(found[Leaf("step_time", "high")], [72.0, 60.0])
    # The heat of the greatest flow with the pumps of the smallest, and the reverse:
    # pumps take 2 % at 1.7e-5 m3/s, with the cube of flow.
    few, many = (1.0 + 0.02 * (flow / 1.7e-5) ** 3 for flow in (1e-5, 4e-5))
    least, most = np.array([0.5, 0.6]) / 4e-5, np.array([0.9, 0.8]) / 1e-5
    same(found[Leaf("power", "low")], least * few / many)
    same(found[Leaf("power", "high")], most * many / few)


def test_cost_is_a_signed_logarithm():
    problem = studies.problem(constraints=(("power", 50.0, True),))
    wanted = wish(problem)
    assert wanted["sign"] == -1.0
    values = np.full(200, 1.0)
    values[wanted["objective"]], values[wanted["places"][0]] = 0.4, 100.0
    cost, g = judged(values, wanted)
    same(cost, -math.log(0.4))
    same(g[0], math.log(2.0))
    assert np.all(np.asarray(g)[~wanted["used"]] < -100.0)
    same(objective_value(-math.log(0.4), Objective("mfu", True)), 0.4)
    same(objective_value(math.log(7.0), Objective("power", False)), 7.0)


def test_only_what_beats_the_best_by_the_tolerance_is_worth_solving():
    search = Search(studies.problem(), Settings(tolerance=0.01), lambda said: None)
    assert search.threshold() == math.inf
    search.best = SimpleNamespace(built=SimpleNamespace(cost=1.0))
    same(search.threshold(), 0.99)


def test_boxes_shrink_to_whole_lanes():
    """Lanes of 14 GB/s: from 30 to 60 GB/s there are three and four of them."""
    free = Variable("scale_up_bandwidth", 20e9, 100e9)
    problem = studies.problem(free=(free,))
    assert lane_rates(problem) == {"scale_up_bandwidth": 14e9}
    low = np.array([30e9, 30e9, 20e9, 90e9, 20e9, 99e9])
    high = np.array([60e9, 41e9, 30e9, 100e9, 21e9, 100e9])
    rows = {"chips": np.arange(6), "scale_up_bandwidth_low": low}
    rows |= {"scale_up_bandwidth_high": high}
    made = snapped(problem, rows)
    # From 30 to 41 there is none; an end of the whole box may be built as it is.
    assert made["chips"].tolist() == [0, 2, 3, 4, 5]
    same(made["scale_up_bandwidth_low"], [42e9, 20e9, 98e9, 20e9, 100e9])
    same(made["scale_up_bandwidth_high"], [56e9, 28e9, 100e9, 20e9, 100e9])


@pytest.mark.parametrize(("whole", "left"), [(True, 0), (False, 1)])
def test_cells_are_cut_to_whole_lanes_only_where_lanes_are_whole(
    monkeypatch, whole, left
):
    """From 43 to 55 GB/s no port of lanes of 14 GB/s ends; 50 GB/s is the only hope."""
    free = Variable("scale_up_bandwidth", 43e9, 55e9)
    problem = studies.problem(free=(free,))
    hope = 50e9

    def bounded(outlook, rows):
        low, high = (rows[f"scale_up_bandwidth_{end}"] for end in ("low", "high"))
        return np.where((low <= hope) & (hope <= high), 0.0, np.inf)

    monkeypatch.setattr(cells, "cell_bounds", bounded)
    met = []
    found = cells.cut(
        problem,
        None,
        {"chips": np.array([32.0])},
        np.zeros(1),
        lambda: 1.0,
        lambda columns, points: met.append(points),
        20,
        whole,
    )
    assert found.open == left
    assert bool(met) == bool(left)


def test_prices_of_limits():
    problem = studies.problem(
        constraints=(
            ("power", 50.0, True),
            ("tokens_per_s", 8.0, False),
            ("cost", 7.0, True),
        )
    )
    report = SimpleNamespace(mfu=0.4, power=40.0, tokens_per_s=10.0, cost=7.0)
    known = dict.fromkeys((c.name for c in always(problem.scenario)), 0.0)
    report = SimpleNamespace(**known | vars(report))
    multipliers = np.array([0.5, 0.25, 0.0] + [0.0] * len(known))
    power, tokens, cost, *_ = constraint_states(problem, report, multipliers)
    # A fifth of 50 W is left; one more W is worth 0.5 per logarithm: 0.4 * 0.5 / 50.
    same([power.margin, power.multiplier], [0.2, 0.004])
    assert not power.tight
    # One token more is asked at the price of 0.4 * 0.25 / 8.
    same([tokens.margin, tokens.multiplier], [0.25, -0.0125])
    assert not tokens.tight
    assert cost.tight
    same([cost.margin, cost.multiplier], 0.0)


def test_values_of_a_candidate():
    problem = studies.problem()
    names = ("tensor_parallel", "pipeline_parallel", "context_parallel")
    columns = {name: np.array([2.0]) for name in names}
    columns |= {"chips": np.array([64.0]), "scale_up_link": np.array([2])}
    found = values_of(problem, columns)
    assert found["data_parallel"] == 8.0
    assert found["scale_up_link"] == "dsp"


@pytest.mark.parametrize(("count", "size"), [(8, 2), (5, 3), (1, 1)])
def test_starts_fill_the_box(count, size):
    points = spread(count, size)
    assert points.shape == (count, size)
    assert np.all((points >= 0.0) & (points < 1.0))
    assert len(np.unique(points[:, 0])) == count
    # Eight points of a net have one in every eighth of each side.
    if count == 8:
        assert sorted((8.0 * points[:, 0]).astype(int)) == list(range(8))


def test_everything_tried_is_sorted_and_counted(monkeypatch):
    """Three candidates; the cheapest breaks a limit, the next one is best."""
    problem = studies.problem()
    tables = [
        (np.array([1.0, 2.0, 3.0]), np.array([[0.5, -1.0, -1.0], [-1.0, 0.0, -1.0]])),
        (np.array([1.0, 2.0, 3.0]), np.array([[0.5, 0.2, 0.3], [-1.0, 0.1, -1.0]])),
    ]
    rows = {"chips": np.array([8, 16, 24])}
    monkeypatch.setattr(exhausting, "whole_candidates", lambda problem, plans: plans)
    monkeypatch.setattr(exhausting, "count_candidates", lambda plans, problem: 3)
    monkeypatch.setattr(exhausting, "complete", lambda problem, columns: columns)
    monkeypatch.setattr(exhausting, "judged_rows", lambda *asked: tables.pop(0))
    found = exhausting.exhaust(problem, rows, lambda share: None)
    assert (found.tried, found.feasible) == (3, 2)
    assert found.columns["chips"].tolist() == [16, 24, 8]
    same(found.cost, [2.0, 3.0, 1.0])
    # With nothing feasible the least violation comes first, and the first limit alone
    # must give way by 0.3, where the second holds; the second alone is not enough.
    found = exhausting.exhaust(problem, rows, lambda share: None)
    assert (found.tried, found.feasible) == (3, 0)
    assert found.columns["chips"].tolist() == [16, 24, 8]
    same(found.violation, [0.2, 0.3, 0.5])
    same(found.alone, [0.3, np.inf])


def test_a_design_that_gains_less_than_the_tolerance_has_its_ports_built(monkeypatch):
    def polished(cost):
        return SimpleNamespace(cost=cost, feasible=True)

    def finish(problem, settings, row, point, worth):
        ideal, whole = polished(row["ideal"]), polished(row["whole"])
        return Finalist(ideal, ideal if ideal.cost >= worth else whole)

    monkeypatch.setattr(pursuit, "finish", finish)
    search = Search(None, Settings(tolerance=1e-2), lambda _: None)
    search.consider({"ideal": 1.0, "whole": 1.0}, None)
    # Better by less than the tolerance with a part of a lane, worse with whole ones.
    search.consider({"ideal": 0.999, "whole": 1.01}, None, search.threshold())
    assert search.best.built.cost == 1.0
    search.consider({"ideal": 0.999, "whole": 0.9995}, None, search.threshold())
    assert search.best.built.cost == 0.9995
