"""One program for all studies of a structure, and none where none is needed."""

import numpy as np
import pytest

from supernode_opt.batch.exact import typed
from supernode_opt.search import dependence, relaxed
from supernode_opt.search.bounds import _MANY, _program
from supernode_opt.search.ends import Leaf
from supernode_opt.search.enumerate import positions
from supernode_opt.search.merit import aim_of, aimed, wish
from supernode_opt.search.outlook import look
from supernode_opt.system.design import CHOICE_NAMES
from tests.search.studies import problem

FREE = ("tensor_parallel", "clock", "scale_up_bandwidth", "recompute", "scale_up_link")


def study(free=FREE):
    return problem(free=free, constraints=[("power", 500e3, True)])


def test_a_frozen_number_or_choice_stays_wherever_a_point_lies():
    asked = study()
    merit = relaxed.relaxed_merit(asked)
    data = relaxed._data(asked, merit.names) | {"temperature": 0.3}
    points = np.random.default_rng(0).normal(0.0, 3.0, (50, merit.size()))
    numbers, weights = merit.decode(points, data)
    free = {v.name: v for v in asked.variables}
    assert {*numbers} == {*merit.names}
    for name, values in numbers.items():
        if name in free:
            box = free[name]
            assert np.all(values >= box.low * (1.0 - 1e-12))
            assert np.all(values <= box.high * (1.0 + 1e-12))
        else:
            np.testing.assert_array_equal(values, float(asked.fixed[name]))
    for name in CHOICE_NAMES:
        np.testing.assert_allclose(weights[name].sum(axis=1), 1.0, rtol=1e-12)
        others = np.delete(weights[name], positions(asked, name), axis=1)
        np.testing.assert_array_equal(others, 0.0)


def test_studies_with_other_things_free_share_the_relaxed_program():
    one, other = study(), study(free=("chips", "scale_out_link"))
    assert relaxed.relaxed_merit(one) == relaxed.relaxed_merit(other)


def test_starts_move_what_is_free_alone():
    asked = study()
    merit = relaxed.relaxed_merit(asked)
    starts = relaxed._starts(asked, merit, 20, seed=3)
    places = merit.places()
    free = {places[v.name] for v in asked.variables}
    for choice in asked.choices:
        free |= {places[choice.name] + k for k in positions(asked, choice.name)}
    moving = np.flatnonzero(np.any(starts != 0.0, axis=0))
    assert {*moving.tolist()} == free
    again = relaxed._starts(asked, merit, 20, seed=3)
    np.testing.assert_array_equal(starts, again)


def test_a_program_is_given_what_it_reads_and_arrays_alone():
    columns = {"chips": np.array([8]), "family": np.array([3]), "chip.tdp": [7.0]}
    assert {*typed(columns)} == {"chips", "chip.tdp"}
    told = [*wish(study()).values(), *aim_of(study(), cost=0.5).values()]
    assert all(isinstance(value, np.ndarray) for value in told)


def test_few_rows_are_bounded_by_the_program_at_hand():
    outlook = look(study())
    leaves = [Leaf("step_time", "low"), Leaf("step_time", "high")]
    assert _program(outlook, _MANY, leaves) == outlook.program
    assert _program(outlook, _MANY + 1, leaves) == ("step_time",)
    # What the problem's programs do not compute needs one of its own.
    asked = _program(outlook, 1, [Leaf("parts.unknown", "low")])
    assert asked == ("parts.unknown",)


def test_what_inputs_are_seen_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("SUPERNODE_OPT_CACHE", str(tmp_path))
    given = look(study()).scenario
    seen = dependence.inputs_of(given, ["chip.tdp"])

    def traced(structure):
        raise AssertionError("it was read before")

    dependence._inputs.cache_clear()
    monkeypatch.setattr(dependence, "_traced", traced)
    assert dependence.inputs_of(given, ["chip.tdp"]) == seen
    with pytest.raises(AssertionError, match="read before"):
        dependence.inputs_of(given, ["chip.leakage_share"])


def test_aims_weigh_cost_and_limits():
    # On paper: 0.5 x 2 + 3 x (-1) + 2 x log(e^-1 + e^0), with hardness 1.
    aim = {"cost": 0.5, "focus": np.array([3.0, 0.0]), "worst": 2.0, "hardness": 1.0}
    aim["offset"] = np.array([0.0, -4.0])
    cost, values = aimed(2.0, np.array([-1.0, 0.0]), aim)
    assert cost == pytest.approx(-2.0 + 2.0 * np.log1p(np.exp(-1.0)))
    np.testing.assert_allclose(values, [-1.0, -4.0])
