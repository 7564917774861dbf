"""Bytes of collectives against the rings of nccl-tests."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.workload import placement, traffic
from tests.plain import EXPERTS, same

PAYLOAD = 1e9


def place(size, stride, domain, board, chips=None, relaxed=False):
    """Place groups that fill the machine, or `chips` of it."""
    chips = size * stride if chips is None else chips
    return placement.place(size, stride, domain, board, chips, relaxed)


def cut(size, stride, domain, chips):
    """Return members in the shortest and the longest piece, and domains spanned."""
    found = place(size, stride, domain, 1.0, chips)
    return [float(found.inside), float(found.most), float(found.outside)]


@pytest.mark.parametrize("domains", [2, 8, 64])
@pytest.mark.parametrize("inside", [1, 2, 8])
def test_a_ring_across_domains_carries_what_its_bus_bandwidth_says(domains, inside):
    # nccl-tests, PERFORMANCE.md: an all-gather of S bytes moves S (n - 1) / n past
    # every member, and so past the ports of a domain together.
    members = domains * inside
    group = place(members, 1.0, inside, inside)
    sent = traffic.gather(group, PAYLOAD)
    assert sent.outer * inside == pytest.approx(PAYLOAD * (members - 1) / members)


def test_a_group_inside_one_domain_sends_nothing_out():
    group = place(8.0, 1.0, 72.0, 4.0)
    assert traffic.gather(group, PAYLOAD).outer == 0.0


def test_a_group_a_little_larger_than_its_domain_sends_a_little_out():
    outer = [
        float(
            traffic.gather(
                place(8.0 + extra, 1.0, 8.0, 8.0, relaxed=True), PAYLOAD
            ).outer
        )
        for extra in (0.0, 0.08, 0.8, 8.0)
    ]
    assert outer == sorted(outer)
    assert outer[1] == pytest.approx(0.01 * PAYLOAD / 8)


def test_one_member_moves_nothing():
    sent = traffic.gather(place(1.0, 1.0, 8.0, 8.0), PAYLOAD)
    assert jnp.all(jnp.asarray([sent.inner, sent.outer, sent.calls]) == 0.0)


def test_a_group_on_domains_and_boards():
    # Eight ranks, every second chip: four share a domain of 8 chips, two a board of 4.
    assert [float(x) for x in place(8.0, 2.0, 8.0, 4.0)] == [8, 4, 4, 2, 2, 1]
    assert [float(x) for x in place(2.0, 1.0, 8.0, 4.0)] == [2, 2, 2, 1, 2, 1]
    assert [float(x) for x in place(4.0, 16.0, 8.0, 4.0)] == [4, 1, 1, 4, 1, 1]


def test_bytes_and_hops_of_a_gather():
    sent = traffic.gather(place(8.0, 2.0, 8.0, 4.0), 100.0)
    # A ring through all eight: 7 of 7.5 inside; 7/8 of the payload over four ports.
    same(sent.inner, 100.0 * 7.0 / 7.5)
    same(sent.outer, 100.0 * 7.0 / 8.0 / 4.0)
    same([sent.board_hops, sent.inner_hops, sent.outer_hops, sent.calls], 1.0)
    wide = traffic.gather(place(64.0, 1.0, 16.0, 2.0), 100.0)
    same([wide.board_hops, wide.inner_hops, wide.outer_hops], [1.0, 3.0, 2.0])


def test_groups_that_domains_cut():
    # Racks of 72.  Of 16 ranks those from 64 to 79 are cut 8 and 8; of 64 those from
    # 64 to 127 are cut 8 and 56; 24 fit three to a rack.
    assert cut(16.0, 1.0, 72.0, 144.0) == [8.0, 16.0, 2.0]
    assert cut(64.0, 1.0, 72.0, 576.0) == [8.0, 64.0, 2.0]
    assert cut(24.0, 1.0, 72.0, 144.0) == [24.0, 24.0, 1.0]
    # Domains of 64 with 8 idle chips in each rack cut none of them.
    assert cut(16.0, 1.0, 64.0, 128.0) == [16.0, 16.0, 1.0]
    assert cut(64.0, 1.0, 64.0, 576.0) == [64.0, 64.0, 1.0]
    # Of 32 ranks the third group is cut at 72, 8 to 24; two groups alone are not cut
    # where domains are 48 long: 32 to 63 is, 16 and 16.
    assert cut(32.0, 1.0, 72.0, 96.0) == [8.0, 32.0, 2.0]
    assert cut(32.0, 1.0, 48.0, 64.0) == [16.0, 32.0, 2.0]
    assert cut(20.0, 1.0, 48.0, 40.0) == [20.0, 20.0, 1.0]
    # 256 ranks from 0: 72, 72, 72, 40; from 256: 32 of the fourth rack, 72, 72, 72 and
    # 8 of the eighth.
    assert cut(256.0, 1.0, 72.0, 512.0) == [8.0, 72.0, 5.0]
    # A machine that is no multiple of its domain ends in a shorter one: 72 and 28.
    assert cut(100.0, 1.0, 72.0, 100.0) == [28.0, 72.0, 2.0]


def test_data_ranks_that_domains_cut():
    # Six ranks, eight apart, in blocks of 48: the second is cut at 72, three and three.
    assert cut(6.0, 8.0, 72.0, 144.0) == [3.0, 6.0, 2.0]
    # Five in blocks of 40, cut at 72, four and one.
    assert cut(5.0, 8.0, 72.0, 120.0) == [1.0, 5.0, 2.0]
    # Three, 48 apart: ranks 0 to 23 have 0 and 48 in one domain, 24 to 47 48 and 96 in
    # different ones.
    assert cut(3.0, 48.0, 72.0, 144.0) == [1.0, 2.0, 2.0]


def test_the_shortest_piece_decides_what_leaves_a_domain():
    # 15/16 of the bytes through eight ports, not none.
    sent = traffic.gather(place(16.0, 1.0, 72.0, 4.0, 144.0), 160.0)
    same(sent.outer, 160.0 * 15.0 / 16.0 / 8.0)
    # 16 ranks cut 8 and 8, eight picks of 256 experts: all but C(128, 8) / C(256, 8) of
    # the tokens go to the other half.
    model = dataclasses.replace(EXPERTS, top_k=8.0, experts=256.0)
    sent = traffic.all_to_all(place(16.0, 1.0, 72.0, 4.0, 144.0), 10.0, 3.0, model)
    same(sent.outer, 30.0 * (1.0 - math.comb(128, 8) / math.comb(256, 8)))
    # 64 cut 8 and 56: each of 56 sends to the eighth of the experts with probability
    # 1 - C(224, 8) / C(256, 8), through eight ports.
    sent = traffic.all_to_all(place(64.0, 1.0, 72.0, 4.0, 576.0), 10.0, 3.0, model)
    same(sent.outer, 30.0 * 7.0 * (1.0 - math.comb(224, 8) / math.comb(256, 8)))


def test_a_descent_is_never_slower_than_what_is_built():
    random = np.random.default_rng(0)
    size, stride, count = (random.integers(1, m, 500) * 1.0 for m in (40, 9, 12))
    domain, chips = random.integers(1, 100, 500) * 1.0, size * stride * count
    smooth, exact = (
        place(size, stride, domain, 8.0, chips, relaxed) for relaxed in (True, False)
    )
    for name in ("inner", "outer"):
        less, more = (getattr(traffic.gather(g, 1.0), name) for g in (smooth, exact))
        assert np.all(less <= more + 1e-12)
    assert np.all(smooth.inside >= exact.inside)


def test_pieces_are_those_of_ranks_put_into_domains_one_by_one():
    random = np.random.default_rng(1)
    for _ in range(60):
        size, stride, blocks = (int(random.integers(1, m)) for m in (14, 6, 9))
        domain, chips = int(random.integers(1, 80)), size * stride * blocks
        starts = np.arange(blocks)[:, None] * size * stride + np.arange(stride)
        ranks = starts.reshape(-1, 1) + np.arange(size) * stride
        pieces = [np.unique(g // domain, return_counts=True)[1] for g in ranks]
        found = cut(float(size), float(stride), float(domain), float(chips))
        assert found[0] == min(p.min() for p in pieces)
        assert found[1] == max(p.max() for p in pieces)
        pairs = np.arange(chips).reshape(size, -1) // domain
        crossing = np.any(pairs[1:] != pairs[:-1], axis=1).sum()
        per_stage = float(chips) / size
        assert placement.crossings(float(size), per_stage, float(domain)) == crossing


def test_copies_for_each_expert_or_for_each_rank():
    model = dataclasses.replace(EXPERTS, top_k=8.0, experts=256.0)
    group = place(8.0, 1.0, 8.0, 8.0)
    same(traffic.all_to_all(group, 1.0, 1.0, model).inner, 7.0)
    once = traffic.all_to_all(group, 1.0, 1.0, model, 1.0)
    # Of seven others each has one of the eight with 1 - C(224, 8) / C(256, 8).
    same(once.inner, 7.0 * (1.0 - math.comb(224, 8) / math.comb(256, 8)))


@pytest.mark.parametrize(
    ("experts", "picks"), [(8.0, 2.0), (16.0, 4.0), (128.0, 8.0), (256.0, 8.0)]
)
def test_no_expert_is_picked_twice(experts, picks):
    # Counted, not drawn with replacement: two of eight miss a half in 12 of 56 ways.
    shares = np.asarray([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])
    model = dataclasses.replace(EXPERTS, experts=experts, top_k=picks)
    ways = [math.comb(round(experts * (1.0 - s)), round(picks)) for s in shares]
    missed = np.asarray(ways) / math.comb(round(experts), round(picks))
    found = traffic.hit(model, jnp.asarray(shares))
    np.testing.assert_allclose(found, 1.0 - missed, rtol=0.0, atol=1e-6)


def test_picks_have_slopes_even_where_nothing_is_left_to_pick():
    for experts, picks in ((0.0, 0.0), (4.0, 4.0), (16.0, 2.0)):
        model = dataclasses.replace(EXPERTS, experts=experts, top_k=picks)

        def summed(shares, model=model):
            return jnp.sum(traffic.hit(model, shares))

        slopes = jax.grad(summed)(jnp.asarray([0.0, 0.25, 0.3, 0.5, 1.0]))
        assert np.all(np.isfinite(slopes))
        assert np.all(slopes >= -1e-9)


def test_bytes_of_an_exchange_between_experts():
    # Ten tokens of 3 B, two copies each; eight ranks in two domains.
    group = place(8.0, 1.0, 4.0, 2.0)
    sent = traffic.all_to_all(group, 10.0, 3.0, EXPERTS)
    # Copies to seven of eight ranks pass the domain's fabric.
    same(sent.inner, 60.0 * 7.0 / 8.0)
    # Of sixteen experts both picks are in one half in 8 * 7 of 16 * 15 cases: of two
    # domains 2 (1 - 7/30) = 23/15 hold an expert, half of them remote.
    same(sent.outer, 30.0 * 23.0 / 30.0)
    limited = dataclasses.replace(EXPERTS, node_limit=1.0)
    same(traffic.all_to_all(group, 10.0, 3.0, limited).outer, 30.0 * 1.0 / 2.0)
    same([sent.board_hops, sent.inner_hops, sent.outer_hops], 1.0)


def test_bytes_to_the_next_stage():
    # Four stages on two domains of two: one of three boundaries crosses; inside, the
    # slowest boundary carries all of it.
    sent = traffic.stage_hop(place(4.0, 2.0, 4.0, 2.0), 1.0, 90.0)
    same([sent.inner, sent.outer], [90.0, 30.0])
    hops = [0.0, 2.0 / 3.0, 1.0 / 3.0, 1.0]
    same([sent.board_hops, sent.inner_hops, sent.outer_hops, sent.calls], hops)
    alone = traffic.stage_hop(place(1.0, 2.0, 4.0, 2.0), 0.0, 90.0)
    same(jnp.stack(alone), 0.0)
