"""One collective and one GEMM, term by term, each worked by hand."""

import dataclasses
import math

import numpy as np
import pytest

from supernode_opt.hardware.collective import (
    Collective,
    bus_bandwidth,
    collective_time,
    steps,
    work,
)
from supernode_opt.hardware.gemm import (
    GemmKernel,
    Package,
    Shape,
    cached,
    cast_time,
    fill,
    gemm,
    traffic,
)
from supernode_opt.hardware.gemm_residual import features
from tests.plain import same

GATHER = Collective(
    efficiency=0.5,
    congestion=1.0,
    local_share=0.0,
    switch_work=0.0,
    pair_work=0.0,
    call_time=10.0,
    step_time=2.0,
    chunk_time=1.0,
    item_time=2.0,
    rendezvous_time=10.0,
    rendezvous_step_time=10.0,
    rendezvous_bytes=1e30,
)


def collective(**changes):
    return dataclasses.replace(GATHER, **changes)


@pytest.mark.parametrize(
    ("kind", "ranks", "count"),
    [
        # A chain of 7 on the board, then one step per rank, or per doubling of boards.
        ({}, 4.0, 3.0),
        ({}, 16.0, 7.0 + 8.0),
        ({"rounds": 2.0}, 16.0, 2.0 * 15.0),
        ({"rounds": 2.0, "tree": 1.0}, 32.0, 2.0 * (7.0 + 2.0)),
        ({"direct": 1.0}, 16.0, 4.0),
    ],
)
def test_steps(kind, ranks, count):
    same(steps(collective(**kind), ranks), count)


def test_bytes_of_the_busiest_port():
    # Three of four parts come from others; the kept one costs half of a sent one.
    same(work(collective(local_share=0.5), 4.0), 3.5 / 4.0)
    same(work(collective(rounds=2.0), 4.0), 2.0 * 3.0 / 4.0)
    same(work(collective(local_share=0.5), 1.0), 0.0)
    # A ring of 1.5 messages against a switch of 0.75, joined with exponent 16.
    reduced = collective(rounds=2.0, switch_work=0.75)
    same(work(reduced, 4.0), 1.5 * (1.0 + 2.0**16) ** (-1.0 / 16.0))


def test_time_of_a_gather_among_sixteen():
    # 15 steps; 160 B * 15/16 over half of 10 B/s are 30 s, and congestion doubles them
    # from one board to two: 60 s.  Latency 10 + 15 * 2, pipeline sqrt(1 * 15 * 60).
    usual = 40.0 + 30.0
    same(collective_time(GATHER, 16.0, 160.0, 10.0), usual + 60.0)
    # One pair carries 10 B at 1/80 of 10 B/s: 80 s beside 60 s.
    pairs = collective(pair_work=80.0)
    same(collective_time(pairs, 16.0, 160.0, 10.0), usual + math.hypot(60.0, 80.0))
    # An all-reduce does everything twice: 10 + 30 * 2 s and sqrt(1 * 30 * 120).
    twice = dataclasses.replace(pairs, rounds=2.0)
    slow = 70.0 + 60.0 + math.hypot(120.0, 160.0)
    same(collective_time(twice, 16.0, 160.0, 10.0), slow)
    # 40 tokens of 2 s each.
    same(collective_time(GATHER, 16.0, 160.0, 10.0, 40.0), usual + 100.0)
    # At its onset a rendezvous costs half of 10 + 10 * 15 s; at twice, 8/9 of it.
    agreed = collective(rendezvous_bytes=10.0)
    same(collective_time(agreed, 16.0, 160.0, 10.0), usual + math.hypot(60.0, 80.0))
    agreed = collective(rendezvous_bytes=5.0)
    slow = math.hypot(60.0, 160.0 * 8.0 / 9.0)
    same(collective_time(agreed, 16.0, 160.0, 10.0), usual + slow)


def test_a_single_rank_agrees_on_nothing():
    alone = collective(rendezvous_bytes=10.0, pair_work=3.0, local_share=0.5)
    same(collective_time(alone, 1.0, 160.0, 10.0, 40.0), 0.0)


def test_bus_bandwidth():
    # 2 * 3/4 of 100 B in 3 s.
    same(bus_bandwidth(collective(rounds=2.0), 4.0, 100.0, 3.0), 50.0)


