"""Waits by hand: queues whose formulas are exact, and one that is tabulated."""

import math

import jax
import pytest

from supernode_opt.system.serving.queue import (
    FULL,
    waiting_at,
    waiting_share,
    waiting_time,
)


def erlang(servers, load):
    """Probability of waiting in M/M/c (Erlang 1917) [1]."""
    offered = servers * load
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1.0 - load)
    return last / (sum(terms) + last)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_one_server_is_exact(load):
    # M/M/1: rho / (1 - rho) times the service; M/D/1: half of it.
    wanted = load / (1.0 - load) * 3.0
    assert float(waiting_time(load, 1.0, 3.0, 1.0)) == pytest.approx(wanted)
    assert float(waiting_time(load, 1.0, 3.0, 0.0)) == pytest.approx(0.5 * wanted)
    assert float(waiting_share(load, 1.0)) == pytest.approx(load)
    # M/M/1 waits longer than t with the probability rho exp(-(1 - rho) t / S).
    late = float(waiting_at(0.99, wanted, load))
    beyond = load * math.exp(-(1.0 - load) * late / 3.0)
    assert beyond == pytest.approx(0.01)


@pytest.mark.parametrize("servers", [2, 4, 16])
@pytest.mark.parametrize("load", [0.9, 0.95, 0.99])
def test_several_busy_servers_are_near_erlangs(servers, load):
    wanted = erlang(servers, load) / (servers * (1.0 - load)) * 3.0
    found = float(waiting_time(load, float(servers), 3.0, 1.0))
    assert found == pytest.approx(wanted, rel=0.06)


def test_several_servers_at_less_load_wait_too_long_by_what_is_said():
    for servers, over in ((4, 1.08), (16, 1.38)):
        wanted = erlang(servers, 0.7) / (servers * 0.3)
        found = float(waiting_time(0.7, float(servers), 1.0, 1.0))
        assert found / wanted == pytest.approx(over, abs=0.005)
    assert found < 1 / 25


def test_a_full_queue_keeps_a_slope_and_an_empty_one_nothing():
    assert float(waiting_time(0.0, 4.0, 3.0, 1.0)) == 0.0
    assert float(waiting_at(0.9, 0.0, 0.0)) == 0.0
    whole = float(waiting_time(7.0, 1.0, 3.0, 1.0))
    assert whole == pytest.approx(FULL / (1.0 - FULL) * 3.0)
    for load in (0.0, 0.5, 2.0):
        assert math.isfinite(jax.grad(waiting_time)(load, 2.0, 3.0, 1.0))
