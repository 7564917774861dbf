"""What an axis shows: a quantity in words and in a unit that suits its size."""

import dataclasses

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from supernode_opt.names import ACRONYMS as ACRONYMS
from supernode_opt.names import proper
from supernode_opt.names import spelled as words
from supernode_opt.system.report import FACTS

PREFIXES = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}
PREFIXES |= {5: "P", 6: "E"}
# Units that people put a prefix before.
_PREFIXED = ("W", "B", "B/s", "flop", "flop/s", "s", "J", "W/s")
_COUNTED = {0: "", 1: "thousand ", 2: "million ", 3: "billion ", 4: "trillion "}
_HOUR = 3600.0
_ZERO_CELSIUS = 273.15


@dataclasses.dataclass(frozen=True)
class Measure:
    """A quantity as people write it.

    Attributes:
      words: what it is.
      unit: the unit it is shown in, "" for a pure number.
      factor: of that unit over the SI unit.
      offset: what is added to SI first, for degrees Celsius.
      share: whether it is shown in per cent.
    """

    words: str
    unit: str
    factor: float = 1.0
    offset: float = 0.0

    @property
    def label(self) -> str:
        """Words and unit, as an axis has them."""
        return named(self.words, self.unit)

    def __call__(self, value: ArrayLike) -> NDArray:
        """Return SI values in the unit that is shown."""
        return (np.asarray(value, float) + self.offset) * self.factor

    def said(self, value: float, digits: int = 3) -> str:
        """Write one SI value with its unit.

        >>> measure("power", "W", 559e3).said(559e3)
        '559 kW'
        """
        return f"{short(float(self(value)), digits)} {self.unit}".strip()


def measure(name: str, unit: str, values: ArrayLike, words: str = "") -> Measure:
    """Return how to show the quantity `name` of these SI values.

    Args:
      name: of a reported quantity, of a design field or of a constant.
      unit: base SI unit of the values, "" or "1" for a pure number.
      values: what is shown, of which the largest chooses the prefix.
      words: what to call it, if not by its name.

    >>> measure("mfu", "1", [0.4]).label, measure("power", "W", [2e6]).label
    ('MFU [%]', 'power [MW]')
    >>> measure("tokens_per_s", "token/s", [3e5]).label
    'throughput [thousand tokens/s]'
    """
    told = words or label_of(name)
    facts = FACTS.get(name)
    largest = _largest(values)
    if facts is not None and facts.share:
        return Measure(told, "%", 100.0)
    if unit == "K":
        return Measure(told, "°C", 1.0, -_ZERO_CELSIUS)
    if unit == "m^3/s":
        return Measure(told, "L/min", 6e4)
    if unit == "s" and largest >= _HOUR:
        return Measure(told, "h", 1.0 / _HOUR)
    if unit in _PREFIXED:
        size, prefix = scale(largest)
        return Measure(told, prefix + written(unit), 1.0 / size)
    if unit == "token/s":
        step = min(max(_thousands(largest), 0), max(_COUNTED))
        return Measure(told, f"{_COUNTED[step]}tokens/s", 1000.0**-step)
    if facts is not None and facts.shown[0]:
        return Measure(told, facts.shown[0], facts.shown[1])
    return Measure(told, written(unit))


def of_variable(dataset: xr.Dataset, name: str) -> Measure:
    """Return how to show the variable or coordinate `name` of `dataset`."""
    held = dataset[name]
    unit, words = held.attrs.get("units", ""), str(held.attrs.get("long_name", ""))
    # A name in words is somebody's; an identifier is put in words here.
    named_so = name.replace("_", " ").replace(".", " ")
    own = words if " " in words and words.replace(",", "") != named_so else ""
    if held.dtype.kind in "OUS":
        return Measure(own or label_of(name), "")
    return measure(name, str(unit), held.values, own)


def label_of(name: str) -> str:
    """Write what a quantity, a design field or a constant is called.

    >>> label_of("links.lpo.energy"), label_of("scenario.chip.tdp")
    ('energy of LPO links', 'chip TDP')
    >>> label_of("facility.pue")
    'PUE'
    >>> label_of("software.mindspeed_910c.straggler"), label_of("tokens_per_s")
    ('straggler of MindSpeed 910C', 'throughput')
    """
    if name in FACTS and FACTS[name].label:
        return FACTS[name].label
    if name in _CALLED:
        return _CALLED[name]
    parts = [part for part in name.split(".") if part not in _UNSAID]
    if len(parts) == 3:
        owner = proper(parts[1])
        owner = (
            f"{ACRONYMS.get(parts[1], owner)} links" if "link" in parts[0] else owner
        )
        return f"{words(parts[2])} of {owner}"
    return " ".join(map(words, parts))


# Owners that go without saying: nobody asks whose PUE it is.
_UNSAID = ("scenario", "facility", "reliability", "training")
# What papers call it.
_CALLED = {
    "tokens_per_s": "throughput",
    "goodput_tokens_per_s": "throughput with failures",
    "cost_per_megatoken": "cost of training",
    "tokens_per_joule": "tokens per joule",
    "memory": "memory of a rank",
}


def written(unit: str) -> str:
    """Write a unit of the dataset as in the field's papers: "Tflop/s" as "TFLOP/s"."""
    return "" if unit == "1" else unit.replace("flop", "FLOP").replace("USD/", "$/")


def named(name: str, unit: str) -> str:
    """Write what an axis shows, with its unit if it has one."""
    return name if unit in ("", "1") else f"{name} [{unit}]"


def scale(largest: float) -> tuple[float, str]:
    """Return the power of 1000 and its SI prefix that suit a value of this size.

    >>> scale(559e3)
    (1000.0, 'k')
    """
    if not np.isfinite(largest) or largest <= 0.0:
        return 1.0, ""
    step = int(np.clip(_thousands(largest), min(PREFIXES), max(PREFIXES)))
    return 1000.0**step, PREFIXES[step]


def short(value: float, digits: int = 3) -> str:
    """Write a number with some significant figures and no power of ten.

    >>> short(392945.6), short(0.71234), short(559.0), short(1234.5)
    ('392,946', '0.712', '559', '1,234')
    """
    if not np.isfinite(value):
        return "-"
    size = 0 if value == 0.0 else int(np.floor(np.log10(abs(value))))
    if size < -4:
        return f"{value:.{digits - 1}e}"
    told = f"{value:,.{max(digits - 1 - size, 0)}f}"
    return told.rstrip("0").rstrip(".") if "." in told else told


def _thousands(largest: float) -> int:
    positive = np.isfinite(largest) and largest > 0.0
    # What rounds to a thousand has the larger prefix.
    return int(np.floor(np.log10(largest * 1.0005) / 3.0)) if positive else 0


def _largest(values: ArrayLike) -> float:
    """Return the largest finite size of `values`, zero if there is none."""
    sizes = np.abs(np.asarray(values, float))
    return float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))
