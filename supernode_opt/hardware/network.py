"""Link technologies and switches: what a byte costs in energy, metres and money."""

from supernode_opt.record import record, static
from supernode_opt.units import (
    BytePerSecond,
    Count,
    JoulePerByte,
    Metre,
    NonNegative,
    PerSecond,
    quantity,
)

DollarPerRate = quantity("USD/(B/s)", zero=True)
Delay = quantity("s", zero=True)


@record
class LinkTechnology:
    """One way to carry a lane from board to switch.

    Attributes:
      energy: module energy per byte, ONE end, beyond the SerDes of the chips [J/B].
      reach: longest link at 200 Gb/s per lane [m].
      optical: 1 if its modules count as optical modules, else 0 [1].
      latency: added per end [s].
      price: per end and one-direction rate [USD/(B/s)].
      failure_rate: hard failures per module [1/s].
    """

    energy: JoulePerByte
    reach: Metre
    optical: NonNegative
    latency: Delay
    price: DollarPerRate
    failure_rate: PerSecond
    name: str = static(default="link")


@record
class Switch:
    """A family of switch chips and the domains that can be built from it.

    A tier-`t` folded Clos has `2 t - 1` times the chips' bandwidth in switch ports.

    Attributes:
      energy: per byte and port, SerDes included [J/B].
      first_tier_chips: most accelerators under one tier of switches [1].
      radix: factor by which one more tier enlarges the domain [1].
      latency: port to port [s].
      price: per one-direction port rate [USD/(B/s)].
      chip_bandwidth: port rate of one switch chip, one direction [B/s].
      lane_rate: payload of one lane on this fabric, one direction [B/s].
      module_bandwidth: payload that one link module carries, one direction [B/s].
      failure_rate: per switch chip [1/s].
      on_board: the first tier sits on the host board, so its links need no cable.
    """

    energy: JoulePerByte
    first_tier_chips: Count
    radix: Count
    latency: Delay
    price: DollarPerRate
    chip_bandwidth: BytePerSecond
    lane_rate: BytePerSecond
    module_bandwidth: BytePerSecond
    failure_rate: PerSecond
    on_board: bool = static(default=False)
    name: str = static(default="switch")
