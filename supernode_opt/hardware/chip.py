"""One accelerator package, as its data sheet and kernel measurements describe it."""

from typing import Literal

from pydantic import NonNegativeFloat

from supernode_opt.record import record, static
from supernode_opt.units import (
    Byte,
    BytePerSecond,
    Count,
    Dollar,
    Efficiency,
    FlopPerSecond,
    JoulePerByte,
    Kelvin,
    NonNegative,
    Number,
    PerSecond,
    Share,
    SquareMetre,
    Watt,
    quantity,
)


@record
class Chip:
    """One accelerator package (both dies of a two-die package).

    Attributes:
      peak_bf16: dense BF16 rate at the boost clock [flop/s].
      peak_fp8: dense FP8 rate at the boost clock, 0 if there is none [flop/s].
      peak_fp4: dense NVFP4 or MXFP4 rate at boost, 0 if there is none [flop/s].
      peak_int8: dense INT8 rate at boost, 0 if there is none; for serving [flop/s].
      softmax_channels: channels of an attention head whose products take as long as
        the exponential of one score: FLOPs per clock of the arrays over four times
        the exponentials per clock [1].
      array_efficiency: best GEMM rate over `peak * clock`, kernel measurements [1].
      sustained_clock: clock at which large GEMMs draw `tdp`, over boost clock [1].
      maximum_clock: highest clock the design may ask for, over boost clock [1].
      tdp: package power limit; contains HBM and on-package losses [W].
      power_cap: share of `tdp` that the operator lets the package draw [1].
      static_share: share of `tdp` that follows neither clock nor temperature [1].
      leakage_share: share of `tdp` that is leakage at `junction_limit` [1].
      leakage_coefficient: growth of leakage with junction temperature [1/K].
      leakage_exponent: power of the supply voltage in leakage power; that of the TDP
        is at the sustained clock.  0, or from 1 on [1].
      power_exponent: d ln(dynamic power) / d ln(clock) above the voltage floor [1].
      voltage_floor_clock: clock below which voltage no longer falls [1].
      junction_limit: design limit of the junction temperature [K].
      die_area: total die area under the cold plate [m^2].
      hbm_capacity: memory per package [B].
      hbm_bandwidth: data-sheet memory bandwidth [B/s].
      hbm_efficiency: achieved over data-sheet memory bandwidth when streaming [1].
      scale_up_bandwidth: one direction, per package; the port contained in `tdp` [B/s].
      scale_out_bandwidth: one direction, network interface per package [B/s].
      port_energy: on-package SerDes energy per byte of scale-up bandwidth [J/B].
      price: per package without its memory, and without what the wafer and packaging
        below cost: development, test and the vendor's margin [USD].
      memory_price: of its HBM [USD/B].
      failure_rate: job-stopping failures of the package [1/s].
      saturation_exponent: of the drive current, in the alpha-power law [1].
      threshold_voltage: of its transistors [V].
      memory_share: share of `tdp` that memory draws at rest, of `static_share` [1].
      memory_energy: of the whole path, per byte that memory streams [J/B].
      attention_activity, memory_activity, waiting_activity: dynamic power over that of
        large GEMMs in attention kernels, in memory-bound kernels, and while a chip
        waits for others, for the network or for the host [1].
      dies: compute dies in the package [1].
      die_bandwidth: between two of its dies, one direction; 0 for no limit [B/s].
      die_energy: of moving a byte between them [J/B].
      wafer_price: per area of a processed wafer [USD/m^2].
      defect_density: fatal defects per area [1/m^2].
      ranks_per_chip: ranks that frameworks run on a package; each has its share of
        everything, and `die_bandwidth` lies between them [1].
      packaging_price: interposer, substrate, assembly and test [USD].
      clock_spread: standard deviation from chip to chip of the clock at one power, over
        its mean; 0 where all are alike or none runs at its limit [1].
      leakage_spread: the same of leakage [1].
    """

    peak_bf16: FlopPerSecond
    peak_fp8: quantity("flop/s", zero=True)
    peak_fp4: quantity("flop/s", zero=True)
    softmax_channels: NonNegative
    array_efficiency: Efficiency
    sustained_clock: Efficiency
    maximum_clock: Number
    tdp: Watt
    static_share: Share
    leakage_share: Share
    leakage_coefficient: quantity("1/K")
    power_exponent: Number
    voltage_floor_clock: Number
    junction_limit: Kelvin
    die_area: SquareMetre
    hbm_capacity: Byte
    hbm_bandwidth: BytePerSecond
    hbm_efficiency: Efficiency
    scale_up_bandwidth: BytePerSecond
    scale_out_bandwidth: BytePerSecond
    port_energy: JoulePerByte
    price: Dollar
    memory_price: quantity("USD/B", zero=True)
    failure_rate: PerSecond
    peak_int8: quantity("flop/s", zero=True) = 0.0
    leakage_exponent: NonNegative = 0.0
    power_cap: Efficiency = 1.0
    saturation_exponent: Number = 1.3
    threshold_voltage: quantity("V") = 0.3
    memory_share: Share = 0.0
    memory_energy: JoulePerByte = 0.0
    attention_activity: Share = 1.0
    memory_activity: Share = 0.0
    waiting_activity: Share = 0.0
    dies: Count = 1.0
    die_bandwidth: quantity("B/s", zero=True) = 0.0
    die_energy: JoulePerByte = 0.0
    wafer_price: quantity("USD/m^2", zero=True) = 0.0
    defect_density: quantity("1/m^2", zero=True) = 0.0
    packaging_price: Dollar = 0.0
    # Decided before anything is compiled: chips that are alike cost nothing.
    clock_spread: NonNegativeFloat = static(default=0.0)
    leakage_spread: NonNegativeFloat = static(default=0.0)
    ranks_per_chip: Literal[1, 2] = static(default=1)
    name: str = static(default="chip")
