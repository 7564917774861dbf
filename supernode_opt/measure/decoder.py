"""A decoder-only transformer as published runs train it, small enough to time.

RMS normalisation, rotary positions, causal attention with as many key and value heads
as query heads, SwiGLU, an LM head of its own; BF16 arithmetic on FP32 parameters, Adam
in FP32, layers under one scan.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from supernode_opt.measure.attention import causal

HEAD = 64
# A prime, so that no two rows of a matrix are alike.
_DRAWN = 1_048_573
_RATE, _FIRST, _SECOND, _SMALL = 1e-4, 0.9, 0.95, 1e-8


class Shape(NamedTuple):
    """Sizes of the transformer [1]; `width` is a multiple of `HEAD`."""

    layers: int
    width: int
    ffn: int
    vocabulary: int


class State(NamedTuple):
    """What a step updates: parameters and both moments, FP32 trees."""

    parameters: dict[str, Any]
    first: dict[str, Any]
    second: dict[str, Any]


def shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter; those of layers are stacked."""
    layers, width, ffn = shape.layers, shape.width, shape.ffn
    return {
        "embedding": (shape.vocabulary, width),
        "head": (width, shape.vocabulary),
        "final_norm": (width,),
        "attention_norm": (layers, width),
        "query_key_value": (layers, width, 3 * width),
        "out": (layers, width, width),
        "ffn_norm": (layers, width),
        "up": (layers, width, 2 * ffn),
        "down": (layers, ffn, width),
    }


def empty(shape: Shape) -> State:
    """Return a state of shapes and types alone, to compile for."""
    leaves = {
        name: jax.ShapeDtypeStruct(size, jnp.float32)
        for name, size in shapes(shape).items()
    }
    return State(leaves, leaves, leaves)


def initial(shape: Shape, seed: int) -> State:
    """Draw parameters on the host; random numbers repeat after `_DRAWN`."""
    drawn = np.random.default_rng(seed).standard_normal(_DRAWN, np.float32)
    parameters = {
        name: np.ones(size, np.float32)
        if name.endswith("norm")
        else np.resize(drawn / np.float32(size[-2] ** 0.5), size)
        for name, size in shapes(shape).items()
    }
    first, second = jax.tree.map(np.zeros_like, (parameters, parameters))
    return State(parameters, first, second)


def _normalise(x: Array, scale: Array) -> Array:
    wide = x.astype(jnp.float32)
    size = lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + 1e-6)
    return (wide * size * scale).astype(x.dtype)


def _rotate(x: Array) -> Array:
    """Turn pairs of channels by their token's position [batch, token, head, -]."""
    half = x.shape[-1] // 2
    rates = 1e4 ** -(np.arange(half, dtype=np.float32) / half)
    angles = np.arange(x.shape[1], dtype=np.float32)[:, None] * rates
    cosine = jnp.asarray(np.cos(angles)[:, None], x.dtype)
    sine = jnp.asarray(np.sin(angles)[:, None], x.dtype)
    left, right = x[..., :half], x[..., half:]
    turned = (left * cosine - right * sine, right * cosine + left * sine)
    return jnp.concatenate(turned, axis=-1)


def loss(parameters: dict[str, Array], tokens: Array, kind: str) -> Array:
    """Return the mean cross entropy of next tokens; `tokens` [batch, length + 1]."""
    narrow = {
        name: value if name.endswith("norm") else value.astype(jnp.bfloat16)
        for name, value in parameters.items()
    }
    layer_names = [name for name, value in narrow.items() if value.ndim == 3]
    layer_names += ["attention_norm", "ffn_norm"]
    attend = causal(kind)

    def layer(x: Array, weights: dict[str, Array]) -> tuple[Array, None]:
        split = (*x.shape[:2], 3, -1, HEAD)
        mixed = _normalise(x, weights["attention_norm"]) @ weights["query_key_value"]
        query, key, value = jnp.moveaxis(mixed.reshape(split), 2, 0)
        seen = attend(_rotate(query), _rotate(key), value)
        x = x + seen.reshape(x.shape) @ weights["out"]
        wide = _normalise(x, weights["ffn_norm"]) @ weights["up"]
        gate, up = jnp.split(wide, 2, axis=-1)
        return x + (jax.nn.silu(gate) * up) @ weights["down"], None

    x = narrow["embedding"][tokens[:, :-1]]
    x, _ = lax.scan(layer, x, {name: narrow[name] for name in layer_names})
    logits = _normalise(x, narrow["final_norm"]) @ narrow["head"]
    logits = logits.astype(jnp.float32)
    correct = jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - correct)


def step(
    state: State, tokens: Array, count: Array, kind: str, axis: str | None = None
) -> tuple[State, Array]:
    """Make one optimizer step over micro-batches, as one program for any count.

    Of the micro-batches of `tokens` [micro-batch, batch, length + 1] it uses `count`;
    `axis` is the mesh axis of data parallel replicas, `None` for a single device.
    """
    slope = jax.value_and_grad(functools.partial(loss, kind=kind))

    def micro(index: Array, total: Any) -> Any:
        return jax.tree.map(jnp.add, total, slope(state.parameters, tokens[index]))

    zero = (jnp.float32(0.0), jax.tree.map(jnp.zeros_like, state.parameters))
    value, gradients = lax.fori_loop(jnp.int32(0), count, micro, zero)
    if axis is not None:
        value, gradients = lax.pmean((value, gradients), axis)
    one = jnp.float32(1.0)

    def mean(rate: float, old: Array, new: Array) -> Array:
        return jnp.float32(rate) * old + (one - jnp.float32(rate)) * new

    first = jax.tree.map(lambda m, g: mean(_FIRST, m, g), state.first, gradients)
    second = jax.tree.map(lambda v, g: mean(_SECOND, v, g * g), state.second, gradients)

    def moved(old: Array, m: Array, v: Array) -> Array:
        return old - jnp.float32(_RATE) * m / (jnp.sqrt(v) + jnp.float32(_SMALL))

    parameters = jax.tree.map(moved, state.parameters, first, second)
    return State(parameters, first, second), value / count.astype(jnp.float32)
