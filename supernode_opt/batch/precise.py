"""Double precision for what answers, whatever a user's own JAX code has set.

JAX computes in 32 bits unless `jax_enable_x64` is set.  Importing the package sets
nothing.  What answers a question (`evaluated`, `optimize`, `compare` and all verbs
above them) computes in 64 bits in a context of its own, which ends with the call: the
setting of the process, and what is computed in it before and after, stay as they are,
and JAX compiles and keeps a program for each precision.

Pure functions such as `evaluate(design, scenario)` compute in what the user set.  In
32 bits the quantities of a report are good to a few times 1e-6 of themselves, half of
them to 1e-7 (`tests/batch/test_precise.py` measures it).  A search in 32 bits would
call designs equal that are not, which is why `optimize` does not take the setting.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def precise() -> AbstractContextManager[Any]:
    """Return the context in which this thread computes in 64 bits.

    >>> import jax.numpy as jnp
    >>> with precise():
    ...     jnp.zeros(1).dtype
    dtype('float64')
    """
    # The setting is a thread's own: what is handed to another thread enters it there.
    import jax

    return jax.enable_x64(True)


def double() -> bool:
    """Return whether this thread computes in 64 bits."""
    import jax

    return bool(jax.config.read("jax_enable_x64"))


def precisely(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Return `function` such that it computes in 64 bits."""

    @functools.wraps(function)
    def precise_function(*args: Given.args, **keywords: Given.kwargs) -> Answer:
        with precise():
            return function(*args, **keywords)

    return precise_function
