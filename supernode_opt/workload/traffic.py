"""Which collective moves how many bytes between which ranks under a split.

Ranks are laid out tensor, context, data, pipeline from the inside out; expert ranks
fold over tensor, context and data, innermost first.  A collective is described by the
bytes one rank receives inside its scale-up domain and from outside, and by its hops.

A ring carries `(n - 1) / n` of a payload through each port to gather or to scatter it
(Thakur, Rabenseifner and Gropp 2005); which of them tensor and sequence parallelism
need is in Korthikanti et al. 2022 (arXiv:2205.05198).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.workload.model import Model

# Members by which a group on one fabric is less efficient than an endless one [1].
SMALL_GROUP = 0.5


class Group(NamedTuple):
    """Where the members of a communication group sit.

    Attributes:
      size: members [1].
      inside: members that share a scale-up domain [1].
      outside: domains the group spans [1].
      board: members that share a board [1].
    """

    size: Array
    inside: Array
    outside: Array
    board: Array


class Transfer(NamedTuple):
    """One use of one collective by one rank.

    Attributes:
      inner: bytes received over the scale-up port [B].
      outer: bytes received over the network port [B].
      board_hops, inner_hops, outer_hops: sequential hops per tier [1].
      calls: 1 if anything is sent at all, else 0 [1].
    """

    inner: Array
    outer: Array
    board_hops: Array
    inner_hops: Array
    outer_hops: Array
    calls: Array


def place(
    size: ArrayLike, stride: ArrayLike, domain: ArrayLike, board: ArrayLike
) -> Group:
    """Place a group of `size` ranks, `stride` apart, on domains and boards."""
    size = jnp.maximum(size, 1.0)
    inside = jnp.clip(domain / stride, 1.0, size)
    on_board = jnp.clip(board / stride, 1.0, inside)
    return Group(size, inside, size / inside, on_board)


def _transfer(group: Group, inner: Any, outer: Any) -> Transfer:
    """Add the hops of a tree or recursive exchange, logarithmic in members per tier."""
    return Transfer(
        inner=inner,
        outer=outer,
        board_hops=jnp.log2(group.board),
        inner_hops=jnp.log2(group.inside / group.board),
        outer_hops=jnp.log2(group.outside),
        calls=_several(group.size),
    )


def gather(group: Group, payload: ArrayLike) -> Transfer:
    """All-gather or reduce-scatter of `payload` bytes in total [B].

    A ring through all members, as NCCL's: what a domain receives from the others,
    `payload` times (size - 1) / size, is spread over the ports of its members (the bus
    bandwidth of nccl-tests).  Small groups reach less of the link:
    two members 0.75 and four 0.93 of what eight reach (nccl-tests of 64 and 512 MB on
    A100 and H100), which `n - SMALL_GROUP` in the place of `n` gives.
    """
    inner = payload * (group.size - 1.0) / (group.size - SMALL_GROUP)
    inner = inner * _several(group.inside)
    # Where a relaxed design has a little over one domain, that little crosses.
    across = jnp.minimum(group.outside - 1.0, (group.size - 1.0) / group.size)
    return _transfer(group, inner, payload * across / group.inside)


def all_to_all(
    group: Group, tokens: ArrayLike, token_bytes: ArrayLike, model: Model
) -> Transfer:
    """Expert dispatch or combine of `tokens` per rank, `top_k` copies each.

    A token crosses the network once per remote domain that holds one of its experts
    (node de-duplication: the expected number of distinct domains, at most
    `model.node_limit`) and is copied to its experts inside.
    """
    copies = tokens * token_bytes * model.top_k
    inner = copies * (1.0 - 1.0 / group.size) * _several(group.inside)
    # The floor keeps the slope finite where nothing leaves the domain.
    missed = jnp.maximum(1.0 - 1.0 / group.outside, 1e-12) ** model.top_k
    domains = group.outside * (1.0 - missed)
    limit = jnp.asarray(model.node_limit)
    domains = jnp.where(limit > 0, jnp.minimum(domains, limit), domains)
    remote = domains * (1.0 - 1.0 / group.outside)
    return _transfer(group, inner, tokens * token_bytes * remote)


def stage_hop(group: Group, payload: ArrayLike) -> Transfer:
    """Send `payload` bytes to the next pipeline stage, averaged over the boundaries."""
    boundaries = jnp.maximum(group.size - 1.0, 1.0)
    crossing = (group.outside - 1.0) / boundaries
    sends = _several(group.size)
    return Transfer(
        inner=jnp.asarray(payload * _several(group.inside)),
        outer=jnp.asarray(payload * crossing),
        board_hops=jnp.zeros_like(sends),
        inner_hops=sends * (1.0 - crossing),
        outer_hops=crossing,
        calls=sends,
    )


def _several(members: Array) -> Array:
    """0 for a single member, which sends nothing, 1 from two on [1]."""
    return jnp.clip(members - 1.0, 0.0, 1.0)
