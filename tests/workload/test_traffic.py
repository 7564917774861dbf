"""Bytes of collectives against the rings of nccl-tests."""

import dataclasses

import jax.numpy as jnp
import pytest

from supernode_opt.workload import traffic
from tests.plain import EXPERTS, same

PAYLOAD = 1e9


@pytest.mark.parametrize("domains", [2, 8, 64])
@pytest.mark.parametrize("inside", [1, 2, 8])
def test_a_ring_across_domains_carries_what_its_bus_bandwidth_says(domains, inside):
    # nccl-tests, PERFORMANCE.md: an all-gather of S bytes moves S (n - 1) / n past
    # every member, and so past the ports of a domain together.
    members = domains * inside
    group = traffic.place(members, 1.0, inside, inside)
    sent = traffic.gather(group, PAYLOAD)
    assert sent.outer * inside == pytest.approx(PAYLOAD * (members - 1) / members)


def test_a_group_inside_one_domain_sends_nothing_out():
    group = traffic.place(8.0, 1.0, 72.0, 4.0)
    assert traffic.gather(group, PAYLOAD).outer == 0.0


def test_a_group_a_little_larger_than_its_domain_sends_a_little_out():
    outer = [
        float(traffic.gather(traffic.place(8.0 + extra, 1.0, 8.0, 8.0), PAYLOAD).outer)
        for extra in (0.0, 0.08, 0.8, 8.0)
    ]
    assert outer == sorted(outer)
    assert outer[1] == pytest.approx(0.01 * PAYLOAD / 8)


def test_one_member_moves_nothing():
    sent = traffic.gather(traffic.place(1.0, 1.0, 8.0, 8.0), PAYLOAD)
    assert jnp.all(jnp.asarray([sent.inner, sent.outer, sent.calls]) == 0.0)


def test_a_group_on_domains_and_boards():
    # Eight ranks, every second chip: four share a domain of 8 chips, two a board of 4.
    assert [float(x) for x in traffic.place(8.0, 2.0, 8.0, 4.0)] == [8, 4, 2, 2]
    assert [float(x) for x in traffic.place(2.0, 1.0, 8.0, 4.0)] == [2, 2, 1, 2]
    assert [float(x) for x in traffic.place(4.0, 16.0, 8.0, 4.0)] == [4, 1, 4, 1]


def test_bytes_and_hops_of_a_gather():
    sent = traffic.gather(traffic.place(8.0, 2.0, 8.0, 4.0), 100.0)
    # A ring through all eight: 7 of 7.5 inside; 7/8 of the payload over four ports.
    same(sent.inner, 100.0 * 7.0 / 7.5)
    same(sent.outer, 100.0 * 7.0 / 8.0 / 4.0)
    same([sent.board_hops, sent.inner_hops, sent.outer_hops, sent.calls], 1.0)
    wide = traffic.gather(traffic.place(64.0, 1.0, 16.0, 2.0), 100.0)
    same([wide.board_hops, wide.inner_hops, wide.outer_hops], [1.0, 3.0, 2.0])


def test_bytes_of_an_exchange_between_experts():
    # Ten tokens of 3 B, two copies each; eight ranks in two domains.
    group = traffic.place(8.0, 1.0, 4.0, 2.0)
    sent = traffic.all_to_all(group, 10.0, 3.0, EXPERTS)
    # Copies to seven of eight ranks pass the domain's fabric.
    same(sent.inner, 60.0 * 7.0 / 8.0)
    # Of two domains 2 (1 - (1/2)^2) = 3/2 hold an expert, half of them remote.
    same(sent.outer, 30.0 * 1.5 / 2.0)
    limited = dataclasses.replace(EXPERTS, node_limit=1.0)
    same(traffic.all_to_all(group, 10.0, 3.0, limited).outer, 30.0 * 1.0 / 2.0)
    same([sent.board_hops, sent.inner_hops, sent.outer_hops], 1.0)


def test_bytes_to_the_next_stage():
    # Four stages on two domains of two: one of three boundaries crosses; inside, the
    # slowest boundary carries all of it.
    sent = traffic.stage_hop(traffic.place(4.0, 2.0, 4.0, 2.0), 90.0)
    same([sent.inner, sent.outer], [90.0, 30.0])
    hops = [0.0, 2.0 / 3.0, 1.0 / 3.0, 1.0]
    same([sent.board_hops, sent.inner_hops, sent.outer_hops, sent.calls], hops)
    alone = traffic.stage_hop(traffic.place(1.0, 2.0, 4.0, 2.0), 90.0)
    same(jnp.stack(alone), 0.0)
