"""How long one collective takes, from message, ranks, link rate and its library.

    time = call + steps * step_time                    latency
         + |(wire, pair, items, rendezvous)|           the slowest of what moves bytes
         + sqrt(chunk_time * steps * wire)             filling the pipeline

with `|.|` the Euclidean norm and `wire` the bytes of the busiest port over its achieved
rate.  Bytes, shares and times are positive and the rate of a link has negative powers
only, so that the time is log-convex in it.

Steps and bytes of ring, tree and in-switch reduction are those of NVIDIA/nccl
`src/graph/tuning.cc`.  The last term is what a pipeline costs whose message is cut into
the best number of blocks: with `p` steps of latency `a`, the time is
`p a + 2 sqrt(p a wire) + wire` (Traeff, SPAA 2022, doi:10.1145/3490148.3538560).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import flag, record, static
from supernode_opt.smooth import root
from supernode_opt.units import Byte, NonNegative, Number, Share, quantity

Time = quantity("s", zero=True)

# Ranks of one board form a chain, also in a tree (NVIDIA/nccl `src/graph/tuning.cc`:
# ranks per node less one steps inside, log2 of the nodes between them).
BOARD = 8.0
# How sharply a library turns from one algorithm to a cheaper one.
_CHOICE = 16.0
# How sharply a rendezvous sets in.
_ONSET = 3.0
_LEAST_RATE = 1.0


@record
class Collective:
    """Constants of one operation of a library on one generation of links.

    Attributes:
      efficiency: rate of a port over its link rate, huge messages on eight ranks [1].
      congestion: power of the ranks with which bytes grow dearer [1].
      local_share: cost of a byte that a rank keeps over that of one it sends [1].
      switch_work: bytes per port of an in-switch reduction over the message's, 0 if
        switches do not reduce [1].
      pair_work: link rate over what one pair of ranks reaches, 0 if every pair may use
        the whole port (a switch), above 1 on a mesh [1].
      call_time: to start the operation [s].
      step_time: per sequential step, small messages [s].
      chunk_time: four times the latency of one step of a pipelined message [s].
      item_time: per token that is packed or reduced [s].
      rendezvous_time, rendezvous_step_time: to agree on buffers, once and per step,
        before large messages [s].
      rendezvous_bytes: part of the message per rank from which that happens [B].
      rounds: 2 for an all-reduce (scatter, then gather), else 1 [1].
      direct: 1 if every rank talks to every other at once, 0 along a ring [1].
      tree: 1 if steps beyond one board grow as a logarithm, 0 with the ranks [1].
    """

    efficiency: Number
    congestion: NonNegative
    local_share: Share
    switch_work: NonNegative
    pair_work: NonNegative
    call_time: Time
    step_time: Time
    chunk_time: Time
    item_time: Time
    rendezvous_time: Time
    rendezvous_step_time: Time
    rendezvous_bytes: Byte
    rounds: float = flag(default=1.0)
    direct: float = flag(default=0.0)
    tree: float = flag(default=0.0)
    name: str = static(default="collective")


class Operation(NamedTuple):
    """What an operation is, whoever implements it; see `Collective` [1]."""

    rounds: float
    direct: float
    tree: float


OPERATIONS = {
    "all_reduce": Operation(2.0, 0.0, 1.0),
    "all_gather": Operation(1.0, 0.0, 0.0),
    "reduce_scatter": Operation(1.0, 0.0, 0.0),
    "all_to_all": Operation(1.0, 1.0, 0.0),
    "dispatch": Operation(1.0, 1.0, 0.0),
    "combine": Operation(1.0, 1.0, 0.0),
    "combine_low_precision": Operation(1.0, 1.0, 0.0),
    "prepare": Operation(1.0, 1.0, 0.0),
}


def steps(constants: Collective, ranks: ArrayLike) -> Array:
    """Count the sequential steps of a small message [1]."""
    ranks = jnp.maximum(ranks, 1.0)
    boards = jnp.maximum(ranks / BOARD, 1.0)
    further = jnp.where(
        jnp.asarray(constants.tree) > 0.0,
        jnp.log2(boards),
        ranks - jnp.minimum(ranks, BOARD),
    )
    ring = constants.rounds * (jnp.minimum(ranks, BOARD) - 1.0 + further)
    return jnp.where(jnp.asarray(constants.direct) > 0.0, jnp.log2(ranks), ring)


def work(constants: Collective, ranks: ArrayLike) -> Array:
    """Bytes through the busiest port over those of the message [1].

    A rank that keeps a part of the message must copy it; a switch that reduces takes
    over where that moves fewer bytes than a ring.
    """
    ranks = jnp.maximum(ranks, 1.0)
    kept = constants.local_share * _several(ranks)
    ring = (constants.rounds * (ranks - 1.0) + kept) / ranks
    reduces = jnp.asarray(constants.switch_work) > 0.0
    switch = jnp.where(reduces, constants.switch_work, 1.0)
    cheaper = ring * (1.0 + (ring / switch) ** _CHOICE) ** (-1.0 / _CHOICE)
    return jnp.where(reduces, cheaper, ring)


def collective_time(
    constants: Collective,
    ranks: ArrayLike,
    payload: ArrayLike,
    rate: ArrayLike,
    items: ArrayLike = 0.0,
) -> Array:
    """Time of one operation [s], 0 for a single rank.

    More bytes never take less time, nor does a slower link.  More ranks never take less
    time at a fixed part of the message per rank; at a fixed message they may where
    `pair_work` or a rendezvous is not zero: with more ranks, more links of a mesh carry
    it, and its parts may fall below `rendezvous_bytes`.

    Args:
      constants: of library, operation and links; fields of any batch shape.
      ranks: members of the group, at least 1 [1].
      payload: the whole message [B]: what every rank holds at the end of an
        all-gather, at the start of a reduce-scatter, at both of an all-reduce, and what
        it sends in an all-to-all, its own part included.
      rate: of one rank's port, one direction, data sheet [B/s].
      items: tokens that one rank handles, in an exchange between experts [1].
    """
    ranks = jnp.maximum(ranks, 1.0)
    count, present = steps(constants, ranks), _several(ranks)
    part = payload / ranks
    rate = jnp.maximum(rate, _LEAST_RATE)
    wire = work(constants, ranks) * payload / (constants.efficiency * rate)
    wire = wire * (ranks / BOARD) ** constants.congestion
    pair = present * constants.pair_work * constants.rounds * part / rate
    handled = present * constants.item_time * items
    onset = (part / constants.rendezvous_bytes) ** _ONSET
    agreed = constants.rendezvous_time * present
    agreed = agreed + constants.rendezvous_step_time * count
    agreed = agreed * onset / (1.0 + onset)
    moving = root(wire**2 + pair**2 + handled**2 + agreed**2)
    latency = constants.call_time * present + constants.step_time * count
    return latency + moving + root(constants.chunk_time * count * wire)


def bus_bandwidth(
    constants: Collective, ranks: ArrayLike, payload: ArrayLike, seconds: ArrayLike
) -> Array:
    """Bytes every port must carry at least, over the time [B/s].

    The bus bandwidth of NVIDIA/nccl-tests (`doc/PERFORMANCE.md`).
    """
    ranks = jnp.asarray(ranks)
    return constants.rounds * (ranks - 1.0) / ranks * payload / seconds


def _several(ranks: Array) -> Array:
    """0 for a single rank, which sends nothing, 1 from two on [1]."""
    return jnp.clip(ranks - 1.0, 0.0, 1.0)
