"""Units as people write them, and what is refused because it may be two things."""

import pytest

from supernode_opt import units
from supernode_opt.reading.factors import FACTORS
from supernode_opt.reading.spelling import spelled
from supernode_opt.units import UnitError, parse


@pytest.mark.parametrize(
    ("written", "unit", "meant"),
    [
        ("989 TFLOPS", "flop/s", 989e12),
        ("989 tflops", "flop/s", 989e12),
        ("989 TFLOP/s", "flop/s", 989e12),
        ("989 TFLOPs/s", "flop/s", 989e12),
        ("2 PFLOPS", "flop/s", 2e15),
        ("2 Pflop/sec", "flop/s", 2e15),
        ("3.35 TB/s", "B/s", 3.35e12),
        ("3.35TB/S", "B/s", 3.35e12),
        ("400 Gbps", "B/s", 50e9),
        ("400 gbps", "B/s", 50e9),
        ("400 Gb/s", "B/s", 50e9),
        ("400 Gbit/s", "B/s", 50e9),
        ("400 gigabit/s", "B/s", 50e9),
        ("50 GBps", "B/s", 50e9),
        ("50 GByte/s", "B/s", 50e9),
        ("80 GB", "B", 80e9),
        ("80 gb", "B", 80e9),
        ("80 gigabytes", "B", 80e9),
        ("80 GiB", "B", 80 * 2**30),
        ("80 gib", "B", 80 * 2**30),
        ("80 Gbit", "B", 10e9),
        ("512 KB", "B", 512e3),
        ("10 USD/GB", "USD/B", 1e-8),
        ("10 $/gb", "USD/B", 1e-8),
        ("5 pJ/b", "J/B", 40e-12),
        ("3 us", "s", 3e-6),
        ("3 µs", "s", 3e-6),
        ("3 μs", "s", 3e-6),
        ("3 usec", "s", 3e-6),
        ("700 w", "W", 700.0),
        ("1.2 kw", "W", 1200.0),
        ("1.2 KW", "W", 1200.0),
        ("1.2 MW", "W", 1.2e6),
        ("35 C", "K", 308.15),
        ("35 °C", "K", 308.15),
        ("35 degrees C", "K", 308.15),
        ("1800 MHz", "1/s", 1.8e9),
        ("1.8 ghz", "1/s", 1.8e9),
        ("2 lpm", "m^3/s", 2e-3 / 60.0),
        ("40 %", "", 0.4),
    ],
)
def test_units_are_read_as_people_write_them(written, unit, meant):
    assert parse(written, unit) == pytest.approx(meant, rel=1e-12)


@pytest.mark.parametrize(
    ("short", "long", "power"),
    [
        ("Ki", "kibi", 10),
        ("Mi", "mebi", 20),
        ("Gi", "gibi", 30),
        ("Ti", "tebi", 40),
        ("Pi", "pebi", 50),
        ("Ei", "exbi", 60),
    ],
)
def test_binary_prefixes_are_read_short_long_and_in_any_case(short, long, power):
    meant = pytest.approx(80 * 2.0**power, rel=1e-12)
    for unit in (f"{short}B", f"{short.lower()}b", f"{short}byte", f"{long}bytes"):
        assert parse(f"80 {unit}", "B") == meant
        assert parse(f"80{unit}", "B") == meant
    # Eight times as many bits are as many bytes.
    assert parse(f"640 {short}bit", "B") == meant
    assert parse(f"80 {short}B/s", "B/s") == meant


@pytest.mark.parametrize("written", ["400 gb/s", "400 GBPS", "3 tb/s", "1 gib/s"])
def test_a_rate_that_may_be_in_bits_or_bytes_is_refused(written):
    with pytest.raises(UnitError, match=r"may be bits or bytes: write \w+bit/s or"):
        parse(written, "B/s")


def test_an_amount_of_bytes_in_bits_is_refused_unless_spelled_out():
    with pytest.raises(UnitError, match="Gb may be bits or bytes: write Gbit or GB"):
        parse("80 Gb", "B")


def test_milliwatts_and_megawatts_are_told_apart_by_case_alone():
    assert parse("3 mW", "W") == pytest.approx(3e-3)
    with pytest.raises(UnitError, match="unknown unit"):
        parse("3 mw", "W")


def test_another_dimension_is_still_refused():
    with pytest.raises(UnitError, match="must be in B/s"):
        parse("700 GB", "B/s")
    with pytest.raises(UnitError, match="must be in W"):
        parse("989 TFLOPS", "W")


def test_factors_that_spare_pint_are_pints():
    for wanted, factors in FACTORS.items():
        for written in factors:
            spelling = units._normalise(spelled(written, wanted))
            asked = units.registry().Unit(spelling)
            found = units.registry().Quantity(3.7, asked).to(units._normalise(wanted))
            assert parse(f"3.7 {written}", wanted) == found.magnitude, written
    celsius = units.registry().Quantity(21.3, "degC").to("K")
    assert parse("21.3 degC", "K") == celsius.magnitude
