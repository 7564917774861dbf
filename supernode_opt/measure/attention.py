"""Causal attention, forward and forward with backward, fused where the device can."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from supernode_opt.measure.devices import Bench, Device
from supernode_opt.measure.plan import Point, Speed, bearable, required, spread_out
from supernode_opt.measure.timing import Repeated, Timing, measure

SECTION = "attention"
HEADS = 8
_LENGTHS = (128, 256, 512, 1024, 2048, 4096, 8192)
_BATCHES = (1, 4, 16)
_SHORTEST, _LONGEST = 2e-4, 0.2
# Unfused attention takes several times its arithmetic.
_SLOWER = 8.0


def flops(batch: Any, length: Any, channels: Any) -> Any:
    """FLOPs of causal attention, forward: half of two full products [flop]."""
    return 2.0 * batch * HEADS * length**2 * channels


def points(device: Device, speed: Speed, quick: bool) -> list[Point]:
    """Offer sequence lengths, batches and head sizes, each forward and with backward.

    A pair stands beside each other, because only together they tell arithmetic from
    passes over the scores.
    """
    grid = []
    for length in _LENGTHS:
        for batch in _BATCHES:
            for channels in (64, 128):
                seconds = _SLOWER * flops(batch, length, channels) / speed.rate
                scores = 8.0 * batch * HEADS * float(length) ** 2
                if scores < 0.1 * device.usable:
                    sizes = {"length": length, "batch": batch, "channels": channels}
                    grid.append(Point(SECTION, sizes, seconds))
    count = 3 if quick else 8
    grid = bearable(grid, _SHORTEST, 0.04 if quick else _LONGEST, count)
    chosen = spread_out(grid, count)
    both = [
        Point(SECTION, {"pass": passed, **point.sizes}, factor * point.seconds)
        for point in chosen
        for passed, factor in (("forward", 1.0), ("both", 3.5))
    ]
    return required(both, 2)


@functools.cache
def implementation(platform: str) -> str:
    """Return "cudnn" where a fused kernel works on this platform, else "xla"."""
    if platform != "gpu":
        return "xla"
    tiny = jnp.zeros((1, 128, 1, 64), jnp.bfloat16)
    try:
        jax.block_until_ready(causal("cudnn")(tiny, tiny, tiny))
    except Exception:
        # Whatever is missing (library, architecture), the plain kernel remains.
        return "xla"
    return "cudnn"


def fused(device: Device) -> bool:
    """Whether attention keeps no scores in memory on this device."""
    return implementation(device.platform) == "cudnn"


def causal(kind: str) -> Any:
    """Return causal attention of queries, keys and values [batch, token, head, -]."""
    return functools.partial(
        jax.nn.dot_product_attention, is_causal=True, implementation=kind
    )


def run(point: Point, bench: Bench) -> Timing:
    """Time one point."""
    sizes = point.sizes
    shape = (int(sizes["batch"]), int(sizes["length"]), HEADS, int(sizes["channels"]))
    attend = causal(implementation(bench.device.platform))

    def both(query: Any, key: Any, value: Any, slope: Any) -> Any:
        result, backward = jax.vjp(attend, query, key, value)
        return result, backward(slope)

    def forward(query: Any, key: Any, value: Any, slope: Any) -> Any:
        return attend(query, key, value)

    operands = tuple(bench.operand(shape, jnp.bfloat16, i) for i in range(4))
    function = both if sizes["pass"] == "both" else forward
    return measure(Repeated(function, [operands]), bench.window, bench.meter)
