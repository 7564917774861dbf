"""Numbers in the units people say: 559 kW, 392 GB/s, 71 degC, 38 %."""

import math

_STEPS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_PREFIXED = ("W", "B", "B/s", "flop", "flop/s", "USD", "token")
_SMALL = ((1e-3, "m"), (1e-6, "u"), (1e-9, "n"))
_HOUR = 3600.0
# Units that people say instead of those in SI, with how many make one, and the size
# from which on SI is said after all.
_SAID = {
    "1/s": ("FIT", 3.6e12, 1e-6),
    "J/B": ("pJ/b", 1.25e11, 1e-6),
    "J/flop": ("pJ/flop", 1e12, 1e-6),
    "m^2": ("mm^2", 1e6, 0.01),
    "1/m^2": ("1/cm^2", 1e-4, math.inf),
    "USD/m^2": ("USD/cm^2", 1e-4, math.inf),
    "USD/B": ("USD/GB", 1e9, 1e-3),
    "USD/J": ("USD/kWh", 3.6e6, 1e-3),
    "token/flop": ("tokens/s per TFLOP/s", 1e12, math.inf),
}


def spoken(value: float | str, unit: str, share: bool = False) -> str:
    """Write `value`, given in SI `unit`, for people; a `share` in per cent.

    >>> spoken(559e3, "W"), spoken(298.15, "K"), spoken(0.412, "1", share=True)
    ('559 kW', '25 degC', '41.2 %')
    >>> spoken(814e-6, "m^2"), spoken(4e-11, "J/B"), spoken(3.428e-9, "1/s")
    ('814 mm^2', '5 pJ/b', '12341 FIT')
    """
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "unlimited"
    if unit in ("", "1"):
        if share and abs(value) < 1e-6:
            return "0 %"
        return f"{100.0 * value:.4g} %" if share else figures(value)
    if unit == "K":
        return f"{figures(value - 273.15)} degC"
    if unit == "m^3/s":
        return f"{figures(value * 6e4)} L/min"
    if unit == "s":
        return _duration(value)
    if unit in _PREFIXED:
        size, prefix = next((s for s in _STEPS if abs(value) >= s[0]), _STEPS[-1])
        return f"{figures(value / size)} {prefix}{unit}"
    if unit in _SAID and abs(value) < _SAID[unit][2]:
        said, many, _ = _SAID[unit]
        # What is left of rounding is nothing.
        return f"{figures(float(f'{value * many:.12g}'))} {said}"
    return f"{figures(value)} {unit}"


def both(low: float, high: float, unit: str, share: bool = False) -> str:
    """Write the two ends of a range, a unit that they share once.

    >>> both(559e3, 571e3, "W"), both(0.3, 0.42, "1", share=True)
    ('559 to 571 kW', '30 to 42 %')
    """
    first, last = spoken(low, unit, share), spoken(high, unit, share)
    number, _, its = first.partition(" ")
    shared = its and its == last.partition(" ")[2]
    return f"{number if shared else first} to {last}"


def figures(value: float, digits: int = 4) -> str:
    """Write a number with some significant figures, whole if it is whole.

    >>> figures(4608.0), figures(0.123456), figures(2e6), figures(212.2, 2)
    ('4608', '0.1235', '2000000', '212')
    """
    if math.isfinite(value) and value == int(value) and abs(value) < 1e9:
        return str(int(value))
    large = 10.0 ** (digits - 1) <= abs(value) < 1e7
    return f"{value:.0f}" if large else f"{value:.{digits}g}"


def _duration(seconds: float) -> str:
    if abs(seconds) >= _HOUR:
        return f"{figures(seconds / _HOUR)} h"
    if seconds == 0.0 or abs(seconds) >= 1.0:
        return f"{figures(seconds)} s"
    size, prefix = next((s for s in _SMALL if abs(seconds) >= s[0]), _SMALL[-1])
    return f"{figures(seconds / size)} {prefix}s"
