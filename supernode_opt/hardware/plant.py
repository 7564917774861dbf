"""Everything around the chips: host boards, racks, cooling, the building, the odds."""

from supernode_opt.record import record, static
from supernode_opt.units import (
    Count,
    CubicMetrePerSecond,
    Dollar,
    Efficiency,
    JoulePerByte,
    Metre,
    NonNegative,
    Number,
    PerSecond,
    Second,
    Share,
    Watt,
    quantity,
)

Power = quantity("W", zero=True)


@record
class Host:
    """One host board and the accelerators it carries.

    Attributes:
      chips_per_board: accelerators per board; machines grow in whole boards [1].
      power: CPUs, memory, storage and management of one board [W].
      nic_energy: network interface energy per byte of scale-out bandwidth [J/B].
      price: per board without accelerators [USD].
      nic_price: per one-direction rate [USD/(B/s)].
      failure_rate: per board, CPU, DIMM, PSU and SSD together [1/s].
    """

    chips_per_board: Count
    power: Power
    nic_energy: JoulePerByte
    price: Dollar
    nic_price: quantity("USD/(B/s)", zero=True)
    failure_rate: PerSecond
    name: str = static(default="host")


@record
class Rack:
    """How boards are packed, which decides how long links are.

    Attributes:
      chips_per_rack: accelerators in a full rack [1].
      cable_length: longest link inside a rack [m].
      pitch: distance between neighbouring racks of a row [m].
      floor_area: of one rack with its aisle share [m^2].
      supply_efficiency: AC to board supply, at load [1].
    """

    chips_per_rack: Count
    cable_length: Metre
    pitch: Metre
    floor_area: quantity("m^2")
    supply_efficiency: Efficiency
    name: str = static(default="rack")


@record
class Cooling:
    """How heat leaves the package.

    Attributes:
      area_resistance: junction to coolant inlet times die area at `reference_flow`
        [m^2*K/W].
      convective_share: share of that resistance that falls with flow [1].
      flow_exponent: resistance falls as flow to this power [1].
      reference_flow: coolant per package [m^3/s].
      heat_capacity: of the coolant, by volume [J/(m^3*K)].
      mover_share: fan or pump power at reference flow over the power moved [1].
      rack_power_limit: what one rack can reject [W].
    """

    area_resistance: quantity("m^2*K/W")
    convective_share: Share
    flow_exponent: Number
    reference_flow: CubicMetrePerSecond
    heat_capacity: quantity("J/(m^3*K)")
    mover_share: NonNegative
    rack_power_limit: Watt
    name: str = static(default="cooling")


@record
class Facility:
    """The building, its tariff and how long the machine is kept.

    Attributes:
      pue: annual facility energy over annual IT energy [1].
      energy_price: [USD/J].
      capital_price: building and power train per watt of IT load [USD/W].
      lifetime: depreciation [s].
    """

    pue: Number
    energy_price: quantity("USD/J", zero=True)
    capital_price: quantity("USD/W", zero=True)
    lifetime: Second
    name: str = static(default="facility")


@record
class Reliability:
    """What stops a job apart from chips, boards and links, and what a stop costs.

    Attributes:
      other_failure_rate: software, network and unexplained, per accelerator [1/s].
      link_masking: probability that a hard link fault does not stop the job [1].
      checkpoint_stall: time lost per checkpoint [s].
      restart_time: detection, rescheduling and load [s].
    """

    other_failure_rate: PerSecond
    link_masking: Share
    checkpoint_stall: Second
    restart_time: Second
    name: str = static(default="reliability")
