"""What robustness costs: the robust design beside the best one without draws."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.names import spelled
from supernode_opt.problem.constraints import chances
from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.robust.judged import Judged, sign_of
from supernode_opt.robust.quantiles import error_of_share, quantile, standard_error
from supernode_opt.system.report import Report, is_share
from supernode_opt.units import quantity_of
from supernode_opt.words import figures, spoken

# Percentiles that are told of what is sought, beside the quantile that is asked for.
_RANGE = (0.05, 0.5, 0.95)
# A limit that is kept more probably than this needs no sentence.
_CERTAIN = 0.9995


class Stands(NamedTuple):
    """How one design stands under draws.

    Attributes:
      nominal: what is sought at the catalog's constants, SI.
      quantile: what is sought, in the quantile that is asked for, SI; the median where
        none is.
      standard_error: of the quantile, SI.
      range: 5, 50 and 95 % of what is sought, SI.
      chance: with which every limit with a probability is kept [limit] [1].
      count: of the draws.
    """

    nominal: float
    quantile: float
    standard_error: float
    range: tuple[float, float, float]
    chance: tuple[float, ...]
    count: int

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, JSON's."""
        made = self._asdict()
        errors = [error_of_share(share, self.count) for share in self.chance]
        return made | {
            "range": list(self.range),
            "chance": list(self.chance),
            "chance_error": errors,
        }


def stands(problem: Problem, judged: Judged, row: int, nominal: float) -> Stands:
    """Return how a judged candidate stands.

    Args:
      problem: the robust study.
      judged: candidates on draws that they were not chosen by.
      row: which of them.
      nominal: what is sought at the catalog's constants, SI.
    """
    goal = problem.objective
    drawn = sign_of(goal) * judged.loss[row]
    share = 0.5 if goal.quantile is None else goal.quantile
    low, middle, high = (float(quantile(drawn, level)) for level in _RANGE)
    return Stands(
        nominal,
        float(quantile(drawn, share)),
        standard_error(drawn, share),
        (low, middle, high),
        tuple(float(share) for share in judged.chance[row]),
        drawn.shape[-1],
    )


def told(
    problem: Problem, robust: Stands, plain: Stands | None = None
) -> dict[str, Any]:
    """Return a design, beside that which is best without draws, as plain values.

    Args:
      problem: the robust study.
      robust: how its answer stands.
      plain: how the best design at the catalog's constants stands, if it was sought.
    """
    goal = problem.objective
    return {
        "quantile": goal.quantile,
        "reached": goal.reached,
        "draws": robust.count,
        "limits": [dataclasses.asdict(limit) for limit in chances(problem)],
        "robust": robust.plain(),
        "nominal": None if plain is None else plain.plain(),
        "sentences": sentences(problem, robust, plain),
    }


def sentences(problem: Problem, robust: Stands, plain: Stands | None) -> list[str]:
    """Say what is reached, what it costs and what it is worth."""
    goal = problem.objective
    found = []
    if goal.reached is not None:
        unit, share = quantity_of(Report, goal.name).unit, is_share(goal.name)
        side = "at least" if goal.maximize else "at most"
        found.append(
            f"{_opening(goal.name)} is {side} {spoken(robust.quantile, unit, share)}"
            f" with a probability of {_per_cent(goal.reached)} (standard error"
            f" {_error(robust.standard_error, unit, share)}, {robust.count:,} draws"
            " that it was not chosen by)."
        )
    if plain is not None:
        found.append(_price(goal, robust, plain))
    return found + _kept(problem, robust, plain)


def _price(goal: Objective, robust: Stands, plain: Stands) -> str:
    """Say what robustness costs at the catalog's constants, and what it gains."""
    unit, share = quantity_of(Report, goal.name).unit, is_share(goal.name)

    def pair(field: str) -> str:
        ours, theirs = (getattr(one, field) for one in (robust, plain))
        return f"{spoken(ours, unit, share)} instead of {spoken(theirs, unit, share)}"

    if np.isclose(robust.nominal, plain.nominal, rtol=1e-6):
        return "Robustness costs nothing: the design is as good without draws."
    words = (
        f"Robustness costs {_change(robust.nominal, plain.nominal)} of"
        f" {spelled(goal.name)} at the catalog's constants ({pair('nominal')})"
    )
    if goal.reached is not None:
        better = (robust.quantile > plain.quantile) == goal.maximize
        words += (
            f" and {'gains' if better else 'gives up'}"
            f" {_change(robust.quantile, plain.quantile)} in the quantile"
            f" ({pair('quantile')})"
        )
    return f"{words}."


def _kept(problem: Problem, robust: Stands, plain: Stands | None) -> list[str]:
    """Say how probably limits are kept, where that is not all but certain."""
    found = []
    for place, limit in enumerate(chances(problem)):
        ours = robust.chance[place]
        theirs = ours if plain is None else plain.chance[place]
        if min(ours, theirs) > _CERTAIN:
            continue
        unit, share = quantity_of(Report, limit.name).unit, is_share(limit.name)
        words = (
            f"{_opening(limit.name)} of"
            f" {'at most' if limit.at_most else 'at least'}"
            f" {spoken(limit.limit, unit, share)} is kept with a probability of"
            f" {_per_cent(ours)}, where {_per_cent(limit.probability or 0.0)} is asked"
        )
        if abs(ours - theirs) > 1.0 - _CERTAIN:
            words += (
                f"; the best design without draws keeps it with {_per_cent(theirs)}"
            )
        found.append(f"{words}.")
    return found


def _change(one: float, other: float) -> str:
    """Write how far two values lie apart, in per cent of the second."""
    return f"{figures(100.0 * abs(one / other - 1.0), 2)} %" if other else "nothing"


def _per_cent(share: float) -> str:
    return f"{figures(100.0 * share, 3)} %"


def _error(error: float, unit: str, share: bool) -> str:
    if share:
        return f"{figures(100.0 * error, 2)} points"
    # A difference of temperatures does not start at melting ice.
    return f"{figures(error, 2)} K" if unit == "K" else spoken(error, unit)


def _opening(name: str) -> str:
    """Write a quantity at the start of a sentence."""
    words = spelled(name)
    return words[:1].upper() + words[1:]
