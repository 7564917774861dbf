"""What the ranks of a pool send each other in one layer of a pass."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import crowding
from supernode_opt.smooth import rows, stack
from supernode_opt.system.collectives import Network, durations, network
from supernode_opt.system.design import Design
from supernode_opt.system.ranks import per_rank, through_package
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.pool import Pool
from supernode_opt.workload.placement import Group, crossings, place
from supernode_opt.workload.traffic import Transfer, all_to_all, gather, stage_hop


class Exchange(NamedTuple):
    """Times of one layer of a pass, each [*batch] [s].

    Attributes:
      attention: adding up what tensor ranks have of attention's output.
      dense: the same of a dense FFN, or of experts where tokens are not spread.
      experts: dispatch and combine between groups with tokens of their own.
      stage: handing a pass to the next stage, once per boundary.
    """

    attention: Array
    dense: Array
    experts: Array
    stage: Array


def rank_network(design: Design, scenario: Scenario, relaxed: ArrayLike) -> Network:
    """Return what a rank sees of the network, of a design that counts packages."""
    return per_rank(network(design, scenario, relaxed), scenario)


def exchange(
    design: Design,
    scenario: Scenario,
    pool: Pool,
    net: Network,
    tokens: ArrayLike,
    busiest: ArrayLike,
    sharpness: ArrayLike,
    relaxed: ArrayLike,
) -> Exchange:
    """Time what one layer of a pass over `tokens` of each group exchanges.

    Args:
      design: counts ranks as chips.
      scenario: the same.
      pool: how the model is split.
      net: rates and latencies of a rank.
      tokens: of one group of tensor ranks in this pass [1].
      busiest: load of the busiest expert rank over the mean [1].
      sharpness: of the slower of two ports.
      relaxed: let counts be fractions.
    """
    model, software = scenario.model, scenario.software
    switch = scenario.scale_up_switch
    tensors, experts, sharing, stages = _groups(design, scenario, pool, relaxed)
    hidden = tokens * model.hidden

    def reduced(group: Group, payload: ArrayLike) -> Transfer:
        """Gather and scatter at once, as one call."""
        moved = gather(group, payload)
        more = 2.0 * crowding(switch, group.most, False)
        moved = moved._replace(inner=moved.inner * more, outer=2.0 * moved.outer)
        return through_package(moved, group, direct=False)

    def sent(each: ArrayLike) -> Transfer:
        own = tokens / pool.tensor
        size = each * model.hidden * busiest
        moved = all_to_all(experts, own, size, model, software.rank_deduplication)
        inner = crowding(switch, experts.most, True) / software.exchange_efficiency
        outer = scenario.scale_out_switch.all_to_all_contention
        outer = outer / software.network_exchange_efficiency
        moved = moved._replace(inner=moved.inner * inner, outer=moved.outer * outer)
        return through_package(moved, experts, direct=True)

    leaving = crossings(pool.pipeline, pool.stage, design.scale_up_domain, relaxed)
    picked = jnp.minimum(model.top_k, pool.expert) / pool.expert
    among = tokens * pool.data * picked * model.hidden
    hop = stage_hop(stages, leaving, 2.0 * hidden / pool.tensor)
    timed = durations(
        [
            reduced(tensors, 2.0 * hidden),
            sent(software.dispatch_bytes),
            sent(software.combine_bytes),
            reduced(
                sharing,
                0.5 * (software.dispatch_bytes + software.combine_bytes) * among,
            ),
            hop._replace(inner=hop.inner * crowding(switch, 2.0, False)),
        ],
        net,
        sharpness,
    )
    summed, out, back, divided, stage = rows(timed)
    spread = jnp.clip(pool.data - 1.0, 0.0, 1.0)
    several = jnp.clip(pool.expert - 1.0, 0.0, 1.0)
    waited = (1.0 + software.exchange_wait) * (out + back)
    between = several * (waited + software.exchange_time) + divided
    return Exchange(
        attention=summed,
        dense=summed,
        experts=spread * between + (1.0 - spread) * summed,
        stage=stage,
    )


def _groups(
    design: Design, scenario: Scenario, pool: Pool, relaxed: ArrayLike
) -> list[Group]:
    """Place tensor ranks, expert ranks, ranks that share experts, and stages."""
    sizes = stack(pool.tensor, pool.expert, pool.sharing, pool.pipeline)
    strides = stack(1.0, pool.sharing, 1.0, pool.stage)
    board = scenario.host.chips_per_board
    placed = place(sizes, strides, design.scale_up_domain, board, pool.ranks, relaxed)
    dies = scenario.chip.ranks_per_chip
    if dies == 1:
        return [Group(*one) for one in zip(*map(rows, placed[:-1]), strict=True)]
    together = jnp.clip(dies / strides, 1.0, jnp.maximum(sizes, 1.0))
    odd = sizes - dies * jnp.floor(sizes / dies + 1e-9) > 1e-6
    together = jnp.where(odd & jnp.logical_not(relaxed), 1.0, together)
    parts = (*placed[:-1], together)
    return [Group(*one) for one in zip(*map(rows, parts), strict=True)]
