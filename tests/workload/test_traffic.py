"""Bytes of collectives against the rings of nccl-tests."""

import jax.numpy as jnp
import pytest

from supernode_opt.workload import traffic

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
