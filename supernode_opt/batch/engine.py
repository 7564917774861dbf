"""One function of one row on many: in blocks, in bounded memory, compiled once.

Rows are a pytree of arrays with one leading axis.  They are cut into blocks of one
size, the last one filled up with its last row, so that a program is compiled once for
any number of rows; blocks take turns on the local devices, and no more of them are
under way than keep every device busy.  A CPU has a block for each of its cores: a
program of many small operations keeps no second core busy by itself.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from supernode_opt.batch.compiler import compiled
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precisely

# Blocks under way on one device that is not made of cores.
_AHEAD = 3
# Blocks for which what they share is not worth placing on a CPU first: that takes 5 ms
# for a scenario, handing it over 0.1 ms a block.
_FEW = 32
# Compilers run side by side; more of them than cores gain nothing on small machines.
_COMPILERS = 2


# Rows at once on an accelerator, over those that stay in a core's cache: it has some
# hundred thousand lanes, and an operation takes it microseconds to begin.
WIDER = {"gpu": 16, "tpu": 16}


def fitted(block: int) -> int:
    """Return how many rows the devices of this process take at once.

    Args:
      block: of one core of a CPU.
    """
    return block * WIDER.get(jax.default_backend(), 1)


class Engine:
    """A function of one row and of what all rows share, on many rows.

    Rows of another structure (static fields, shapes) are another program.
    """

    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        block: int,
        name: str = "",
        quick: bool = False,
        whole: bool = False,
        piece: int = 0,
    ) -> None:
        """Make an engine.

        Args:
          function: from one row and what is given to a pytree of arrays.
          block: rows that are evaluated at once.
          name: under which its programs are kept on disk, with all that `function`
            depends on beside its arguments; "" for not kept.
          quick: whether compiling a kept one fast matters more than running it fast.
          whole: whether `function` takes a whole block of rows as it does one, and is
            not mapped over them: what it makes of a row may stand before the rows then,
            side by side for all of them, which vector units are faster on.
          piece: rows of a block that are evaluated at a time, as many pieces as there
            are rows for: a call with few rows takes as long as they do.  It divides
            the block; 0 for the whole block at once.
        """
        self.block = block
        self.piece = piece
        self.compiled: set[Any] = set()
        many = function if whole else jax.vmap(function, in_axes=(0, None))
        many = in_pieces(many, piece) if piece else many
        self._run = Kept(many, name, quick) if name else compiled(many)

    @precisely
    def __call__(self, rows: Any, given: Any = None) -> Any:
        """Return what the function gives of every row, as arrays [row, ...]."""
        count = length(rows)
        if not count:
            shapes = jax.eval_shape(
                self._run, _shapes(rows, self.block), given, *self._pieces(0)
            )
            return jax.tree.map(lambda x: np.zeros((0, *x.shape[1:]), x.dtype), shapes)
        self.compiled.add(jax.tree.structure((rows, given)))
        devices = jax.local_devices()
        given = jax.tree.map(_array, given)
        few = devices[0].platform == "cpu" and count <= _FEW * self.block
        if len(devices) == 1 and not few:
            # What the host holds would be handed over anew with every block.
            given = jax.device_put(given)
        answers: list[Any] = []

        def answer(order: int) -> None:
            """Write the answers of a block to their place."""
            start = order * self.block
            piece = cut(rows, start, self.block)
            if len(devices) > 1:
                piece = jax.device_put(piece, devices[order % len(devices)])
            pieces = self._pieces(count - start)
            found = jax.tree.map(np.asarray, self._run(piece, given, *pieces))
            if not order:
                shaped = jax.tree.map(
                    lambda x: np.empty((count, *x.shape[1:]), x.dtype), found
                )
                answers.append(shaped)
            stop = min(start + self.block, count)
            leaves = jax.tree.leaves(answers[0]), jax.tree.leaves(found)
            for whole, part in zip(*leaves, strict=True):
                whole[start:stop] = part[: stop - start]

        # The first one compiles, and says what answers look like.
        answer(0)
        # What threads are set to is their own.
        side_by_side(precisely(answer), range(1, -(-count // self.block)))
        return answers[0]

    def _pieces(self, count: int) -> tuple[np.int32, ...]:
        """Return in how many pieces the first `count` rows of a block are, if in any.

        A number for the program, so that there is one for any number of rows.
        """
        if not self.piece:
            return ()
        return (np.int32(-(-min(count, self.block) // self.piece)),)

    def many(self, groups: Sequence[Any], given: Any = None) -> list[Any]:
        """Return what `__call__` does of every group; those of one structure share."""
        kinds: dict[Any, list[int]] = {}
        for index, rows in enumerate(groups):
            kinds.setdefault(jax.tree.structure(rows), []).append(index)
        found: list[Any] = [None] * len(groups)
        for members in kinds.values():
            joined = jax.tree.map(
                lambda *x: np.concatenate(x), *(groups[i] for i in members)
            )
            answer, start = self(joined, given), 0
            for index in members:
                stop = start + length(groups[index])
                found[index] = jax.tree.map(lambda x, a=start, b=stop: x[a:b], answer)
                start = stop
        return found


def in_pieces(
    function: Callable[[Any, Any], Any], piece: int
) -> Callable[[Any, Any, Any], Any]:
    """Return `function` of a block that does only the first so many pieces of it.

    What it gives of the rows after these is zero.
    """

    def in_turn(rows: Any, given: Any, pieces: Any) -> Any:
        size = length(rows)

        def answer(order: Any) -> Any:
            return function(
                jax.tree.map(
                    lambda x: lax.dynamic_slice_in_dim(x, order * piece, piece), rows
                ),
                given,
            )

        def step(order: Any, found: Any) -> Any:
            return jax.tree.map(
                lambda x, part: lax.dynamic_update_slice_in_dim(
                    x, part, order * piece, 0
                ),
                found,
                answer(order),
            )

        empty = jax.tree.map(
            lambda x: jnp.zeros((size, *x.shape[1:]), x.dtype),
            jax.eval_shape(answer, 0),
        )
        return lax.fori_loop(0, pieces, step, empty)

    return in_turn


def prepare(works: Iterable[tuple[Engine, Any, Any]]) -> None:
    """Compile what engines lack for (engine, rows, given), side by side."""
    wanted = {}
    for engine, rows, given in works:
        kind = jax.tree.structure((rows, given))
        if kind not in engine.compiled and length(rows):
            one = jax.tree.map(lambda x: x[:1], rows)
            wanted.setdefault((id(engine), kind), (engine, one, given))
    with ThreadPoolExecutor(max_workers=_COMPILERS) as pool:
        list(pool.map(precisely(lambda work: work[0](*work[1:])), wanted.values()))


def length(rows: Any) -> int:
    """Return how many rows there are."""
    return len(jax.tree.leaves(rows)[0])


def cut(rows: Any, start: int, size: int) -> Any:
    """Return `size` rows from `start`, where they end filled up with the last."""
    count = length(rows)
    if start + size <= count:
        return jax.tree.map(lambda x: np.asarray(x[start : start + size]), rows)
    index = np.minimum(np.arange(start, start + size), count - 1)
    return jax.tree.map(lambda x: np.asarray(x)[index], rows)


def repeated(row: Any, count: int) -> Any:
    """Return `count` rows of the one row `row`."""
    return jax.tree.map(lambda x: np.broadcast_to(x, (count, *np.shape(x))), row)


class Group(NamedTuple):
    """Rows of one structure.

    Attributes:
      rows: position of each in the list it came from [row].
      cases: the rows, stacked [row].
    """

    rows: NDArray
    cases: Any


def grouped(cases: Sequence[Any]) -> tuple[Group, ...]:
    """Stack single rows into as few groups as there are structures."""
    flat = [jax.tree.flatten(case) for case in cases]
    members: dict[Any, list[int]] = {}
    for row, (_, structure) in enumerate(flat):
        members.setdefault(structure, []).append(row)
    made = []
    for structure, rows in members.items():
        columns = zip(*(flat[row][0] for row in rows), strict=True)
        stacked = [
            np.stack([np.asarray(x, float) for x in column]) for column in columns
        ]
        made.append(Group(np.asarray(rows), jax.tree.unflatten(structure, stacked)))
    return tuple(made)


def side_by_side(work: Callable[[int], Any], orders: Sequence[int]) -> list[Any]:
    """Return what `work` gives of every order, as many at once as devices are fast on.

    Args:
      work: waits for its block.
      orders: of the blocks.
    """
    hands = min(_hands(), len(orders))
    if hands < 2:
        return [work(order) for order in orders]
    with ThreadPoolExecutor(hands) as pool:
        return list(pool.map(work, orders))


def _hands() -> int:
    """Return how many blocks are under way at once."""
    devices = jax.local_devices()
    if devices[0].platform != "cpu" or len(devices) > 1:
        return _AHEAD * len(devices)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _array(leaf: Any) -> Any:
    """Return a leaf with a type of its own, as it has on the device and on the host."""
    return leaf if hasattr(leaf, "dtype") else np.asarray(leaf)


def _shapes(rows: Any, size: int) -> Any:
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((size, *np.shape(x)[1:]), np.asarray(x).dtype),
        rows,
    )
