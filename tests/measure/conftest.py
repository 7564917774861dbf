"""A catalog folder of one's own, and made-up points that follow known constants."""

import itertools

import numpy as np
import pytest

from supernode_opt.calibration.step_time import batch
from supernode_opt.catalog import read
from supernode_opt.catalog.systems import system
from supernode_opt.measure import attention, collectives, gemm
from supernode_opt.measure.journal import Entry
from supernode_opt.measure.rooflines import Attentions, attention_times, gemm_times
from supernode_opt.measure.timing import Timing

CACHES = (
    read.document,
    read.load,
    read._provenance,
    read._called,
    system,
)


def forget():
    for cache in CACHES:
        cache.cache_clear()
    batch._MACHINES.clear()


# A split of one device.
PLAN = dict(
    tensor_parallel=1,
    pipeline_parallel=1,
    context_parallel=1,
    expert_parallel=1,
    interleave=1,
    micro_batch=1,
    recompute="none",
    optimizer_sharding="zero0",
    sequence_parallel="off",
)


@pytest.fixture
def own_catalog(monkeypatch):
    """Return a function that makes folders the user's own catalog."""

    def use(*folders):
        monkeypatch.setenv(read.OWN_CATALOG, ":".join(map(str, folders)))
        forget()

    yield use
    monkeypatch.delenv(read.OWN_CATALOG, raising=False)
    forget()


# What a journal begins with.
HEADER = {"format": 1, "name": "x", "device": "a", "devices": 1, "seed": 0}


def entry(section, sizes, seconds, watts=None, work=0.0):
    timing = Timing(float(seconds), 0.001, 0.01, 20, 1, watts)
    return Entry(section, sizes, timing, work, 1.0)


def made_up(
    peak,
    bandwidth,
    efficiency=0.8,
    width=60.0,
    tokens=120.0,
    attention_efficiency=0.5,
    traffic=0.0,
    attention_tokens=300.0,
    softmax=64.0,
    gap=2e-6,
    port=0.0,
    fp8=0.0,
    watts=None,
    scatter=0.0,
):
    """Return finished points of a device with exactly these constants."""
    random = np.random.default_rng(0)
    found = []

    def add(section, sizes, seconds, **rest):
        factor = np.exp(scatter * random.standard_normal())
        found.append(entry(section, sizes, seconds * factor, **rest))

    constants = {
        "efficiency": efficiency,
        "width": width,
        "tokens": tokens,
        "offset": 3e-6,
    }
    sides = (256, 1024, 4096, 16384)
    for m, n, k in itertools.product(sides, sides, sides):
        for precision, top in (("bfloat16", peak), ("fp8", fp8)):
            if not top:
                continue
            moved = gemm.moved(m, n, k, precision)
            shape = tuple(np.asarray([float(side)]) for side in (m, n, k))
            seconds = gemm_times(
                shape, np.asarray([moved]), top, bandwidth, constants, peak
            )
            sizes = {"precision": precision, "m": m, "n": n, "k": k}
            add(gemm.SECTION, sizes, seconds[0], watts=watts, work=3.0)
    for length in (10**8, 2 * 10**8, 4 * 10**8):
        add("memory", {"length": length}, 12.0 * length / bandwidth + 5e-6)
    attended = {
        "efficiency": attention_efficiency,
        "tokens": attention_tokens,
        "traffic": traffic,
    }
    shapes = itertools.product((512, 1024, 4096), ((1, 128), (8, 64)))
    for length, (size, channels) in shapes:
        for passed in ("forward", "both"):
            timed = Attentions(
                flops=attention.flops(size, length, channels),
                scores=attention.HEADS * size * length**2,
                moved=8.0 * attention.HEADS * size * length * channels,
                length=length,
                channels=channels,
                backward=passed == "both",
            )
            seconds = attention_times(timed, peak, bandwidth, softmax, attended)
            sizes = {
                "pass": passed,
                "length": length,
                "batch": size,
                "channels": channels,
            }
            add(attention.SECTION, sizes, seconds)
    for links in (16, 64, 256):
        sizes = {"what": "chain", "links": links}
        add("launch", sizes, 1e-5 + links * gap, work=float(links))
    add("launch", {"what": "dispatch and wait", "links": 1}, 2e-5, work=1.0)
    shapes = itertools.product(collectives.OPERATIONS, (2, 8), (2**16, 2**24, 2**28))
    for operation, ranks, size in shapes if port else ():
        received = collectives.PASSES[operation] * size * (ranks - 1) / ranks
        sizes = {"operation": operation, "devices": ranks, "bytes": size}
        add("collective", sizes, received / port + 1e-5 + 2e-6 * np.log2(ranks))
    return found
