"""Many small arrays as one vector: a call takes a microsecond for each it is handed.

A scenario has hundreds of numbers, and a program of one design runs for a quarter of a
millisecond: handed one by one they would take half of each call.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray


class Form(NamedTuple):
    """What a pytree is beside its numbers.

    Attributes:
      structure: of the pytree.
      kinds: shape and type of every leaf.
    """

    structure: Any
    kinds: tuple[tuple[tuple[int, ...], str], ...]


def packed(tree: Any) -> tuple[NDArray, Form]:
    """Return the numbers of a pytree in one vector, and what makes it of them again.

    Counts and positions are exact: they are far below what a float holds.
    """
    leaves, structure = jax.tree.flatten(tree)
    arrays = [np.asarray(leaf) for leaf in leaves]
    kinds = tuple((array.shape, array.dtype.str) for array in arrays)
    parts = [array.ravel().astype(float) for array in arrays]
    return np.concatenate(parts), Form(structure, kinds)


def unpacked(vector: Array, form: Form) -> Any:
    """Return the pytree of a vector, inside a program.

    >>> vector, form = packed({"count": np.int32(2), "rate": np.array([0.5, 0.25])})
    >>> vector.tolist(), unpacked(vector, form)["rate"].tolist()
    ([2.0, 0.5, 0.25], [0.5, 0.25])
    """
    leaves, start = [], 0
    for shape, kind in form.kinds:
        size = int(np.prod(shape, dtype=int))
        leaf = vector[start : start + size].reshape(shape).astype(kind)
        leaves.append(leaf)
        start += size
    return jax.tree.unflatten(form.structure, leaves)