KERNEL = GemmKernel(
    operand_bytes=1.0,
    cast_bytes=3.0,
    cast_row=5.0,
    cast_efficiency=0.5,
    array_efficiency=0.5,
    inner=2.0,
    wave=3.0,
    launch_time=7.0,
    overlap=math.inf,
    cache=44.0,
    idle_power=20.0,
    clock_power=10.0,
    flop_energy=0.25,
    byte_energy=0.5,
    reference_rate=1.0,
    power_exponent=3.0,
    voltage_floor=0.1,
    limit_share=1.0,
    architecture="none",
    precision="none",
)
SHAPE = Shape(2.0, 3.0, 4.0)


def kernel(**changes):
    return dataclasses.replace(KERNEL, **changes)


def test_bytes_and_slots_of_a_gemm():
    same(SHAPE.flops, 48.0)
    # 2 * 4 + 3 * 4 operands of one byte and 2 * 3 results of two.
    same(traffic(KERNEL, SHAPE), 32.0)
    # A fill of 2 in 4, a wave of 3 in 6.
    same(fill(kernel(inner=1.0), SHAPE), 1.0 + 0.25 + 0.5)
    # Weights 12 B and half of the other 20 B are held where two weights take turns:
    # half of the cache's 44 B, which serves half; of 33 B, (33 / 44)^4 over one more.
    same(cached(KERNEL, SHAPE, 0.5), 0.5)
    share = 0.75**4
    same(cached(kernel(cache=33.0), SHAPE, 0.5), share / (1.0 + share))
    # 2 rows of 4 + 5 values of 3 B over half of 9 B/s.
    same(cast_time(KERNEL, SHAPE, Package(1.0, 9.0, 1e9)), 12.0)


def test_time_and_watts_of_a_gemm():
    # Memory: 32 B, half of them three times as fast, at 9 B/s; arithmetic: 48 FLOPs
    # twice over (fill and wave a half each) at half of 2 flop/s is slower: 96 s.
    package = Package(2.0, 9.0, 1e9)
    found = gemm(KERNEL, SHAPE, package, repeat=0.5)
    seconds = 7.0 + 12.0 + 96.0
    same(found.time, seconds)
    # Twice the reference clock: voltage squared is 2^2; cached bytes cost half, what
    # was cast 3 B each: 32 * 3/4 + 3 * 8 = 48 B.
    joules = 0.25 * 4.0 * 48.0 + 0.5 * 48.0
    same(found.power, 20.0 + 10.0 * 2.0 * 4.0 + joules / seconds)
    # At 1000 flop/s memory decides.
    quick = gemm(kernel(clock_power=0.0), SHAPE, Package(1000.0, 9.0, 1e9), repeat=0.5)
    same(quick.time, 7.0 + 12.0 + 32.0 * (0.5 + 0.5 / 3.0) / 9.0)
    # A network's factor is on work and its energy, not on launch and clocks.
    harder = gemm(KERNEL, SHAPE, package, repeat=0.5, work=2.0)
    same(harder.time, 7.0 + 2.0 * 108.0)
    same(harder.power, 20.0 + 80.0 + 2.0 * joules / (7.0 + 216.0))


def test_a_limit_slows_the_clock_until_power_meets_it():
    # Without energies power is clocks alone, 10 W * (2 u)^3 above idle: of 0.95 * 40 W
    # 18 W are to spare, and 80 u^3 = 18.
    bare = kernel(flop_energy=0.0, byte_energy=0.0, limit_share=0.95)
    found = gemm(bare, SHAPE, Package(2.0, 9.0, 40.0))
    same(found.clock, (18.0 / 80.0) ** (1.0 / 3.0))
    same(found.power, 38.0)
    same(found.demand, 100.0)


def test_a_network_sees_logarithms_and_padding():
    # 1000 rows count as 1,024, four full tiles; 1,500 are padded to 1,536.
    seen = features(Shape(np.array([1000.0, 1500.0]), 70000.0, 4096.0))
    wide, deep = ((math.log(x) - 8.5) / 1.2 for x in (65536.0, 4096.0))
    rows = [(math.log(x) - 8.5) / 1.2 for x in (1024.0, 1500.0)]
    padding = 10.0 * math.log(1536.0 / 1500.0)
    same(seen, [[rows[0], wide, deep, 0.0], [rows[1], wide, deep, padding]])
