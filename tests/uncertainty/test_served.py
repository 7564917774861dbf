"""Draws of machines that serve: units of time, and what stacks share."""

import numpy as np
import pytest

from supernode_opt.calibration.serving.constants import CONSTANTS
from supernode_opt.uncertainty import draws, served
from supernode_opt.uncertainty.constants import Uncertain

SHARED = next(one.name for one in CONSTANTS if not one.stack)
OWN = next(one.name for one in CONSTANTS if one.stack)


def normals(*identities):
    known = {
        (served.KIND, *one): Uncertain((), 1.0, 0.9, 1.1, np.inf) for one in identities
    }
    return draws.normals([known], 0, 4096)


def test_what_all_stacks_share_is_drawn_once():
    made = normals(("vllm", SHARED), ("sglang", SHARED))
    one, other = made.values()
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_what_stacks_have_of_their_own_is_drawn_apart():
    one, other = normals(("vllm", OWN), ("sglang", OWN)).values()
    assert np.corrcoef(one, other)[0, 1] < 0.9
    for drawn in (one, other):
        assert np.std(drawn) == pytest.approx(1.0, abs=0.05)


def test_times_are_those_of_a_chip_as_its_entry_has_it():
    """A chip that is drawn 25 % slower costs no time, but its power stays as drawn."""
    names = ("output_tokens_per_s", "tpot", "tokens_per_joule", "power")
    drawn = np.array([[80.0, 0.050, 0.4, 200.0]])
    held = np.array([[100.0, 0.049, 1.0, 100.0]])
    powers = np.array([draws.TIMED[name] for name in names])
    made = served.settled(names, drawn, held, powers)
    # 0.4 token/J at 80 token/s are 0.5 at 100 token/s.
    np.testing.assert_allclose(made, [[100.0, 0.049, 0.5, 200.0]])


def test_only_the_first_token_waits_for_what_it_alone_waits_for():
    values = np.array([[1.0, 2.0], [1.0, 2.0]])
    made = served.late(("ttft", "tpot"), values, np.array([1.5, 0.5]))
    np.testing.assert_allclose(made, [[1.5, 2.0], [0.5, 2.0]])


@pytest.mark.parametrize("name", ["tpot", "ttft", "user_tokens_per_s", "decode_mfu"])
def test_quantities_of_time_are_known_as_such(name):
    assert draws.TIMED[name] == (1.0 if name in ("tpot", "ttft") else -1.0)
