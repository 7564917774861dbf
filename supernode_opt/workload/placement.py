"""Where the members of a communication group sit: inside which domains, cut by which.

Ranks are laid out tensor, context, data, pipeline from the inside out; expert ranks
fold over tensor, context and data, innermost first.  So `size` ranks that stand
`stride` apart share a block of `size * stride` consecutive ranks with `stride - 1`
groups like theirs, and blocks follow each other over all chips.  Domains are
consecutive chips too.  Where their length is no multiple of the block, some blocks are
cut: of groups of 16 in domains of 72 the one of ranks 64 to 79 is split 8 and 8.  All
groups run at once and wait for each other, so the group that is cut worst counts.

The shortest piece is the least distance from the end `q D` of a domain to a multiple of
the block `B` that is not zero.  Over `q <= Q` it is the last remainder of Euclid's
algorithm on `D` and `B` whose cofactor is at most `Q` (Lagrange's theorem on best
approximations; Hardy and Wright, theorem 182); with many domains it is their greatest
common divisor.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import ceiling


class Group(NamedTuple):
    """Where the members of a communication group sit.

    Attributes:
      size: members [1].
      inside: members that share a domain, in the shortest piece of any group [1].
      most: the same in the longest piece [1].
      outside: most domains that a group spans; one too many for some strides [1].
      board: members that share a board [1].
      package: ranks that share a package, where one has several [1].
    """

    size: Array
    inside: Array
    most: Array
    outside: Array
    board: Array
    package: ArrayLike = 1.0


def place(
    size: ArrayLike,
    stride: ArrayLike,
    domain: ArrayLike,
    board: ArrayLike,
    chips: ArrayLike,
    relaxed: ArrayLike = False,
) -> Group:
    """Place groups of `size` ranks, `stride` apart, on domains and boards.

    Args:
      size, stride: of the group [1].
      domain, board: chips in one of them [1].
      chips: of the machine, all of which belong to such groups [1].
      relaxed: let groups fill domains wherever those begin, as if every block were
        aligned.  Never slower than the exact placement, and smooth.
    """
    size, stride = jnp.maximum(size, 1.0), jnp.asarray(stride)
    most = jnp.clip(domain / stride, 1.0, size)
    inside, outside = most, size / most
    if relaxed is not True:
        block = jnp.maximum(jnp.round(size * stride), 1.0)
        piece = shortest_piece(block, domain, cuts(domain, chips))
        whole = jnp.clip(jnp.floor(piece / stride + 1e-9), 1.0, size)
        spanned = 1.0 + jnp.ceil((block - piece) / jnp.maximum(domain, 1.0) - 1e-9)
        inside = jnp.where(relaxed, inside, whole)
        outside = jnp.where(relaxed, outside, jnp.minimum(spanned, size))
        filled = jnp.clip(jnp.ceil(domain / stride - 1e-9), 1.0, size)
        most = jnp.where(relaxed, most, filled)
    on_board = jnp.clip(board / stride, 1.0, size / outside)
    return Group(size, inside, most, outside, on_board)


def cuts(domain: ArrayLike, chips: ArrayLike) -> Array:
    """Count the ends of domains between the first and the last of `chips` [1]."""
    return jnp.maximum(ceiling(chips / jnp.maximum(domain, 1.0), False) - 1.0, 0.0)


def shortest_piece(block: ArrayLike, domain: ArrayLike, most: ArrayLike) -> Array:
    """Shortest part into which ends of domains cut blocks of consecutive ranks [1].

    Args:
      block: ranks in a block; blocks follow each other from rank 0 on [1].
      domain: chips in a domain [1].
      most: ends of domains to look at; infinite for the greatest common divisor [1].

    Returns:
      Ranks in the shortest part, `block` if none is cut.

    >>> float(shortest_piece(16.0, 72.0, 1.0)), float(shortest_piece(12.0, 72.0, 9.0))
    (8.0, 12.0)
    """
    given = jnp.broadcast_arrays(*map(jnp.asarray, (block, domain, most)))
    kind = given[0].dtype
    # Quotients of whole numbers below 2 ** 23 round to the right side in single
    # precision, which takes half the time; no machine has as many ranks.
    block, domain, most = (jax.lax.stop_gradient(x).astype(jnp.float32) for x in given)
    block = jnp.maximum(jnp.round(block), 1.0)
    domain = jnp.maximum(jnp.round(domain), 1.0)
    one = jnp.ones_like(block)

    def live(state: tuple[Array, ...]) -> Array:
        _, rest, _, ends, _ = state
        return (rest > 0.5) & (ends <= most)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        before, rest, fewer, ends, best = state
        best = jnp.where(live(state), rest, best)
        # Where nothing is left nothing comes, while others go on.
        ratio = jnp.floor(before / jnp.maximum(rest, 1.0))
        after = jnp.where(rest > 0.5, before - ratio * rest, 0.0)
        return rest, after, ends, fewer + ratio * ends, best

    start = block, domain - jnp.floor(domain / block) * block, 0.0 * one, one, block
    found = jax.lax.while_loop(lambda s: jnp.any(live(s)), step, start)[-1]
    return found.astype(kind)


def crossings(
    stages: ArrayLike, ranks: ArrayLike, domain: ArrayLike, relaxed: ArrayLike = False
) -> Array:
    """Count the boundaries between stages at which some rank leaves its domain.

    Args:
      stages: of the pipeline, each the next `ranks` chips [1].
      ranks: of one stage [1].
      domain: chips in one domain [1].
      relaxed: let domains begin where stages do.

    Returns:
      At most `stages - 1` [1].
    """
    stages, ranks = jnp.maximum(stages, 1.0), jnp.asarray(ranks)
    smooth = stages / jnp.clip(domain / ranks, 1.0, stages) - 1.0
    if relaxed is True:
        return smooth
    ends = cuts(domain, stages * ranks)
    # An end of a domain between two stages parts one pair, one within a stage two:
    # before it and after it, but for one in the last stage.
    divisor = shortest_piece(ranks, domain, jnp.inf)
    between = jnp.floor(ends * divisor / jnp.maximum(ranks, 1.0) + 1e-9)
    left = stages * ranks - ends * domain
    parted = 2.0 * ends - between - jnp.where(left < ranks - 1e-9, 1.0, 0.0)
    # No two stages fit into a domain that is shorter.
    parted = jnp.where(domain < 2.0 * ranks - 1e-9, stages - 1.0, parted)
    parted = jnp.where(ends > 0.0, jnp.clip(parted, 0.0, stages - 1.0), 0.0)
    return jnp.where(relaxed, smooth, parted)
