"""Numbers that are probably not what was meant: without their unit, or far away.

A number without a unit is taken as base SI only where that is near what the catalog
has, or near what the packages of the study have in all.
"""

from typing import Any

from supernode_opt import catalog
from supernode_opt.catalog import plausible
from supernode_opt.hardware.chip import Chip
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.system.report import FACTS, Report
from supernode_opt.units import parse, quantity_of
from supernode_opt.words import spoken

# What of a package sets the scale of reported quantities in its unit.
_OF_A_PACKAGE = {
    "W": "tdp",
    "B": "hbm_capacity",
    "flop/s": "peak_bf16",
    "USD": "price",
    "K": "junction_limit",
}
# Reported quantities that all packages of a machine have together.
_TOTALS = (
    "power",
    "average_power",
    "facility_power",
    "peak_flops",
    "cost",
    "capital_cost",
)
# A limit below this share of what the packages have asks for something else.
_LEAST_SHARE = 0.1
_LEAST_KELVIN = 0.5
# Twelve tenths of a share may be meant; more is a percentage without its sign.
_MOST_SHARE = 1.2


def is_bare(node: Node) -> bool:
    """Tell whether a number is written without a unit."""
    if not isinstance(node.value, str):
        return True
    try:
        float(node.value)
    except ValueError:
        return False
    return True


def weigh(
    node: Node, value: float, record_type: type, name: str, *, asks: bool = True
) -> None:
    """Refuse a number without a unit, or question one, that is far from the catalog.

    Args:
      node: where it is written.
      value: what it was read as, in SI.
      record_type, name: the field it is for.
      asks: whether one with a unit is questioned.

    Raises:
      StudyError: it has no unit, and would be far from any in the catalog.
    """
    known = catalog.field_span(record_type, name)
    said = plausible.refused(value, known) if is_bare(node) else None
    if said is not None:
        node.fail(said)
    if asks:
        plausible.question(f"{node.place}: `{node.path}`", value, known)


def weigh_limit(node: Node, value: float, name: str, chip: Chip, chips: float) -> None:
    """Refuse a limit of a reported quantity that lacks its unit.

    Args:
      node: where it is written.
      value: what it was read as, in SI.
      name: of the quantity.
      chip: of the study.
      chips: the fewest that its machine has.

    Raises:
      StudyError: it has no unit, and would be far from what `chips` packages have.
    """
    if not is_bare(node) or value == 0.0:
        return
    if FACTS[name].share and value > _MOST_SHARE:
        node.fail(f"is a share of 1: write {value:g} % for {value / 100.0:g}")
    unit = quantity_of(Report, name).unit
    if unit not in _OF_A_PACKAGE:
        return
    count = chips if name in _TOTALS else 1.0
    whole = float(getattr(chip, _OF_A_PACKAGE[unit])) * count
    least = whole * (_LEAST_KELVIN if unit == "K" else _LEAST_SHARE)
    if value >= least:
        return
    units = ("degC",) if unit == "K" else tuple(f"{p}{unit}" for p in "kMGTPE")
    meant = next((u for u in units if parse(f"{value!r} {u}", unit) >= least), units[0])
    packages = "a package" if count == 1.0 else f"{count:g} packages"
    node.fail(
        f"would be {value:g} {unit}, but {packages} of this study would be some"
        f" {spoken(whole, unit)}: write {value:g} {meant}, or whatever unit is meant"
    )


def depends_on_package(limits: Node) -> bool:
    """Tell whether a limit of the section `constraints` lacks a unit it is weighed for.

    Then it depends on chips and their number whether the study can be read.
    """
    return any(
        is_bare(limit) and quantity_of(Report, name).unit in _OF_A_PACKAGE
        for name, written in limits.mapping().items()
        for limit in written.mapping().values()
    )


def limit_as_written(name: str, value: float, chip: Chip, chips: float) -> Any:
    """Return a limit, with its unit where `weigh_limit` would refuse it without."""
    try:
        weigh_limit(Node(value, name, ""), value, name, chip, chips)
    except StudyError:
        unit = quantity_of(Report, name).unit
        return f"{value!r} {unit}" if unit else f"{100.0 * value!r} %"
    return value


def as_written(record_type: type, name: str, value: Any) -> Any:
    """Return `value`, with its unit where it would be refused without."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    said = plausible.refused(float(value), catalog.field_span(record_type, name))
    return value if said is None else f"{value!r} {quantity_of(record_type, name).unit}"
