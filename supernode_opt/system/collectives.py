"""Time of stacked collectives over the tiers of the machine.

Latency times hops plus bytes over bandwidth, tier by tier (Thakur, Rabenseifner and
Gropp 2005).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import mixed, per_technology, switch_tiers
from supernode_opt.smooth import maximum, rows, stack, summed
from supernode_opt.system.design import Design, connected_domain
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.traffic import Transfer

# Below a byte per second a port is as good as absent; the floor keeps times finite.
MINIMUM_RATE = 1.0


class Network(NamedTuple):
    """Achieved rates [B/s] and hop latencies [s] that every collective sees.

    `die_rate` is that between the ranks of a package, `None` if it is one rank.
    """

    inner_rate: Array
    outer_rate: Array
    board_latency: ArrayLike
    inner_latency: Array
    outer_latency: Array
    call_latency: ArrayLike
    die_rate: Array | None = None


def network(design: Design, scenario: Scenario, relaxed: ArrayLike) -> Network:
    """Derive what collectives see from port widths, software and link technology."""
    software = scenario.software
    delay = per_technology(scenario.links, "latency")
    inner = scenario.scale_up_switch
    outer = scenario.scale_out_switch
    tiers = switch_tiers(inner, connected_domain(design), relaxed)
    outer_tiers = switch_tiers(outer, design.chips, relaxed)
    # Up to the top tier and down again: 2 t - 1 switches, t links each way.
    inner_path = inner.latency * jnp.maximum(2.0 * tiers - 1.0, 0.0)
    outer_path = outer.latency * jnp.maximum(2.0 * outer_tiers - 1.0, 0.0)
    inner_link = 2.0 * mixed(design.scale_up_link, delay)
    outer_link = 2.0 * mixed(design.scale_out_link, delay)
    return Network(
        inner_rate=jnp.maximum(design.scale_up_bandwidth, MINIMUM_RATE)
        * software.scale_up_efficiency,
        outer_rate=jnp.maximum(design.scale_out_bandwidth, MINIMUM_RATE)
        * software.scale_out_efficiency
        / design.oversubscription,
        board_latency=software.board_latency,
        inner_latency=software.scale_up_latency + inner_path + inner_link,
        outer_latency=software.scale_out_latency + outer_path + outer_link,
        call_latency=software.collective_latency,
    )


def duration(transfer: Transfer, net: Network, sharpness: ArrayLike) -> Array:
    """Time of one use: the slower port, plus hops, plus the call itself [s]."""
    moved = moving(transfer, net, sharpness)
    return summed(stack(moved, beginning(transfer, net)))


def moving(transfer: Transfer, net: Network, sharpness: ArrayLike) -> Array:
    """Time of the bytes of one use at the slower port; it grows as they do [s]."""
    found = maximum(
        transfer.inner / net.inner_rate, transfer.outer / net.outer_rate, sharpness
    )
    if net.die_rate is not None:
        found = maximum(found, transfer.die / net.die_rate, sharpness)
    return found


def beginning(transfer: Transfer, net: Network) -> Array:
    """Time of one use whatever it moves: its hops and the call itself [s]."""
    hops = transfer.board_hops * net.board_latency
    hops = hops + transfer.inner_hops * net.inner_latency
    hops = hops + transfer.outer_hops * net.outer_latency
    return hops + transfer.calls * net.call_latency


def durations(transfers: list[Transfer], net: Network, sharpness: ArrayLike) -> Array:
    """Time several collectives in one stacked call [len(transfers), *batch] [s]."""
    flat = jnp.broadcast_arrays(*jax.tree.leaves(transfers))
    fields = len(Transfer._fields)
    table = jnp.stack(flat).reshape(len(transfers), fields, *flat[0].shape)
    return duration(Transfer(*rows(jnp.moveaxis(table, 1, 0))), net, sharpness)
