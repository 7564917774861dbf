"""Time of one collective: limits, signs, gradients, and published points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.catalog.collectives import collective, machine
from supernode_opt.hardware.collective import (
    Collective,
    bus_bandwidth,
    collective_time,
    steps,
    work,
)
from supernode_opt.record import leaves, replace

ENTRIES = catalog.names("collective")
VARIABLES = ("ranks", "payload", "rate", "items")


def stacked(count):
    """The constants of all entries, one copy for every point [entry, point]."""
    loaded = [catalog.load("collective", name) for name in ENTRIES]
    fields = (*(path for path, _ in leaves(loaded[0])), "rounds", "direct", "tree")
    return Collective(
        **{
            field: jnp.tile(
                jnp.asarray([float(getattr(one, field)) for one in loaded])[:, None],
                (1, count),
            )
            for field in fields
        }
    )


def is_switched(constants):
    """On a mesh more ranks use more links, and a rendezvous looks at one rank's part.

    Everywhere else more ranks never make a message faster [entry].
    """
    mesh = constants.pair_work[:, 0] + constants.rendezvous_time[:, 0]
    return np.asarray(mesh == 0.0)


def box(count, seed=0):
    """1 to 100,000 ranks, 1 byte to 1 TB, 1 GB/s to 10 TB/s, up to a million tokens.

    Each of the four is [entry, point], the first points are the corners.
    """
    random = np.random.default_rng(seed)
    drawn = [
        np.exp(random.uniform(np.log(low), np.log(high), count))
        for low, high in ((1.0, 1e5), (1.0, 1e12), (1e9, 1e13), (1.0, 1e6))
    ]
    corners = np.asarray(
        np.meshgrid([1.0, 2.0, 8.0, 1e5], [1.0, 1e12], [1e9, 1e13], [0.0, 1e6])
    ).reshape(4, -1)
    points = np.concatenate([corners, np.asarray(drawn)], axis=1)
    return [jnp.tile(row, (len(ENTRIES), 1)) for row in points]


@jax.jit
def value(constants, *where):
    return collective_time(constants, *where)


@jax.jit
def slopes(constants, *where):
    """Slopes in every constant, slopes in every variable, and the times."""

    def summed(constants, *where):
        times = collective_time(constants, *where)
        return jnp.sum(times), times

    (rates, *found), times = jax.grad(summed, argnums=tuple(range(5)), has_aux=True)(
        constants, *where
    )
    return rates, found, times


def wrong(holds):
    """Names of the entries for which something [entry, ...] does not hold."""
    flat = np.asarray(holds).reshape(len(ENTRIES), -1)
    return [name for name, row in zip(ENTRIES, flat, strict=True) if not row.all()]


def test_every_slope_is_finite_and_has_the_sign_engineering_expects():
    where = box(400)
    constants = stacked(where[0].shape[1])
    rates, (ranks, payload, rate, items), times = slopes(constants, *where)
    assert not wrong(np.isfinite(times) & (times >= 0.0))
    assert not wrong(np.isfinite(payload) & (payload >= 0.0))
    assert not wrong(np.isfinite(rate) & (rate <= 0.0))
    assert not wrong(np.isfinite(items) & (items >= 0.0))
    rises = ranks >= -1e-9 * times / where[0]
    assert not wrong(np.isfinite(ranks) & (rises | ~is_switched(constants)[:, None]))
    for path, slope in leaves(rates):
        # Congestion counts from a board on; a larger part may meet a rendezvous later.
        sign = {"efficiency": -1.0, "congestion": 0.0, "rendezvous_bytes": -1.0}
        rounding = 1e-12 * times / jnp.maximum(getattr(constants, path), 1e-300)
        right = sign.get(path, 1.0) * slope >= -rounding
        assert not wrong(np.isfinite(slope) & right), path


def test_slopes_equal_finite_differences():
    """Central differences of 1e-6, but for the kinks at one rank and at two."""
    where = box(200, seed=1)
    constants = stacked(where[0].shape[1])
    rates, found, times = slopes(constants, *where)
    kink = (where[0] == 1.0) | (where[0] == 2.0)

    def agrees(slope, at, moved):
        size = 1e-6 * at
        difference = (moved(size) - moved(-size)) / (2.0 * size)
        scale = jnp.maximum(jnp.abs(slope), jnp.abs(difference))
        floor = 1e-8 * times / jnp.maximum(at, 1e-300)
        absent = at == 0.0
        return absent | kink | (jnp.abs(slope - difference) <= 1e-5 * scale + floor)

    for order, name in enumerate(VARIABLES):

        def moved(size, order=order):
            return value(
                constants, *(x + size * (i == order) for i, x in enumerate(where))
            )

        assert not wrong(agrees(found[order], where[order], moved)), name
    for path, slope in leaves(rates):
        at = getattr(constants, path)

        def shifted(size, path=path, at=at):
            return value(replace(constants, path, at + size), *where)

        assert not wrong(agrees(slope, at, shifted)), path


def test_the_comparison_can_fail():
    """A slope that ignores what fills the pipeline is caught."""
    where = box(50, seed=2)
    constants = stacked(where[0].shape[1])

    def time(payload, chunk_time):
        changed = replace(constants, "chunk_time", chunk_time)
        return jnp.sum(collective_time(changed, where[0], payload, *where[2:]))

    honest = jax.grad(time)(where[1], constants.chunk_time)
    blind = jax.grad(time)(where[1], 0.0 * constants.chunk_time)
    assert not np.allclose(honest, blind, rtol=1e-2)


def never_falls(times, axis):
    return np.diff(times, axis=axis) >= -1e-12 * np.abs(times).max()


def test_more_is_never_faster():
    constants = jax.tree.map(lambda x: x[:, :, None], stacked(1))
    switched = is_switched(constants)[:, 0]
    ranks = np.geomspace(1.0, 1e5, 120)[:, None]
    payload = np.geomspace(1.0, 1e12, 150)
    times = np.asarray(value(constants, ranks, payload, 450e9, 0.0))
    assert not wrong(never_falls(times, 2))
    assert not wrong(never_falls(times, 1) | ~switched[:, None, None])
    # A fixed part per rank.  Two ranks of a mesh have one pair of links, others more.
    parts = np.geomspace(1.0, 1e9, 150)
    own = np.asarray(value(constants, ranks, parts * ranks, 450e9, 0.0))
    assert not wrong(never_falls(own[:, ranks[:, 0] >= 4.0], 1))
    assert not wrong(never_falls(own, 1) | ~switched[:, None, None])
    rate = np.geomspace(1e13, 1e9, 150)
    slower = np.asarray(value(constants, ranks, 1e8, rate, 0.0))
    assert not wrong(never_falls(slower, 2))


def test_time_is_log_convex_in_the_link_rate():
    """Chords of log time over log rate lie above the curve."""
    random = np.random.default_rng(3)
    constants = stacked(2000)
    low, high = np.exp(random.uniform(np.log(1e9), np.log(1e13), (2, 2000)))
    ranks = np.exp(random.uniform(0.0, np.log(1e5), 2000))
    payload = np.exp(random.uniform(0.0, np.log(1e12), 2000))

    def log_time(rate):
        return np.log(value(constants, ranks, payload, rate, 1000.0))

    middle = log_time(np.sqrt(low * high))
    assert not wrong(middle <= (log_time(low) + log_time(high)) / 2.0 + 1e-12)


def test_numbers_and_stacked_constants_are_one_function():
    together = np.asarray(value(stacked(1), 8.0, 1e8, 450e9, 100.0))
    for name, seconds in zip(ENTRIES, together[:, 0], strict=True):
        constants = catalog.load("collective", name)
        alone = collective_time(constants, 8, 1e8, 450e9, 100)
        assert float(alone) == pytest.approx(float(seconds), rel=1e-12)


def test_a_single_rank_needs_no_time():
    assert not wrong(value(stacked(1), 1.0, 1e9, 450e9, 1e3) == 0.0)


def test_steps_and_bytes_of_the_algorithms():
    """NVIDIA/nccl `src/graph/tuning.cc`: 2 (n - 1) steps, a chain per board."""
    reduce = catalog.load("collective", "nccl_nvlink3_all_reduce")
    gather = catalog.load("collective", "nccl_nvlink3_all_gather")
    exchange = catalog.load("collective", "nccl_nvlink3_all_to_all")
    assert float(steps(reduce, 8.0)) == 14.0
    assert float(steps(reduce, 64.0)) == 2.0 * (7.0 + 3.0)
    assert float(steps(gather, 8.0)) == 7.0
    assert float(steps(gather, 64.0)) == 63.0
    assert float(steps(exchange, 64.0)) == pytest.approx(6.0)
    plain = replace(reduce, "local_share", 0.0)
    assert float(work(plain, 8.0)) == pytest.approx(2.0 * 7.0 / 8.0)
    assert float(work(plain, 1e9)) == pytest.approx(2.0)
    # A switch that reduces sends every byte once, whatever the ranks.
    switch = replace(plain, "switch_work", 1.0)
    assert float(work(switch, 1e9)) == pytest.approx(1.0, rel=1e-4)
    assert float(work(switch, 2.0)) == pytest.approx(1.0, rel=0.05)


def test_fast_links_leave_the_latency_and_slow_ones_the_bytes():
    constants = stacked(1)
    for field in ("rendezvous_time", "rendezvous_step_time"):
        constants = replace(constants, field, 0.0 * constants.call_time)
    latency = constants.call_time + constants.step_time * steps(constants, 8.0)
    endless = value(constants, 8.0, 1e6, 1e30, 0.0)
    np.testing.assert_allclose(endless, latency, rtol=1e-6)
    wire = 1e9 * work(constants, 8.0) / constants.efficiency
    pair = constants.pair_work * constants.rounds * 1e9 / 8.0
    slow = value(constants, 8.0, 1e9, 1.0, 0.0)
    np.testing.assert_allclose(slow, np.hypot(wire, pair), rtol=1e-3)


# Published points that no calibration has seen.  Bus bandwidths of huge all-reduces in
# GB/s and where they were measured; the message is 16 GiB unless stated.
PLATEAUS = {
    # stas00/ml-engineering all_reduce_bench (CC-BY-SA)
    ("dgx_a100", 8): 234.89,
    ("hgx_h200", 8): 482.0,
    ("hgx_b200", 8): 846.0,
    # NVIDIA/dgxc-benchmarking nccl-tests sample (MIT): 62,648 us
    ("dgx_h100", 8): 479.9,
    # NVIDIA GTC25 talk on NCCL, in-switch reduction
    ("gb200_nvl72", 72): 850.0,
}


@pytest.mark.parametrize(("where", "published"), PLATEAUS.items())
def test_bus_bandwidth_of_huge_all_reduces(where, published):
    name, ranks = where
    place = machine(name)
    constants = collective("nccl", "all_reduce", place.fabric)
    seconds = collective_time(constants, float(ranks), 2.0**34, place.rate)
    reached = float(bus_bandwidth(constants, float(ranks), 2.0**34, seconds))
    assert reached / 1e9 == pytest.approx(published, rel=0.10)


# NVIDIA/dgxc-benchmarking nccl-tests sample (MIT): all-reduce, eight H100; bytes: us.
NCCL_TESTS = {
    1024: 16.94,
    16384: 17.93,
    65536: 19.54,
    524288: 20.66,
    33554432: 199.3,
    134217728: 586.4,
    1073741824: 4029.4,
}


def test_all_reduce_of_eight_h100_as_nccl_tests_print_it():
    constants = collective("nccl", "all_reduce", "nvlink4")
    sizes = np.asarray(list(NCCL_TESTS), float)
    told = np.asarray(collective_time(constants, 8.0, sizes, 450e9)) * 1e6
    off = np.abs(told / np.asarray(list(NCCL_TESTS.values())) - 1.0)
    # A change of protocol is a step; the curve goes through its middle.
    assert off.max() < 0.25
    assert np.median(off) < 0.12


def test_small_all_reduce_of_four_gb200():
    """NCCL's ring takes 11.0 us (arXiv:2607.16100); the table's machine took 15.6."""
    constants = collective("nccl", "all_reduce", "nvlink5")
    told = float(collective_time(constants, 4.0, 1024.0, 900e9))
    assert 11.0e-6 < told < 16.0e-6
