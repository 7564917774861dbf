"""Link technologies and switches: what a byte costs in energy, metres and money."""

from typing import Literal

from supernode_opt.record import flag, record, static
from supernode_opt.units import (
    BytePerSecond,
    Count,
    Efficiency,
    Flag,
    JoulePerByte,
    Kelvin,
    Metre,
    NonNegative,
    Number,
    PerSecond,
    Share,
    quantity,
)

DollarPerRate = quantity("USD/(B/s)", zero=True)
Delay = quantity("s", zero=True)
Length = quantity("m", zero=True)

# Links between chips alone, in a torus (`direct`) or from each to each of a board
# (`mesh`), or through light switched without a look at the packets (`circuit`); all
# others end at a switch chip.
Topology = Literal["packet", "direct", "mesh", "circuit"]


@record
class LinkTechnology:
    """One way to carry a lane from board to switch.

    A technology may run its shortest links over copper instead; what those cost stands
    in the `short_` fields.

    Attributes:
      energy: module energy per byte, ONE end, beyond the SerDes of the chips [J/B].
      reach: longest link at 200 Gb/s per lane [m].
      optical: 1 if its modules count as optical modules, else 0 [1].
      latency: added per end [s].
      price: per end and one-direction rate [USD/(B/s)].
      failure_rate: hard failures per module at `reference_temperature` [1/s].
      lane_exponent: reach falls with the lane rate to this power [1].
      loss_budget: most optical loss between transmitter and receiver [dB].
      connector_loss: of all connectors of a link together [dB].
      attenuation: of the fibre [dB/m].
      case_resistance: module case to what is around it [K/W].
      coolant_share: of the way from the hall's air to the coolant, where what is around
        its case stands: 0 in an air-cooled cage, 1 on a package that is cooled as the
        chips are [1].
      activation_temperature: activation energy of wear-out over Boltzmann's constant,
        in Arrhenius' law [K].
      reference_temperature: case temperature at which `failure_rate` holds [K].
      short_reach: links up to this length run over copper; 0 for none [m].
      short_energy, short_price, short_failure_rate: of such a link.
    """

    energy: JoulePerByte
    reach: Metre
    optical: NonNegative
    latency: Delay
    price: DollarPerRate
    failure_rate: PerSecond
    lane_exponent: NonNegative = 0.0
    loss_budget: Number = 100.0
    connector_loss: NonNegative = 0.0
    attenuation: quantity("1/m", zero=True) = 0.0
    case_resistance: quantity("K/W", zero=True) = 0.0
    activation_temperature: quantity("K", zero=True) = 0.0
    reference_temperature: Kelvin = 328.15
    short_reach: Length = 0.0
    short_energy: JoulePerByte = 0.0
    short_price: DollarPerRate = 0.0
    short_failure_rate: PerSecond = 0.0
    coolant_share: Share = 0.0
    name: str = static(default="link")


@record
class Switch:
    """A family of switch chips and the domains that can be built from it.

    A tier-`t` folded Clos has `2 t - 1` times the chips' bandwidth in switch ports.
    Without switch chips the same numbers describe a torus of chips (`topology:
    direct`), one whose links between racks pass optical circuit switches (`circuit`),
    which see light and no bits, or a full mesh of `first_tier_chips` (`mesh`).

    Attributes:
      energy: per byte and port, SerDes included [J/B].
      first_tier_chips: most accelerators under one tier of switches [1].
      radix: factor by which one more tier enlarges the domain [1].
      latency: port to port [s].
      price: per one-direction port rate [USD/(B/s)].
      chip_bandwidth: port rate of one switch chip, one direction [B/s].
      lane_rate: rate of one lane on this fabric, one direction [B/s].
      module_bandwidth: rate that one link module carries, one direction [B/s].
      failure_rate: per switch chip [1/s].
      coding: rate that link energies and prices are quoted for (a "400G" module's
        400 Gb/s) over the rate its ports count [1].
      plane_bandwidth: rate of one chip into one plane; every plane has switch chips of
        its own.  0 if the fabric is not divided into planes [B/s].
      dimensions: of the torus, without packet switches [1].
      insertion_loss: of an optical circuit switch [dB].
      reconfiguration_time: to set its mirrors anew [s].
      port_power: of one of its ports, whatever passes [W].
      all_to_all_contention: time of an all-to-all between domains over that of flows
        that never meet on a link; hashed paths (ECMP) and traffic that leaves its rail
        make it more than 1.  Meta's RoCE network gained up to 1.4 in all-reduces when
        hashing saw more than addresses (Gangidi et al., SIGCOMM 2024) [1].
      on_board: 1 or true where the first tier sits on the host board, so that its
        links need no cable.
    """

    energy: JoulePerByte
    first_tier_chips: Count
    radix: Number
    latency: Delay
    price: DollarPerRate
    chip_bandwidth: BytePerSecond
    lane_rate: BytePerSecond
    module_bandwidth: BytePerSecond
    failure_rate: PerSecond
    coding: Efficiency = 1.0
    plane_bandwidth: quantity("B/s", zero=True) = 0.0
    dimensions: Count = 3.0
    insertion_loss: NonNegative = 0.0
    reconfiguration_time: Delay = 0.0
    port_power: quantity("W", zero=True) = 0.0
    all_to_all_contention: Number = 1.0
    topology: Topology = static(default="packet")
    on_board: Flag = flag(default=0.0)
    name: str = static(default="switch")
