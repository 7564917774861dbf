"""Training steps of small transformers: widths, depths, lengths and batches."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from supernode_opt.measure import decoder
from supernode_opt.measure.attention import implementation
from supernode_opt.measure.devices import Bench, Device
from supernode_opt.measure.plan import Point, Speed, bearable, required, spread_out
from supernode_opt.measure.timing import Timing, measure

SECTION = "training"
_WIDTHS = (128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
_LAYERS = (2, 4, 8)
_LENGTHS = (128, 256, 512, 1024, 2048, 4096)
_BATCHES = (1, 2, 4, 8, 16)
MICRO_BATCHES = 4
# Rough share of a large GEMM's rate that a whole step reaches.
_SHARE = 0.4
# Bytes of states per parameter, and per token and channel of a layer.
_STATE_BYTES, _ACTIVATION_BYTES = 20.0, 40.0
# Cross-validation needs models that differ, not only their sequences.
_WEIGHTS = {"width": 2.0, "layers": 2.0}
# Larger states take longer to set up than to measure [B].
_LARGEST = 2e10
NEEDED = 4


def ffn(width: int) -> int:
    """Width of a SwiGLU network with the parameters of a plain one of four widths."""
    return -(-8 * width // 3 // 64) * 64


def vocabulary(speed: Speed) -> int:
    """As large as the device is fast, so that the head does not drown the layers."""
    return 32768 if speed.rate > 1e13 else 2048


def token_flops(point: Point) -> float:
    """Model FLOPs of one token, forward and backward, all scores counted [flop]."""
    sizes = {name: float(size) for name, size in point.sizes.items()}
    width, layers = sizes["width"], sizes["layers"]
    matrices = layers * (4.0 * width**2 + 3.0 * width * ffn(int(width)))
    matrices += width * sizes["vocabulary"]
    return 6.0 * matrices + 12.0 * layers * sizes["length"] * width


def memory(point: Point) -> float:
    """Bytes that a step needs on one device, roughly [B]."""
    sizes = {name: float(size) for name, size in point.sizes.items()}
    width, tokens = sizes["width"], sizes["batch"] * sizes["length"]
    weights = sizes["layers"] * (4.0 * width**2 + 3.0 * width * ffn(int(width)))
    weights += 2.0 * width * sizes["vocabulary"]
    scores = 10.0 * tokens * sizes["length"] * width / 64.0
    activations = sizes["layers"] * (_ACTIVATION_BYTES * tokens * width + scores)
    return _STATE_BYTES * weights + activations + 10.0 * tokens * sizes["vocabulary"]


def points(device: Device, speed: Speed, quick: bool) -> list[Point]:
    """Offer steps of bearable duration that fit into half of the memory.

    Steps of one and of more micro-batches stand beside each other, because one
    program makes both.
    """
    shortest, longest = (0.005, 0.08) if quick else (0.02, 0.5)
    most = min(0.5 * device.usable, _LARGEST)
    replicas = [1, device.count] if device.count > 1 else [1]
    grid = []
    for width, layers, length, batch, data in itertools.product(
        _WIDTHS, _LAYERS, _LENGTHS, _BATCHES, replicas
    ):
        sizes = {
            "width": width,
            "layers": layers,
            "length": length,
            "batch": batch,
            "devices": data,
            "vocabulary": vocabulary(speed),
        }
        point = Point(SECTION, sizes, 0.0)
        seconds = token_flops(point) * batch * length / (_SHARE * speed.rate)
        point = point._replace(seconds=seconds)
        if memory(point) < most:
            grid.append(point)
    count = 3 if quick else 18
    grid = bearable(grid, shortest, longest, count)
    both = [
        Point(SECTION, {**point.sizes, "micro_batches": micro}, micro * point.seconds)
        for point in spread_out(grid, count, _WEIGHTS)
        for micro in (1, MICRO_BATCHES)
    ]
    return required(both, NEEDED)


def run(point: Point, bench: Bench) -> Timing:
    """Time one step."""
    return measure(stepper(point, bench), bench.window, bench.meter, batch=False)


def stepper(point: Point, bench: Bench) -> Callable[[], Any]:
    """Return a function that starts the next step and returns its loss and states.

    The states are donated from step to step.
    """
    sizes = {name: int(size) for name, size in point.sizes.items()}
    micro = sizes.pop("micro_batches")
    program, whole, spread = _program(bench, tuple(sizes.items()))
    state: Any = jax.device_put(decoder.initial(_shape(sizes), bench.seed), whole)
    tokens = jax.device_put(_tokens(sizes, bench.seed), spread)
    count = jax.device_put(np.int32(micro), whole)

    def call() -> Any:
        nonlocal state
        state, value = program(state, tokens, count)
        return value, state

    return call


def _shape(sizes: Mapping[str, int]) -> Any:
    width = sizes["width"]
    return decoder.Shape(sizes["layers"], width, ffn(width), sizes["vocabulary"])


def _tokens(sizes: Mapping[str, int], seed: int) -> Any:
    size = (MICRO_BATCHES, sizes["devices"] * sizes["batch"], sizes["length"] + 1)
    random = np.random.default_rng(seed)
    return random.integers(0, sizes["vocabulary"], size, dtype=np.int32)


@functools.lru_cache(maxsize=1)
def _program(bench: Bench, items: tuple[tuple[str, int], ...]) -> tuple[Any, Any, Any]:
    """Compile a step; return it with the places of its states and of its tokens."""
    sizes = dict(items)
    count, kind = sizes["devices"], implementation(bench.device.platform)
    mesh = Mesh(np.asarray(bench.local[:count]), ("data",))
    whole, spread = PartitionSpec(), PartitionSpec(None, "data")
    axis = "data" if count > 1 else None
    body: Any = functools.partial(decoder.step, kind=kind, axis=axis)
    if axis:
        body = jax.shard_map(
            body,
            mesh=mesh,
            in_specs=(whole, spread, whole),
            out_specs=whole,
            check_vma=False,
        )
    places = NamedSharding(mesh, whole), NamedSharding(mesh, spread)
    state, tokens, number = (
        jax.tree.map(
            lambda leaf, place=place: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=place
            ),
            tree,
        )
        for tree, place in zip(
            (decoder.empty(_shape(sizes)), _tokens(sizes, 0), np.int32(0)),
            (places[0], places[1], places[0]),
            strict=True,
        )
    )
    program = jax.jit(body, donate_argnums=0).lower(state, tokens, number).compile()
    return program, *places
