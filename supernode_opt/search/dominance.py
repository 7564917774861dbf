"""Which link technologies are worth a candidate: those that nothing dominates.

At the same chips and domain a technology can stand in for another at no loss if every
property of it that an asked quantity sees is at least as good for that quantity, and it
reaches.  What a quantity sees is read from the program, what is good for it follows
from the way it moves; where that is not known, only an equal property is as good.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.search.ends import Leaf
from supernode_opt.search.enumerate import LINKS, Columns, cross, join, positions, take
from supernode_opt.search.hardware_bounds import any_split, hardware_ends
from supernode_opt.search.link_fields import good_end, seen_fields, span_of
from supernode_opt.search.outlook import Outlook, worst

_REACH = {"scale_up_reach": 0, "scale_out_reach": 1}


class Useful(NamedTuple):
    """What is left of the technologies of each (chips, domain).

    Attributes:
      pairs: positions of the (scale-up, scale-out) technologies to try.
      dominated: pairs that reach, but that another can stand in for.
    """

    pairs: list[tuple[int, int]]
    dominated: int


def with_useful_links(
    columns: Columns, problem: Problem, outlook: Outlook
) -> tuple[Columns, int]:
    """Combine every row with the technologies that are worth it on its hardware.

    Returns:
      The candidates, and how many dominated ones were left out.
    """
    count = len(columns["chips"])
    if not count:
        return columns | {name: np.zeros(0, np.int32) for name in LINKS}, 0
    places = np.stack([columns["chips"], columns["scale_up_domain"]]).astype(float)
    keys, place = np.unique(places, axis=1, return_inverse=True)
    place = place.reshape(-1)
    parts, dominated = [], 0
    for index, useful in enumerate(_useful(problem, outlook, keys[0], keys[1])):
        rows = take(columns, place == index)
        dominated += useful.dominated * len(rows["chips"])
        table = np.asarray(useful.pairs, np.int32).reshape(-1, 2)
        parts.append(cross(rows, {LINKS[0]: table[:, 0], LINKS[1]: table[:, 1]}))
    return join(parts), dominated


def _useful(
    problem: Problem, outlook: Outlook, chips: NDArray, domain: NDArray
) -> list[Useful]:
    inner, outer = (list(positions(problem, name)) for name in LINKS)
    if len(inner) == len(outer) == 1:
        return [Useful([(inner[0], outer[0])], 0)] * len(chips)
    reach = _reaches(outlook, chips, domain, inner, outer)
    found = []
    for key in range(len(chips)):
        may, does = ([side[f][key] for f in (0, 1)] for side in reach)
        able = [
            [k for k, good in zip(allowed, may[f], strict=True) if good]
            for f, allowed in enumerate((inner, outer))
        ]
        sure = [
            {k for k, good in zip(allowed, does[f], strict=True) if good}
            for f, allowed in enumerate((inner, outer))
        ]
        # Reach is settled where everything that may reach does.
        settled = {f for f in (0, 1) if set(able[f]) <= sure[f]}
        kept = [_undominated(outlook, able[f], sure[f], {f} | settled) for f in (0, 1)]
        pairs = [(up, out) for up in kept[0] for out in kept[1]]
        found.append(Useful(pairs, len(able[0]) * len(able[1]) - len(pairs)))
    return found


def _reaches(
    outlook: Outlook,
    chips: NDArray,
    domain: NDArray,
    inner: Sequence[int],
    outer: Sequence[int],
) -> tuple[list[NDArray], list[NDArray]]:
    """Tell which technologies may and which do reach anywhere in the box.

    The other fabric's technology adds to the heat that thins racks, so a technology may
    reach if it may with any other, and does if it does with all.

    Returns:
      For either, per fabric, [key, technology].
    """
    rows = cross(
        any_split(outlook, {"chips": chips, "scale_up_domain": domain}),
        {
            LINKS[0]: np.repeat(np.asarray(inner, np.int32), len(outer)),
            LINKS[1]: np.tile(np.asarray(outer, np.int32), len(inner)),
        },
    )
    count, shape = len(rows["chips"]), (len(chips), len(inner), len(outer))
    clocks = np.array([outlook.low["clock"]]), np.array([outlook.high["clock"]])
    may, does = [], []
    for name, fabric in _REACH.items():
        limits = [limit for limit in outlook.limits if limit.form == (name, True)]
        good = []
        for side in ("low", "high"):
            leaf = Leaf(name, side)
            values = np.full(count, np.nan)
            if outlook.known(leaf):
                table = hardware_ends(outlook, rows, outlook.scenario, [leaf], clocks)
                values = table[leaf][:, 0]
            g = worst({limit.end: values for limit in limits}, limits, count)
            # What is not known may reach, but does not surely.
            unknown = side == "low"
            good.append(np.where(np.isnan(values), unknown, g <= 0.0).reshape(shape))
        other = 2 - fabric
        may.append(good[0].any(axis=other))
        does.append(good[1].all(axis=other))
    return may, does


def _undominated(
    outlook: Outlook, able: list[int], sure: set[int], settled: set[int]
) -> list[int]:
    """Drop technologies that another one of `able` can replace at no loss.

    Fabrics in `settled` reach, whichever of them it is.
    """

    def replaced(k: int) -> bool:
        return any(
            j in sure
            and _stands_in(outlook, j, k, settled, able.index(j) < able.index(k))
            for j in able
            if j != k
        )

    return [k for k in able if not replaced(k)]


def _stands_in(
    outlook: Outlook, j: int, k: int, settled: set[int], first: bool
) -> bool:
    """Tell whether technology `j` is as good as `k` for everything asked.

    Of two that are equal in every property the one that comes `first` is kept.
    """
    one, other = outlook.scenario.links[j], outlook.scenario.links[k]
    freed = {n.split(".")[2] for n in outlook.constants() if n.startswith("links.")}
    better = first
    for end, leaves in outlook.leaves.items():
        if (
            _REACH.get(end.name) in settled
            and end.side == "low"
            and end != outlook.wanted
        ):
            # It reaches wherever its rows are.
            continue
        for leaf in leaves:
            for field in seen_fields(outlook, leaf):
                if field in freed:
                    return False
                mine, theirs = (
                    span_of(outlook, link, field, leaf) for link in (one, other)
                )
                if mine == theirs and mine.low == mine.high:
                    continue
                good = good_end(outlook, leaf, field)
                if good is None:
                    return False
                # The worst of the one that replaces, the best of the other.
                lead = (
                    theirs.low - mine.high if good == "low" else mine.low - theirs.high
                )
                if lead < 0.0:
                    return False
                better = better or lead > 0.0
    return better
