"""Programs that were compiled before, kept on disk: neither traced nor compiled again.

JAX's own cache on disk saves compiling, but a program has to be traced and lowered to
be found in it, which takes longer than reading it.  Here a program is found by what it
is a function of: the sources of this package, as they are in memory, the versions of
JAX, Python and the machine, and the structure of its arguments.  A file is written
beside its place and moved there, is checked before it is used, and is made anew if it
does not do; the folder may be deleted at any moment.  Files are machine code, as JAX's
own are: the folder is the user's own, and nobody else's is read.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from supernode_opt.batch.compiler import OPTIONS, QUICK
from supernode_opt.batch.identity import identity
from supernode_opt.batch.precise import double
from supernode_opt.reading import folder as folders
from supernode_opt.record import register

_SUFFIX = ".program"
_CHECK = hashlib.sha256().digest_size
# Settings under which JAX compiles other programs than these, or none.
_WATCHED = (
    "jax_debug_nans",
    "jax_debug_infs",
    "jax_disable_jit",
    "jax_check_tracer_leaks",
)


@functools.cache
def place() -> Path | None:
    """Return the folder of programs; `None` where none are kept."""
    return folders.cache_folder("programs")


class Kept:
    """A function of arrays, compiled once for each structure of its arguments.

    Without a folder, inside another program, on several devices and under settings
    that look into programs it is `compiled(function)`.
    """

    def __init__(
        self, function: Callable[..., Any], name: str, quick: bool = False
    ) -> None:
        """Make a program.

        Args:
          function: of pytrees of arrays; what it depends on beside its arguments must
            be in `name` or in the sources of the package.
          name: what it is called.
          quick: whether compiling it fast matters more than running it fast.
        """
        self._function = function
        self._name = name
        self._options = OPTIONS | QUICK if quick else OPTIONS
        self._plain = jax.jit(function, compiler_options=self._options)
        self._inner = jax.jit(function)
        self._ready: dict[Any, Callable[..., Any]] = {}
        self._turns: dict[Any, threading.Lock] = {}

    def __call__(self, *args: Any) -> Any:
        """Return what the function gives of `args`."""
        program, answers = self._program(args)
        return answers[0] if answers else program(*args)

    def ready(self, *args: Any) -> Callable[..., Any]:
        """Return the program for arguments like `args`, which takes no others.

        Who calls it often saves asking, at every call, which one it is.
        """
        return self._program(args)[0]

    def _program(self, args: Any) -> tuple[Callable[..., Any], list[Any]]:
        """Return the program for arguments like `args`, and its answer if it has one.

        A program that was just made was tried.
        """
        leaves, structure = jax.tree.flatten(args)
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            # Options are the outermost program's.
            return self._inner, []
        folder = place()
        if folder is None or not _applies():
            return self._plain, []
        key = (structure, double(), *map(_kind, leaves))
        program = self._ready.get(key)
        if program is None:
            # What two threads ask for is made by the first.
            with self._turns.setdefault(key, threading.Lock()):
                program = self._ready.get(key)
                if program is None:
                    program, answer = self._made(folder, key, args)
                    self._ready[key] = program
                    return program, [answer]
        return program, []

    def _made(
        self, folder: Path, key: Any, args: Any
    ) -> tuple[Callable[..., Any], Any]:
        """Return the program for arguments like `args`, and its answer to these."""
        told = f"{self._name} {key} {sorted(self._options.items())} {identity()}"
        file = folder / f"{hashlib.sha256(told.encode()).hexdigest()}{_SUFFIX}"
        try:
            program = _read(file)
            # What is wrong with machine code shows when it runs, at the latest.
            return program, jax.block_until_ready(program(*args))
        except Exception:
            program = self._compiled(args)
            _write(file, program)
            return program, program(*args)

    def _compiled(self, args: Any) -> jax.stages.Compiled:
        """Compile; not through JAX's own cache, from which nothing can be kept."""

        @functools.wraps(self._function)
        def once(*args: Any) -> Any:
            return self._function(*args)

        once.__name__ = f"kept_{os.getpid()}_{time.monotonic_ns()}"
        wanted = jax.jit(once, compiler_options=self._options)
        program = wanted.lower(*args).compile()
        cache = getattr(jax.config, "jax_compilation_cache_dir", None)
        if cache:
            for copy in Path(cache).glob(f"jit_{once.__name__}-*"):
                copy.unlink(missing_ok=True)
        return program


def _applies() -> bool:
    """Tell whether JAX compiles as always, for one device."""
    watched = any(getattr(jax.config, name, False) for name in _WATCHED)
    return not watched and len(jax.devices()) == 1


def _kind(leaf: Any) -> tuple[Any, ...]:
    # As a string: equal types may have other hashes, and their names take long.
    dtype = getattr(leaf, "dtype", None)
    told = type(leaf).__name__ if dtype is None else getattr(dtype, "str", dtype)
    return getattr(leaf, "shape", ()), told, getattr(leaf, "weak_type", False)


def _read(file: Path) -> Callable[..., Any]:
    """Read a program.

    Raises:
      Exception: there is none, or it does not do.
    """
    from jax.experimental import serialize_executable

    content = file.read_bytes()
    check, body = content[:_CHECK], content[_CHECK:]
    if hashlib.sha256(body).digest() != check:
        raise ValueError(f"{file} is damaged")
    # It says by name what it takes and gives.
    register()
    program = serialize_executable.deserialize_and_load(*pickle.loads(body))
    with contextlib.suppress(OSError):
        os.utime(file)
    return program


def _write(file: Path, program: jax.stages.Compiled) -> None:
    """Write a program; where that cannot be done it is compiled again next time."""
    from jax.experimental import serialize_executable

    with contextlib.suppress(Exception):
        body = pickle.dumps(serialize_executable.serialize(program))
        folders.write(file, hashlib.sha256(body).digest() + body)
        folders.bound(file.parent, folders.MOST_BYTES)
