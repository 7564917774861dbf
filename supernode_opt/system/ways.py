"""Which way reported quantities move: said here, attached where each is defined.

A way says how a quantity answers to one input, everything else held: `+1` it never
falls as the input grows, `-1` it never rises.  An input is a field of `Design` or the
dotted path of a constant of the scenario, `links.*` for every technology.  What is not
said is not known, and what is not known is never used to exclude a design.  Every way
is tested over the whole box on every catalog system.

From the continuous hardware, at a given split, domain and links: time falls with both
bandwidths and the clock and rises with oversubscription.  Loads (power, heat, wiring)
rise with bandwidths, clock and inlet temperature and fall with oversubscription; flow
lowers heat and raises the power of pumps.
"""

import fnmatch
import functools
import re
from dataclasses import dataclass, field

UP, DOWN, NEITHER = 1, -1, 0


@dataclass(frozen=True)
class Ways:
    """How one quantity moves with its inputs.

    Attributes:
      signs: `UP`, `DOWN` or `NEITHER` by input; the first pattern that matches decides.
      pumped: it falls with coolant flow but for the power of pumps, which grows with
        the cube of flow and multiplies what is moved.
      rests: it is nowhere less than with the clock at rest, whatever the split, and
        moves as said where it rests; elsewhere nothing is said.
      nowhere: where ports are boundless and no hop takes time, it is least, and it
        does not see the domain there.
      blended: whether a technology's short links enter by averaging each `short_`
        property with its own counterpart, and in no other way.
      kindred: of splits that differ in expert parallel and in what is computed again
        alone, it is least at the most expert parallel and where this is computed again
        (with `nowhere`, where that holds and the allocator never runs short); "" where
        that is not known.
    """

    signs: dict[str, int] = field(default_factory=dict, hash=False)
    pumped: bool = False
    rests: bool = False
    nowhere: bool = False
    blended: bool = False
    kindred: str = ""

    def sign(self, name: str) -> int | None:
        """Return which way the quantity moves with the input `name`, if known."""
        general = re.sub(r"^links\.\d+\.", "links.*.", name)
        for pattern, sign in self.signs.items():
            if _matches(general, pattern):
                return sign or None
        return None

    def reversed(self) -> "Ways":
        """Return the ways of a quantity that falls where this one rises."""
        return Ways({name: -sign for name, sign in self.signs.items()})


@functools.cache
def _matches(name: str, pattern: str) -> bool:
    return name == pattern or (
        pattern.startswith("software.") and fnmatch.fnmatchcase(name, pattern)
    )


def _all(sign: int, *names: str) -> dict[str, int]:
    return dict.fromkeys(names, sign)


_RATES = ("scale_up_bandwidth", "scale_out_bandwidth", "clock")
_SWITCHES = ("scale_up_switch", "scale_out_switch")

TIME = Ways(
    _all(DOWN, *_RATES)
    | _all(UP, "oversubscription")
    | _all(
        DOWN,
        "chip.peak_bf16",
        "chip.peak_fp8",
        "chip.peak_fp4",
        "chip.array_efficiency",
        "chip.hbm_bandwidth",
        "chip.hbm_efficiency",
    )
    | _all(UP, "chip.softmax_channels", "links.*.latency", "links.*.energy")
    | _all(UP, *(f"{switch}.latency" for switch in _SWITCHES))
    | _all(UP, "scale_out_switch.all_to_all_contention")
    # Waits of small jobs fall with the first; the second helps peaks that are too high.
    | _all(NEITHER, "software.wait_growth", "software.memory_spread")
    | _all(
        DOWN,
        "software.*_efficiency",
        "software.*_overlapped",
        "software.*_window",
        "software.dispatch_scale_*",
    )
    | _all(UP, "software.*"),
    nowhere=True,
    blended=True,
    kindred="none",
)
MEMORY = Ways(
    _all(UP, "software.framework_memory", "software.buffer_memory")
    | _all(UP, "software.activation_copies", "software.weight_casts")
    | _all(UP, "software.gathered_layers", "software.fragmentation")
    | _all(UP, "software.score_bytes"),
    kindred="full",
)

