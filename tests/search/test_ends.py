"""Ends of formulas: never inside what the formula can be, by hand and by chance."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supernode_opt.search import ends as room
from supernode_opt.search.ends import Ends, Leaf, end_of, leaves_of
from supernode_opt.system.report import FACTS
from supernode_opt.system.reported import Facts

FORMULAS = (
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: (a - b) * (b - 2.0),
    lambda a, b: -3.0 * a / b,
    lambda a, b: (1.0 - a) / (1.0 + b) * (a - 0.5),
    lambda a, b: 2.0 / a - b * -1.0,
    lambda a, b: a**2 - b**-0.5,
    lambda a, b: np.float64(2.0) * a - np.float64(1.0) / b,
)
SPAN = st.tuples(st.floats(0.01, 9.0), st.floats(0.01, 9.0)).map(sorted)
SHARE = st.floats(0.0, 1.0)


def between(low, high):
    return Ends(lambda: low, lambda: high)


@given(st.sampled_from(FORMULAS), SPAN, SPAN, SHARE, SHARE)
def test_ends_hold_every_value(formula, first, second, one, other):
    found = formula(between(*first), between(*second))
    value = formula(
        first[0] + one * (first[1] - first[0]),
        second[0] + other * (second[1] - second[0]),
    )
    slack = 1e-9 * (1.0 + abs(value))
    assert found.low() - slack <= value <= found.high() + slack


def test_a_difference_times_a_difference_by_hand():
    # a in [1, 3], b in [0, 4]: a - 2 in [-1, 1], b - 1 in [-1, 3], product in [-3, 3].
    found = (between(1.0, 3.0) - 2.0) * (between(0.0, 4.0) - 1.0)
    assert (found.low(), found.high()) == (-3.0, 3.0)


def test_what_may_be_zero_divides_to_the_unknown():
    found = 1.0 / (between(1.0, 3.0) - 2.0)
    assert np.isnan(found.low())
    assert np.isnan(found.high())


@pytest.mark.parametrize(
    "ask",
    [
        lambda a: a if a else 0.0,
        lambda a: a == 1.0,
        lambda a: a > 1.0,
        lambda a: np.sqrt(a),
        lambda a: np.maximum(a, 1.0),
        lambda a: (a - 1.0) ** 2,
        lambda a: 2.0**a,
    ],
)
def test_what_is_no_arithmetic_is_refused(ask):
    with pytest.raises(TypeError):
        ask(between(1.0, 2.0))


def _with(monkeypatch, formula):
    """Put a quantity with `formula` among those that are reported."""
    facts = FACTS | {"trial": Facts("a trial", formula=formula)}
    monkeypatch.setattr(room, "FACTS", facts)


def test_what_is_declared_to_be_signed_is_bounded_as_such(monkeypatch):
    facts = {
        "margin": Facts("may be negative", signed=True),
        "trial": Facts("a trial", formula=lambda r, d, s: r.margin * r.power),
    }
    monkeypatch.setattr(room, "FACTS", FACTS | facts)
    ends = {"margin": {"low": -2.0, "high": 1.0}, "power": {"low": 3.0, "high": 5.0}}

    def leaf(wanted):
        return ends[wanted.name][wanted.side]

    # [-2, 1] times [3, 5]: least at -2 times 5, not at -2 times 3.
    assert end_of(Leaf("trial", "low"), leaf, 1.0, None) == -10.0
    assert end_of(Leaf("trial", "high"), leaf, 1.0, None) == 5.0


def test_a_freed_constant_may_be_negative():
    given = room.boxed(SimpleNamespace(shift=0.0), "shift", -2.0, 1.0)
    found = given.shift * between(3.0, 5.0)
    assert (found.low(), found.high()) == (-10.0, 5.0)


def test_a_formula_reads_fields_of_the_design(monkeypatch):
    _with(monkeypatch, lambda r, d, s: r.power / d.chips + d.clock)
    wanted = Leaf("trial", "high")
    assert leaves_of({wanted}, None)[wanted] == {
        Leaf("power", "high"),
        Leaf("design.clock", "high"),
    }
    values = {"power": 600.0, "design.clock": 0.75}
    # 600 W over 4 chips and the clock: 150.75.
    assert end_of(wanted, lambda leaf: values[leaf.name], 4.0, None) == 150.75


def test_a_formula_that_is_no_arithmetic_is_bounded_as_it_is(monkeypatch):
    for formula in (
        lambda r, d, s: np.maximum(r.power, 1.0),
        lambda r, d, s: r.power if r.mfu > 0.5 else 0.0,
        lambda r, d, s: r.power * d.recompute[0],
    ):
        _with(monkeypatch, formula)
        wanted = Leaf("trial", "low")
        assert leaves_of({wanted}, None)[wanted] == {wanted}
