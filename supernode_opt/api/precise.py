"""Double precision for the model's own work, and nobody else's.

The model needs 64 bits: step times are sums of terms that differ by ten orders of
magnitude.  JAX's switch for that, `jax_enable_x64`, is the whole process's; here it is
turned for as long as a call takes, in the thread that makes it, so that code of one's
own beside it computes in what it chose.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


@contextlib.contextmanager
def precise() -> Iterator[None]:
    """Compute in 64 bits inside this context, whatever the process does outside it.

    What is traced and compiled inside is another program than outside, and both stay
    compiled.

    >>> import jax.numpy as jnp
    >>> with precise():
    ...     print(jnp.asarray(1.0).dtype)
    float64
    """
    import jax

    with jax.enable_x64(True):
        yield


def precisely(verb: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Return `verb` so that all of it computes in 64 bits."""

    @functools.wraps(verb)
    def called(*arguments: Arguments.args, **more: Arguments.kwargs) -> Answer:
        with precise():
            return verb(*arguments, **more)

    return called
