"""Factors of the units that nearly every file has, as pint has them.

Building pint's registry takes a third of a second, which an answer should not wait for:
only a unit that is not here asks for it.  `tests/test_units.py` compares every entry
with pint.
"""

_DATA = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "MiB": 2.0**20}
_DATA |= {"GiB": 2.0**30, "TiB": 2.0**40}
_BITS = {"kbit": 1.25e2, "Mbit": 1.25e5, "Gbit": 1.25e8, "Tbit": 1.25e11}
_FLOP = {"GFLOP": 1e9, "TFLOP": 1e12, "PFLOP": 1e15, "Tflop": 1e12, "Pflop": 1e15}


def _per_second(amounts: dict[str, float]) -> dict[str, float]:
    return {f"{name}/s": factor for name, factor in amounts.items()}


# Factor to a base unit, of units as they are written; itself has none.
FACTORS: dict[str, dict[str, float]] = {
    "B": _DATA,
    "B/s": _per_second(_DATA | _BITS),
    "flop/s": _per_second(_FLOP),
    "W": {"mW": 1e-3, "kW": 1e3, "MW": 1e6},
    "s": {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "hour": 3600.0, "year": 31557600.0},
    "1/s": {"1/year": 3.168808781402895e-08, "FIT": 2.777777777777778e-13},
    "m^2": {"cm^2": 1e-4, "mm^2": 1e-6},
    "1/m^2": {"1/cm^2": 1e4},
    "m^2*K/W": {"cm^2*K/W": 1e-4},
    "m^3/s": {"L/min": 1.666666666666667e-05},
    "J/B": {"pJ/b": 8e-12},
    "USD/B": {"USD/GB": 1e-9},
    "USD/(B/s)": {"USD/(Gb/s)": 8e-9},
    "USD/m^2": {"USD/cm^2": 1e4},
    "USD/J": {"USD/kWh": 2.7777777777777776e-07},
}
_CELSIUS, _KELVIN = "degC", 273.15


def converted(magnitude: float, written: str, wanted: str) -> float | None:
    """Return `magnitude` of the unit `written` in the base unit `wanted`.

    `None` stands for a unit that is not known here.
    """
    if written == wanted:
        return magnitude
    if (written, wanted) == (_CELSIUS, "K"):
        return magnitude + _KELVIN
    factor = FACTORS.get(wanted, {}).get(written)
    return None if factor is None else magnitude * factor
