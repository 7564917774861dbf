"""Numbers as people say them."""

import math

import pytest

from supernode_opt.words import figures, spoken

SPOKEN = [
    ((559e3, "W"), "559 kW"),
    ((392e9, "B/s"), "392 GB/s"),
    ((64e9, "B"), "64 GB"),
    ((752e12, "flop/s"), "752 Tflop/s"),
    ((1.5e6, "USD"), "1.5 MUSD"),
    ((298.15, "K"), "25 degC"),
    ((1.7e-5, "m^3/s"), "1.02 L/min"),
    ((0.0123, "s"), "12.3 ms"),
    ((3.4e-6, "s"), "3.4 us"),
    ((1.25, "s"), "1.25 s"),
    ((7200.0, "s"), "2 h"),
    ((0.0, "s"), "0 s"),
    ((0.0, "W"), "0 W"),
    ((8.0, "1"), "8"),
    ((0.412, "1", True), "41.2 %"),
    ((0.92, "1", True), "92 %"),
    ((2.1e6, "token/s"), "2100000 token/s"),
    ((math.nan, "W"), "not a number"),
    ((math.inf, "m"), "unlimited"),
    (("lpo", ""), "lpo"),
    ((5e-56, "1", True), "0 %"),
    ((814e-6, "m^2"), "814 mm^2"),
    ((0.6, "m^2"), "0.6 m^2"),
    # 5 pJ a bit are 40 pJ a byte.
    ((4e-11, "J/B"), "5 pJ/b"),
    ((1.2e-8, "USD/B"), "12 USD/GB"),
    ((1000.0, "1/m^2"), "0.1 1/cm^2"),
    # 1000 failures in 1e9 hours are one in 3.6e9 s.
    ((1.0 / 3.6e9, "1/s"), "1000 FIT"),
]


@pytest.mark.parametrize(("given", "said"), SPOKEN)
def test_spoken(given, said):
    assert spoken(*given) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.1234567, "0.1235"), (1234.56, "1235"), (-2.0, "-2")]
)
def test_figures(value, said):
    assert figures(value) == said
