"""Which collective moves how many bytes between which ranks under a split.

A collective is described by the bytes that the busiest rank receives inside its
scale-up domain and from outside, and by its hops; `placement` says where ranks sit.

A ring carries `(n - 1) / n` of a payload through each port to gather or to scatter it
(Thakur, Rabenseifner and Gropp 2005); which of them tensor and sequence parallelism
need is in Korthikanti et al. 2022 (arXiv:2205.05198).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import stack
from supernode_opt.workload.model import Model
from supernode_opt.workload.placement import Group

# Members by which a group on one fabric is less efficient than an endless one [1]:
# gathers and scatters of 256 and 512 MB by NCCL 2.27 between two (four) chips reach
# 0.65-0.80 (0.89-0.95) of the bus bandwidth of eight, on A100, H100, H200, B200 and
# B300 (ai-dynamo/aiconfigurator, `nccl_perf`); this makes them 0.80 (0.93).
SMALL_GROUP = 0.5
# Where fewer experts are left than picks: as good as no way to miss [1].
_FEW = 1e-12


class Transfer(NamedTuple):
    """One use of one collective by one rank.

    Attributes:
      inner: bytes received over the scale-up port [B].
      outer: bytes received over the network port [B].
      board_hops, inner_hops, outer_hops: sequential hops per tier [1].
      die: bytes received from the other ranks of the package [B].
      calls: 1 if anything is sent at all, else 0 [1].
    """

    inner: Array
    outer: Array
    board_hops: Array
    inner_hops: Array
    outer_hops: Array
    calls: Array
    die: ArrayLike = 0.0


def _transfer(group: Group, inner: Any, outer: Any) -> Transfer:
    """Add the hops of a tree or recursive exchange, logarithmic in members per tier."""
    return Transfer(
        inner=inner,
        outer=outer,
        board_hops=jnp.log2(group.board),
        inner_hops=jnp.log2(group.size / group.outside / group.board),
        outer_hops=jnp.log2(group.outside),
        calls=_several(group.size),
    )


def group_efficiency(members: ArrayLike) -> Array:
    """Rate of a ring over that of an endless one, as `SMALL_GROUP` has it [1]."""
    return 1.0 - SMALL_GROUP / jnp.maximum(members, 1.0)


def gather(group: Group, payload: ArrayLike) -> Transfer:
    """All-gather or reduce-scatter of `payload` bytes in total [B].

    A ring through all members, as NCCL's: every link between two of them carries
    `payload` times (size - 1) / size.  Links into a domain are spread over the ports of
    its members (the bus bandwidth of nccl-tests), so that the shortest piece of a group
    is the slowest.  Inside, what a small group does not reach counts as more bytes.
    """
    carried = payload * (group.size - 1.0) / group.size
    inner = carried / group_efficiency(group.size) * _several(group.most)
    # Where a relaxed design has a little over one domain, that little crosses.
    across = jnp.minimum(group.outside - 1.0, (group.size - 1.0) / group.size)
    return _transfer(group, inner, payload * across / group.inside)


def hit(model: Model, share: Array) -> Array:
    """Probability that one of a token's experts is among a `share` of them [1].

    No expert is picked twice: of `E` experts, `k` picks all miss `s E` with the
    probability `C((1 - s) E, k) / C(E, k)` (Feller, An Introduction to Probability
    Theory I, section II.6), a product of `k` ratios.  The logarithms of all but the
    last are added by the second Euler-Maclaurin formula, about midpoints (Hildebrand,
    Introduction to Numerical Analysis, chapter 5), which takes fractions and loses no
    digits; it is off by less than 1e-6.
    """
    picks, experts = jnp.asarray(model.top_k), jnp.asarray(model.experts)
    left = jnp.maximum(experts * (1.0 - share) - picks + 1.0, 0.0)
    every = jnp.maximum(experts - picks + 1.0, 0.0)
    before = jnp.maximum(picks - 1.0, 0.0)
    last = jnp.where(picks > 0.0, left / jnp.maximum(every, _FEW), 1.0)
    log = _falling(left, before) - _falling(every, before)
    return 1.0 - jnp.minimum(last, 1.0) * jnp.exp(jnp.minimum(log, 0.0))


def _falling(rest: Array, count: Array) -> Array:
    """Logarithm of the product of the `count` numbers `rest + 1, rest + 2, ...`."""
    low = rest + 0.5
    high = low + count
    of_low, of_high = 1.0 / low, 1.0 / high

    def beyond(end: Array) -> Array:
        square = end * end
        inner = 7.0 / 2880.0 - 31.0 / 40320.0 * square
        return (1.0 / 24.0 - inner * square) * end

    # The integral of the logarithm, without the difference of two large numbers.
    inside = count * (jnp.log(high) - 1.0) + low * jnp.log1p(count * of_low)
    return inside + beyond(of_low) - beyond(of_high)


def all_to_all(
    group: Group,
    tokens: ArrayLike,
    token_bytes: ArrayLike,
    model: Model,
    once_per_rank: ArrayLike = 0.0,
) -> Transfer:
    """Expert dispatch or combine of `tokens` per rank, `top_k` copies each.

    A token crosses the network once per remote domain that holds one of its experts
    (node de-duplication: the expected number of distinct domains, at most
    `model.node_limit`) and is copied to its experts inside.  The ports of the shortest
    piece of a group are the busiest: few of them receive for few experts, but from all
    others, `(n - a)` ranks for `a` of them.

    Args:
      group: the expert ranks.
      tokens: of one rank [1].
      token_bytes: of one copy [B].
      model: says how many experts a token picks, and in how many domains at most.
      once_per_rank: 1 where a rank is sent one copy for all its experts, as by DeepEP:
        4.63 of the 7 others of 8 ranks by 8 picks of 256 experts; else 0 [1].
    """
    size = group.size
    own = group.inside / size
    others = jnp.maximum(group.outside - 1.0, 1.0)
    shares = stack(1.0 / size, own, (1.0 - own) / others)
    single, here, there = hit(model, shares)
    copies = once_per_rank * size * single + (1.0 - once_per_rank) * model.top_k
    inner = tokens * token_bytes * copies * (1.0 - 1.0 / size) * _several(group.most)
    domains = here + others * there
    limit = jnp.asarray(model.node_limit)
    # Without a choice of a domain there is nothing to limit.
    fewer = jnp.minimum(limit / jnp.maximum(domains, 1e-12), 1.0)
    fewer = jnp.where(limit > 0, fewer, 1.0)
    remote = (1.0 / own - 1.0) * here * fewer
    return _transfer(group, inner, tokens * token_bytes * remote)


def stage_hop(group: Group, crossing: ArrayLike, payload: ArrayLike) -> Transfer:
    """Send `payload` bytes to the next pipeline stage, averaged over the boundaries.

    At `crossing` of these some rank leaves its domain, and all wait for it.
    """
    boundaries = jnp.maximum(group.size - 1.0, 1.0)
    share = jnp.minimum(crossing / boundaries, 1.0)
    sends = _several(group.size)
    return Transfer(
        inner=jnp.asarray(payload * _several(group.most)),
        outer=jnp.asarray(payload * share),
        board_hops=jnp.zeros_like(sends),
        inner_hops=sends * (1.0 - share),
        outer_hops=share,
        calls=sends,
    )


def _several(members: Array) -> Array:
    """0 for a single member, which sends nothing, 1 from two on [1]."""
    return jnp.clip(members - 1.0, 0.0, 1.0)
