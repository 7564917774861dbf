"""How far a technology carries, and what loss and heat its light can bear."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import column, per_technology
from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.plant import Cooling, Host
from supernode_opt.smooth import added

# The lane rate at which the reach of technologies is stated: 200 Gb/s [B/s].
STATED_LANE = 25e9


def lane_ratio(switch: Switch) -> Array:
    """Quoted lane rate over that at which reach is stated [1]."""
    return jnp.asarray(switch.lane_rate * switch.coding) / STATED_LANE


def bridged(link: LinkTechnology, switch: Switch) -> Array:
    """Longest link that a technology carries at the lane rate of `switch` [m]."""
    return link.reach * lane_ratio(switch) ** (-link.lane_exponent)


def reach_excess(
    weights: Array,
    links: tuple[LinkTechnology, ...],
    switch: Switch,
    span: ArrayLike,
    loss: ArrayLike = 0.0,
) -> Array:
    """How far the span exceeds what each used technology bridges, weighted [1].

    Every technology with weight must reach on its own; an average reach would let a
    few optical fibres carry copper anywhere.  Light must also bear the loss of fibre,
    connectors and what is put in its way.

    Args:
      weights: of the technologies [technology, *batch].
      links: the technologies.
      switch: gives the rate of their lanes.
      span: longest link [m].
      loss: of optical circuit switches on it [dB].
    """
    reach, exponent, budget, connectors, attenuation = (
        column(per_technology(links, field), span)
        for field in (
            "reach",
            "lane_exponent",
            "loss_budget",
            "connector_loss",
            "attenuation",
        )
    )
    longest = reach * lane_ratio(switch) ** (-exponent)
    too_long = jnp.maximum(span / longest - 1.0, 0.0)
    lost = (connectors + attenuation * span + loss) / budget
    too_dim = jnp.maximum(lost - 1.0, 0.0)
    return added(weights * (too_long + too_dim))


def trace_excess(host: Host, switch: Switch) -> Array:
    """How far the longest run on a board exceeds its reach [1]."""
    limited = jnp.asarray(host.trace_reach) > 0.0
    bridged = jnp.where(limited, host.trace_reach, 1.0) / lane_ratio(switch)
    return jnp.where(limited, jnp.maximum(host.trace_length / bridged - 1.0, 0.0), 0.0)


def ambient_temperature(
    links: tuple[LinkTechnology, ...], cooling: Cooling, inlet: ArrayLike
) -> Array:
    """What is around the modules of each technology [technology, *batch] [K].

    Args:
      links: the technologies.
      cooling: gives the air of the hall.
      inlet: temperature of the coolant [K].
    """
    air = jnp.asarray(cooling.air_temperature)
    air = jnp.where(air > 0.0, air, inlet)
    return air + column(per_technology(links, "coolant_share"), inlet) * (inlet - air)


def case_temperature(
    links: tuple[LinkTechnology, ...], switch: Switch, ambient: Array
) -> Array:
    """Case temperature of the modules of each technology [technology, *batch] [K].

    Args:
      links: the technologies.
      switch: gives the rate of a module.
      ambient: see `ambient_temperature` [technology, *batch] [K].
    """
    power = per_technology(links, "energy") * switch.module_bandwidth * switch.coding
    rise = column(power * per_technology(links, "case_resistance"), ambient[0])
    return ambient + rise


def wear(links: tuple[LinkTechnology, ...], temperature: Array) -> Array:
    """Failure rate over that at the reference temperature, by Arrhenius' law [1].

    Telcordia GR-468 and SR-332: `exp(Ea / k (1 / T0 - 1 / T))`.
    """
    activation, reference = (
        column(per_technology(links, field), temperature[0])
        for field in ("activation_temperature", "reference_temperature")
    )
    return jnp.exp(activation * (1.0 / reference - 1.0 / temperature))