# What costs power wherever it stands.
_DRAWS = (
    "chip.tdp",
    "chip.memory_energy",
    "chip.hbm_bandwidth",
    "chip.hbm_efficiency",
    "links.*.energy",
    "links.*.short_energy",
    "host.power",
    "host.nic_energy",
    "host.scale_up_bandwidth",
    *(f"{s}.{f}" for s in _SWITCHES for f in ("energy", "port_power")),
)
_LOADED = (
    _all(UP, *_RATES, "inlet_temperature", "scale_up_domain")
    | _all(DOWN, "oversubscription", "host.chips_per_board")
    | _all(UP, *_DRAWS)
)
LOAD = Ways(
    _LOADED | _all(UP, "cooling.mover_share") | _all(DOWN, "rack.supply_efficiency"),
    pumped=True,
    blended=True,
)
# What is spent once: on the load, and on the parts by the piece.
CAPITAL = Ways(
    LOAD.signs
    | _all(
        UP,
        "chip.price",
        "chip.memory_price",
        "chip.wafer_price",
        "chip.packaging_price",
        "chip.hbm_capacity",
        "host.price",
        "host.nic_price",
        "links.*.price",
        "links.*.short_price",
        "scale_up_switch.price",
        "scale_out_switch.price",
        "rack.price",
        "rack.idle_chips",
        "cooling.price",
        "facility.capital_price",
        "facility.cost_of_capital",
        "reliability.spare_share",
    ),
    pumped=True,
    blended=True,
)
FINANCE = Ways(
    CAPITAL.signs | _all(UP, "facility.cost_of_capital", "facility.lifetime"),
    pumped=True,
    blended=True,
)
HEAT = Ways(
    _all(UP, *_RATES, "inlet_temperature", "chip.tdp")
    | _all(UP, "chip.memory_energy", "chip.hbm_bandwidth", "chip.hbm_efficiency")
    | _all(DOWN, "coolant_flow")
    | _all(UP, "cooling.area_resistance")
)
LIMIT = Ways(
    {n: s for n, s in HEAT.signs.items() if n != "chip.tdp"},
)
WIRING = Ways(
    _LOADED
    | _all(DOWN, "coolant_flow", "cooling.rack_power_limit")
    | _all(UP, "rack.pitch", "rack.cable_length", "rack.floor_area")
    | _all(UP, "links.*.latency", "scale_up_switch.latency")
    | _all(UP, "links.*.case_resistance", "links.*.optical"),
    blended=True,
)
REACH = Ways(
    WIRING.signs
    | _all(DOWN, "links.*.reach", "links.*.loss_budget")
    | _all(UP, "links.*.connector_loss", "links.*.attenuation")
    | _all(UP, "scale_up_switch.lane_rate", "scale_out_switch.lane_rate"),
    blended=True,
)
# Switch chips come whole per board or domain, so their count may fall as those grow.
PORTS = Ways(
    {
        name: sign
        for name, sign in WIRING.signs.items()
        if name not in ("scale_up_domain", "host.chips_per_board")
    },
    blended=True,
)
# Fewer failures with fewer and better parts.  What makes heat has no way here: hot
# racks are thinned, and the copper that then turns to light may be better or worse.
CALM = Ways(
    _all(DOWN, "scale_up_bandwidth", "scale_out_bandwidth")
    | _all(UP, "oversubscription")
    | _all(DOWN, "links.*.failure_rate", "links.*.short_failure_rate")
    | _all(DOWN, "chip.failure_rate", "host.failure_rate")
    | _all(DOWN, *(f"{switch}.failure_rate" for switch in _SWITCHES))
    | _all(DOWN, "reliability.other_failure_rate", "reliability.restart_time")
    | _all(DOWN, "reliability.corruption_rate", "reliability.corruption_delay")
    | _all(UP, "reliability.link_masking", "reliability.switch_masking"),
    blended=True,
)
# Mean power is energy over time: no way in the clock, but least where it rests, and
# none in the domain, whose ends may cut groups that then wait.
MEAN = Ways(
    {name: sign for name, sign in LOAD.signs.items() if name != "scale_up_domain"},
    pumped=True,
    rests=True,
    blended=True,
)
# What swings is between two kinds of work of a step, whose shares move either way.
SWING = Ways(
    _all(UP, "chip.tdp") | _all(DOWN, "rack.supply_efficiency", "rack.storage_energy")
)
CLOCKED = Ways(_all(UP, "clock"))
SUSTAINED = Ways(
    _all(DOWN, "scale_up_bandwidth", "inlet_temperature") | _all(UP, "coolant_flow")
)
