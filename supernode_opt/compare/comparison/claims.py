"""Does a claim hold, under which condition, or not at all?

A claim holds when it is true at the catalog's values and in 95 % of the draws, fails
when it is false there and true in no more than 5 %, and else depends on constants: each
that turns it alone within its range is named with the value at which it does.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case
from supernode_opt.batch.engine import repeated
from supernode_opt.compare import program
from supernode_opt.compare.comparison.config import Claim
from supernode_opt.compare.comparison.next import Next, worth_measuring
from supernode_opt.compare.comparison.next import sentence as measure_next
from supernode_opt.compare.comparison.seen import Pair, Turn, Verdict
from supernode_opt.compare.comparison.sentences import sentence as told
from supernode_opt.compare.comparison.sentences import statement
from supernode_opt.compare.program import less_is_better
from supernode_opt.system.report import compared
from supernode_opt.uncertainty.constants import Identity, Uncertain
from supernode_opt.uncertainty.draws import varied

SURE = 0.95
# Points between a constant's value and its end, in each of two passes.
_GRID = 33
_MOST_NAMED = 3


def ends_of(cases: Sequence[tuple[Case, Mapping[Identity, Uncertain]]]) -> list[dict]:
    """Evaluate every machine with each constant alone at the ends of its range."""
    rows = []
    for one, known in cases:
        values = {}
        for index, (identity, held) in enumerate(known.items()):
            values[identity] = np.full(2 * len(known), held.value)
            values[identity][2 * index : 2 * index + 2] = held.low, held.high
        rows.append(varied(repeated(one, 2 * len(known)), dict(known), values))
    found = program.REPORTED.many(rows)
    wide = len(compared(cases[0][0].scenario)) if cases else 0
    parts = (report[:, :wide].reshape(-1, 2, wide) for report in found)
    known = (known for _, known in cases)
    return [dict(zip(*one, strict=True)) for one in zip(known, parts, strict=True)]


def judge(claims: Sequence[Claim], pairs: Sequence[Pair | str]) -> list[Verdict]:
    """Judge every claim.

    Args:
      claims: what is said.
      pairs: (better, than) of each, or why they cannot be compared.
    """
    both = list(zip(claims, pairs, strict=True))
    words = [
        "not comparable" if isinstance(pair, str) else _word(*_truth(claim, pair)[:2])
        for claim, pair in both
    ]
    turned = _turns(
        [
            (claim, pair)
            for (claim, pair), word in zip(both, words, strict=True)
            if word == "depends" and not isinstance(pair, str)
        ]
    )
    verdicts = []
    for (claim, pair), word in zip(both, words, strict=True):
        if isinstance(pair, str):
            sentence = f"{statement(claim)}: not comparable: {pair}."
            verdicts.append(Verdict(word, math.nan, (math.nan,) * 3, (), (), sentence))
            continue
        turns = next(turned) if word == "depends" else ()
        _, share, ratio = _truth(claim, pair)
        narrows = _next(claim, pair) if word == "depends" else ()
        sentence = told(claim, pair, word, share, ratio, turns)
        sentence += measure_next(narrows)
        verdicts.append(Verdict(word, share, ratio, turns, narrows, sentence))
    return verdicts


def _next(claim: Claim, pair: Pair) -> tuple[Next, ...]:
    """Return what would narrow a claim most if it were measured."""
    a, b = pair
    known = {**a.known, **b.known}
    return worth_measuring(
        _margin(claim, pair, a.drawn, b.drawn),
        -1.0 if less_is_better(claim.quantity) else 1.0,
        ((claim.better, a.rates()), (claim.than, b.rates())),
        {identity: a.normal[identity] for identity in known},
    )


def _margin(claim: Claim, pair: Pair, better: NDArray, than: NDArray) -> NDArray:
    """Return the logarithm of by how much the claim is true."""
    column = pair[0].names.index(claim.quantity)
    sign = -1.0 if less_is_better(claim.quantity) else 1.0
    return sign * np.log(better[..., column] / than[..., column])


def _truth(claim: Claim, pair: Pair) -> tuple[float, float, tuple[float, float, float]]:
    """Return margin, share of draws in which it is true, and the ratio's range."""
    a, b = pair
    column = a.names.index(claim.quantity)
    ratio = a.drawn[:, column] / b.drawn[:, column]
    low, high = np.percentile(ratio, (5.0, 95.0))
    margin = float(_margin(claim, pair, a.value, b.value))
    share = float(np.mean(_margin(claim, pair, a.drawn, b.drawn) > 0.0))
    value = float(a.value[column] / b.value[column])
    return margin, share, (value, float(low), float(high))


def _word(margin: float, share: float) -> str:
    if abs(margin) < 1e-12 and share in (0.0, 1.0):
        return "equal"
    if margin > 0.0 and share >= SURE:
        return "holds"
    if margin <= 0.0 and share <= 1.0 - SURE:
        return "fails"
    return "depends"


def _turns(asked: Sequence[tuple[Claim, Pair]]):
    """Yield, for each claim, the constants that turn it, the nearest first."""
    wanted = []
    for order, (claim, (a, b)) in enumerate(asked):
        true = _margin(claim, (a, b), a.value, b.value) > 0.0
        for identity, known in {**a.known, **b.known, **a.known}.items():
            away = _margin(
                claim,
                (a, b),
                a.ends.get(identity, np.tile(a.value, (2, 1))),
                b.ends.get(identity, np.tile(b.value, (2, 1))),
            )
            for end, there in zip((known.low, known.high), away, strict=True):
                if (there > 0.0) != true:
                    above = bool(true == (end < known.value))
                    wanted.append((order, Turn(identity, end, known, above)))
    brackets = [(i, turn.identity, turn.known.value, turn.value) for i, turn in wanted]
    for _ in range(2):
        brackets = _narrowed(asked, brackets)
    found: list[list[Turn]] = [[] for _ in asked]
    for (order, turn), (_, _, start, stop) in zip(wanted, brackets, strict=True):
        found[order].append(turn._replace(value=0.5 * (start + stop)))
    for turns in found:
        yield tuple(sorted(turns, key=_effort)[:_MOST_NAMED])


def _effort(turn: Turn) -> float:
    """Return which part of the way to the end of its range a constant must go [1]."""
    one = turn.known
    end = one.low if turn.value < one.value else one.high
    return abs(turn.value - one.value) / abs(end - one.value)


def _narrowed(asked: Sequence[tuple[Claim, Pair]], brackets: list) -> list:
    """Find, in each bracket, the first step of a grid on which the claim turns."""
    rows, grids = [], []
    for order, identity, start, stop in brackets:
        # In logarithms, for ranges span decades; one that reaches zero cannot.
        spaced = np.geomspace if min(start, stop) > 0.0 else np.linspace
        grid = spaced(start, stop, _GRID)
        grids.append(grid)
        for seen in asked[order][1]:
            wide = repeated(seen.case, _GRID)
            values = {identity: grid} if identity in seen.known else {}
            rows.append(varied(wide, dict(seen.known), values))
    found = program.REPORTED.many(rows) if rows else []
    made = []
    for index, (order, identity, _, _) in enumerate(brackets):
        (claim, pair), grid = asked[order], grids[index]
        true = _margin(claim, pair, found[2 * index], found[2 * index + 1]) > 0.0
        first = int(np.argmax(true != true[0]))
        made.append((order, identity, grid[max(first - 1, 0)], grid[first]))
    return made
