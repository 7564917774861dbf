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
      scale_up_bandwidth: of the board's CPUs on the scale-up fabric, one direction
        [B/s].
      trace_length: longest run from an accelerator to a switch chip on the board [m].
      trace_reach: longest such run that works at 200 Gb/s per lane; it falls as the
        lane rate grows; 0 for no limit [m].
    """

    chips_per_board: Count
    power: Power
    nic_energy: JoulePerByte
    price: Dollar
    nic_price: quantity("USD/(B/s)", zero=True)
    failure_rate: PerSecond
    scale_up_bandwidth: quantity("B/s", zero=True) = 0.0
    trace_length: quantity("m", zero=True) = 0.0
    trace_reach: quantity("m", zero=True) = 0.0
    name: str = static(default="host")


@record
class Rack:
    """How boards are packed, which decides how long links are.

    Attributes:
      chips_per_rack: accelerators in a full rack [1].
      cable_length: longest link inside a rack [m].
      pitch: distance between neighbouring racks of a row [m].
      floor_area: of one rack with its aisle share [m^2].
      supply_efficiency: AC to board supply, with the machine at full load [1].
      supply_fixed_share, supply_square_share: of the losses at full load, what does not
        fall with the load and what falls with its square [1].
      price: with busbars and supplies, without what stands in it [USD].
      fewest_chips: accelerators in the thinnest rack that is built; where full racks
        cannot be cooled, racks are thinned down to this.  0: only full racks [1].
      storage_energy: that its supplies give and take to even out power, per
        accelerator [J].
      idle_chips: further accelerators in a full rack that are bought with it but stand
        by, switched off: 8 of 72 where jobs take 64, which groups of 16 tile [1].
    """

    chips_per_rack: Count
    cable_length: Metre
    pitch: Metre
    floor_area: quantity("m^2")
    supply_efficiency: Efficiency
    supply_fixed_share: Share = 0.0
    supply_square_share: Share = 0.0
    price: Dollar = 0.0
    fewest_chips: quantity("", zero=True, whole=True) = 0.0
    idle_chips: quantity("", zero=True, whole=True) = 0.0
    storage_energy: quantity("J", zero=True) = 0.0
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
      liquid_share: of all heat, what the liquid takes; air takes the rest [1].
      price: of plates, manifolds, fans and their share of distribution units, per watt
        of machine power [USD/W].
      air_temperature: of the air that link modules in air-cooled cages breathe; 0 where
        the coolant is that air, or cages are cooled by it [K].
    """

    area_resistance: quantity("m^2*K/W")
    convective_share: Share
    flow_exponent: Number
    reference_flow: CubicMetrePerSecond
    heat_capacity: quantity("J/(m^3*K)")
    mover_share: NonNegative
    rack_power_limit: Watt
    liquid_share: Share = 0.0
    price: quantity("USD/W", zero=True) = 0.0
    air_temperature: quantity("K", zero=True) = 0.0
    name: str = static(default="cooling")


@record
class Facility:
    """The building, its tariff and how long the machine is kept.

    Attributes:
      pue: annual facility energy over annual IT energy [1].
      energy_price: [USD/J].
      capital_price: building and power train per watt of IT load [USD/W].
      lifetime: how long the machine is kept [s].
      maintenance_rate: yearly upkeep over the capital of machine and building [1/s].
      building_lifetime: over which building and power train are written off; 0 where
        they are gone with the machine [s].
      cost_of_capital: interest on what is not yet written off, compounded all the time,
        of the machine and of the building alike [1/s].
    """

    pue: quantity("", low=1.0, zero=True)
    energy_price: quantity("USD/J", zero=True)
    capital_price: quantity("USD/W", zero=True)
    lifetime: Second
    maintenance_rate: PerSecond = 0.0
    building_lifetime: quantity("s", zero=True) = 0.0
    cost_of_capital: PerSecond = 0.0
    name: str = static(default="facility")


@record
class Reliability:
    """What stops a job apart from chips, boards and links, and what a stop costs.

    Attributes:
      other_failure_rate: software, network and unexplained, per accelerator [1/s].
      link_masking: probability that a hard link fault does not stop the job [1].
      checkpoint_stall: time lost per checkpoint, however little is written [s].
      restart_time: detection, rescheduling and load [s].
      switch_masking: probability that a lost switch chip does not stop the job [1].
      repair_time: until a broken board is back in service [s].
      spare_share: boards that stand by, over those that compute [1].
      checkpoint_bandwidth: storage's write rate per accelerator, at which the states
        are written while the job waits; 0 where they are written beside it [B/s].
      corruption_rate: wrong results that no hardware reports, per accelerator [1/s].
      corruption_delay: until one is noticed; all that was done since is lost [s].
    """

    other_failure_rate: PerSecond
    link_masking: Share
    checkpoint_stall: Second
    restart_time: Second
    switch_masking: Share = 0.0
    repair_time: quantity("s", zero=True) = 0.0
    spare_share: NonNegative = 0.0
    checkpoint_bandwidth: quantity("B/s", zero=True) = 0.0
    corruption_rate: PerSecond = 0.0
    corruption_delay: quantity("s", zero=True) = 0.0
    name: str = static(default="reliability")
