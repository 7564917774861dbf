"""What the ranks of a pool send each other in one layer of a pass.

Every exchange takes a time of its own and one per token of a group.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import crowding
from supernode_opt.smooth import maximum, rows, stack
from supernode_opt.system.collectives import Network, beginning, moving, network
from supernode_opt.system.design import Design
from supernode_opt.system.ranks import per_rank, through_package
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.setting import Setting
from supernode_opt.workload.placement import Group, crossings, place
from supernode_opt.workload.traffic import Transfer, all_to_all, gather, stage_hop


class Calls(NamedTuple):
    """Time of an exchange in one layer, [*batch] each.

    Attributes:
      fixed: whatever is sent [s].
      each: per token of a group [s].
    """

    fixed: Array
    each: Array

    def of(self, tokens: ArrayLike) -> Array:
        """Return the time of so many tokens [s]."""
        return self.fixed + self.each * tokens


class Exchange(NamedTuple):
    """What ranks exchange in a layer.

    Attributes:
      reduced: adding up what tensor ranks have of the output of attention, of a dense
        FFN, or of experts where there is one group.
      sent: dispatch and combine between groups with tokens of their own, at even load.
      shared: gathering tokens for experts that several ranks share, and adding up.
      stage: handing a pass to the next stage, once per boundary.
      several: 1 where there are such groups, else 0 [1].
    """

    reduced: Calls
    sent: Calls
    shared: Calls
    stage: Calls
    several: Array


def rank_network(design: Design, scenario: Scenario, relaxed: ArrayLike) -> Network:
    """Return what a rank sees of the network, of a design that counts packages."""
    return per_rank(network(design, scenario, relaxed), scenario)


def exchange(setting: Setting, once: ArrayLike) -> Exchange:
    """Time what one layer of a pass exchanges.

    Args:
      setting: of the pool.
      once: 1 where a token is sent once to every domain that has experts of its, as by
        the kernels of prefill, 0 where once to every expert [1].
    """
    design, scenario, pool = setting.design, setting.scenario, setting.pool
    model, software = scenario.model, scenario.software
    switch = scenario.scale_up_switch
    tensors, experts, sharing, stages = _groups(setting)

    def reduced(group: Group, payload: ArrayLike) -> Transfer:
        """Gather and scatter at once, as one call."""
        moved = gather(group, payload)
        more = 2.0 * crowding(switch, group.most, False)
        moved = moved._replace(inner=moved.inner * more, outer=2.0 * moved.outer)
        return through_package(moved, group, direct=False)

    leaving = crossings(
        pool.pipeline, pool.stage, design.scale_up_domain, setting.relaxed
    )
    hop = stage_hop(stages, leaving, 2.0 * model.hidden / pool.tensor)
    both = software.dispatch_bytes + software.combine_bytes
    reach = jnp.minimum(model.top_k, pool.expert) / pool.expert
    among = pool.data * reach * model.hidden
    timed = [
        Calls(beginning(one, setting.net), moving(one, setting.net, setting.sharpness))
        for one in (
            reduced(tensors, 2.0 * model.hidden),
            reduced(sharing, 0.5 * both * among),
            hop._replace(inner=hop.inner * crowding(switch, 2.0, False)),
        )
    ]
    return Exchange(
        reduced=timed[0],
        sent=_sent(setting, experts, once),
        shared=timed[1],
        stage=timed[2],
        several=jnp.clip(jnp.asarray(pool.data) - 1.0, 0.0, 1.0),
    )


def _sent(setting: Setting, group: Group, once: ArrayLike) -> Calls:
    """Time of a dispatch and a combine, as tests of them alone measure it.

    A fixed time, one that grows with the ranks inside a domain, and bytes over the
    slower of two ports.  With 15 us, 2 us, 20 us and 0.92 of the network's rate all
    twelve figures of DeepEP between 16 and 256 ranks of H800 are met within 5 %
    (`docs/legacy.md` of deepseek-ai/DeepEP).
    """
    scenario, pool, net = setting.scenario, setting.pool, setting.net
    model, software = scenario.model, scenario.software
    switch = scenario.scale_up_switch
    own = 1.0 / jnp.asarray(pool.tensor)
    size = (software.dispatch_bytes + software.combine_bytes) * model.hidden
    copies = pool.picks(model) * own * size
    inside, others = group.inside / group.size, 1.0 - 1.0 / group.size
    every = all_to_all(group, own, size, model, 1.0)
    leaves = jnp.clip(group.outside - 1.0, 0.0, 1.0)
    faster = 1.0 + once * (software.gathered_efficiency - 1.0)
    inner = once * every.inner + (1.0 - once) * copies * (1.0 - leaves) * others
    outer = once * every.outer + (1.0 - once) * copies * (1.0 - inside)
    inner = inner * crowding(switch, group.most, True) * software.scale_up_efficiency
    outer = outer * scenario.scale_out_switch.all_to_all_contention
    outer = outer * software.scale_out_efficiency
    each = maximum(
        inner / (net.inner_rate * software.exchange_efficiency * faster),
        outer / (net.outer_rate * software.network_exchange_efficiency * faster),
        setting.sharpness,
    )
    doublings = jnp.log2(jnp.maximum(group.size / group.outside, 1.0))
    fixed = software.exchange_time + doublings * (
        software.exchange_growth * (1.0 - leaves)
        + net.inner_latency
        - software.scale_up_latency
    )
    fixed = 2.0 * (fixed + leaves * software.network_exchange_time)
    # A single rank has nobody to send to.
    among = jnp.clip(jnp.asarray(pool.expert) - 1.0, 0.0, 1.0)
    among = among * software.exchange_scale
    return Calls(among * fixed, among * each)


def _groups(setting: Setting) -> list[Group]:
    """Place tensor ranks, expert ranks, ranks that share experts, and stages."""
    design, scenario, pool = setting.design, setting.scenario, setting.pool
    relaxed = setting.relaxed
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
