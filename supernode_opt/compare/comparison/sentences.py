"""Verdicts in words."""

from collections.abc import Sequence

from supernode_opt.catalog.read import RECORDS
from supernode_opt.compare.comparison.config import Claim
from supernode_opt.compare.comparison.seen import Pair, Turn
from supernode_opt.compare.program import less_is_better
from supernode_opt.names import spelled
from supernode_opt.system.report import Report, is_share
from supernode_opt.uncertainty.worth import called
from supernode_opt.units import label, quantity_of
from supernode_opt.words import figures, spoken


def units_of(quantity: str) -> dict[str, str]:
    """Return unit and name of a reported quantity as attributes of its values."""
    unit = quantity_of(Report, quantity).unit or "1"
    return {"units": unit, "long_name": label(quantity, "")}


def said(value: float, quantity: str) -> str:
    """Write a reported quantity for people."""
    return spoken(value, quantity_of(Report, quantity).unit, is_share(quantity))


def statement(claim: Claim) -> str:
    """Return what a claim says."""
    quantity = spelled(claim.quantity)
    better = "below" if less_is_better(claim.quantity) else "above"
    return (
        f"{claim.better} {better} {claim.than} in {quantity},"
        f" {claim.model} {claim.wanted.upper()}"
    )


def sentence(
    claim: Claim,
    pair: Pair,
    word: str,
    share: float,
    ratio: tuple[float, float, float],
    turns: Sequence[Turn],
) -> str:
    """Return what is to be said of a claim.

    Args:
      claim: what is said.
      pair: the machine that is said to be better, and the other one.
      word: verdict.
      share: of draws in which it is true [1].
      ratio: at the catalog's values, and its 5-95 %.
      turns: constants that turn it alone.
    """
    a, b = pair
    column = a.names.index(claim.quantity)
    trained = ""
    if a.precision != b.precision:
        trained = f" ({a.precision.upper()} against {b.precision.upper()})"
    value, low, high = (figures(float(f"{x:.4g}")) for x in ratio)
    spread = "" if low == high else f", 5-95 % {low} to {high}"
    text = (
        f"{statement(claim)}{trained}: {word}"
        f"{f' (true in {100.0 * share:.0f} % of draws)' if word != 'equal' else ''};"
        f" {said(a.value[column], claim.quantity)} against"
        f" {said(b.value[column], claim.quantity)}, ratio {value}{spread}"
    )
    if word != "depends":
        return f"{text}."
    if not turns:
        return f"{text}; no single constant changes the verdict within its range."
    return f"{text}; true if {', or '.join(_condition(turn) for turn in turns)}."


def _condition(turn: Turn) -> str:
    kind, _, field = turn.identity
    unit, one = quantity_of(RECORDS[kind], field).unit, turn.known
    value, now, low, high = (
        spoken(x, unit) for x in (turn.value, one.value, one.low, one.high)
    )
    side = "above" if turn.above else "below"
    known = f"catalog {now}, {low} to {high}"
    return f"{called(turn.identity)} is {side} {value} ({known})"
