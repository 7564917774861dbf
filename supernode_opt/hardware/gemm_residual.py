"""What a kernel library's choice of tiles adds to the physics of a GEMM.

A small network on the logarithms of the shape gives a factor on the time and energy of
its work.  It knows nothing of power limits or rates, so that every slope towards those
is the physics'.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.gemm import Shape

# Shapes on which networks are fitted; beyond, the nearest edge stands in.
SMALLEST, LARGEST = 1024.0, 65536.0
_CENTRE, _SPREAD = 8.5, 1.2
# Rows of the output tile whose padding a library pays for; brought near one.
_TILE, _PADDING = 256.0, 10.0


class Residual(NamedTuple):
    """Weights of a fitted network.

    Attributes:
      series: "kernel chip" of every one-hot input that follows the shape's.
      weights: matrices [inputs, outputs], the last of one output.
      biases: of every layer [outputs].
    """

    series: tuple[str, ...]
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]


def features(shape: Shape) -> Array:
    """Return what the network sees of a shape [*batch, 4]."""
    sides = [jnp.clip(jnp.asarray(side, float), SMALLEST, LARGEST) for side in shape]
    logs = [(jnp.log(side) - _CENTRE) / _SPREAD for side in sides]
    padded = jnp.ceil(sides[0] / _TILE) * _TILE
    logs.append(_PADDING * jnp.log(padded / sides[0]))
    return jnp.stack(jnp.broadcast_arrays(*logs), axis=-1)


def work_factor(residual: Residual, shape: Shape, series: ArrayLike) -> Array:
    """Return the factor on the work of GEMMs, 1 where the network knows nothing [1].

    Args:
      residual: fitted weights.
      shape: tokens, columns and inner length [*batch].
      series: index into `residual.series`; negative for none of them [*batch].
    """
    series = jnp.asarray(series)
    known = series >= 0
    index = jnp.where(known, series, 0)
    seen = features(shape)
    count = seen.shape[-1]
    # One-hot inputs only pick a row of the first matrix.
    first = jnp.asarray(residual.weights[0])
    value = seen @ first[:count] + first[count:][index] + residual.biases[0]
    for weight, bias in zip(residual.weights[1:], residual.biases[1:], strict=True):
        value = jnp.tanh(value) @ weight + bias
    return jnp.exp(jnp.where(known, value[..., 0], 0.0))
