"""What robustness costs: the robust design beside the one that is best without draws."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.names import spelled
from supernode_opt.problem.constraints import chances
from supernode_opt.problem.problem import Problem
from supernode_opt.robust.judged import Judged, sign_of
from supernode_opt.robust.quantiles import error_of_share, quantile, standard_error
from supernode_opt.system.report import Report, is_share
from supernode_opt.units import quantity_of
from supernode_opt.words import figures, spoken

# Percentiles that are told of what is sought, beside the quantile that is asked for.
_RANGE = (0.05, 0.5, 0.95)


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
    problem: Problem,
    robust: Stands,
    plain: Stands,
    designs: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> dict[str, Any]:
    """Return both designs side by side as plain values, with sentences.

    Args:
      problem: the robust study.
      robust: how its answer stands.
      plain: how the best design at the catalog's constants stands.
      designs: both by field.
    """
    goal = problem.objective
    changed = {
        name: [value, designs[1].get(name)]
        for name, value in designs[0].items()
        if value != designs[1].get(name)
    }
    return {
        "quantile": goal.quantile,
        "reached": goal.reached,
        "draws": robust.count,
        "limits": [
            {
                "name": limit.name,
                "limit": limit.limit,
                "at_most": limit.at_most,
                "probability": limit.probability,
            }
            for limit in chances(problem)
        ],
        "robust": robust.plain(),
        "nominal": plain.plain(),
        "changed": changed,
        "sentences": sentences(problem, robust, plain),
    }


def sentences(problem: Problem, robust: Stands, plain: Stands) -> list[str]:
    """Say what is reached, what it costs and what it is worth."""
    goal = problem.objective
    name, unit = goal.name, quantity_of(Report, goal.name).unit
    share = is_share(name)

    def said(value: float) -> str:
        return spoken(value, unit, share)

    found = []
    if goal.reached is not None:
        side = "at least" if goal.maximize else "at most"
        found.append(
            f"{spelled(name)} is {side} {said(robust.quantile)} with a probability of"
            f" {_per_cent(goal.reached)} (standard error"
            f" {_error(robust.standard_error, unit, share)}, {robust.count:,} draws"
            " that it was not chosen by)."
        )
    same = np.isclose(robust.nominal, plain.nominal, rtol=1e-6)
    if same and np.isclose(robust.quantile, plain.quantile, rtol=1e-4):
        found.append("Robustness costs nothing: no better design without draws.")
        return found + _kept(problem, robust, plain)
    words = (
        f"Robustness costs {_change(robust.nominal, plain.nominal)} of"
        f" {spelled(name)} at the catalog's constants ({said(robust.nominal)} instead"
        f" of {said(plain.nominal)})"
    )
    if goal.reached is not None:
        better = (robust.quantile - plain.quantile) * (1.0 if goal.maximize else -1.0)
        verb = "gains" if better > 0.0 else "gives up"
        words += (
            f" and {verb} {_change(robust.quantile, plain.quantile)} in the quantile"
            f" ({said(robust.quantile)} instead of {said(plain.quantile)})"
        )
    found.append(f"{words}.")
    return found + _kept(problem, robust, plain)


def _kept(problem: Problem, robust: Stands, plain: Stands) -> list[str]:
    """Say how probably limits are kept, where that is not all but certain."""
    found = []
    rows = zip(chances(problem), robust.chance, plain.chance, strict=True)
    for limit, ours, theirs in rows:
        asked = limit.probability or 0.0
        if min(ours, theirs) > 0.9995:
            continue
        unit, share = quantity_of(Report, limit.name).unit, is_share(limit.name)
        words = (
            f"{spelled(limit.name).capitalize()} of"
            f" {'at most' if limit.at_most else 'at least'}"
            f" {spoken(limit.limit, unit, share)} is kept with a probability of"
            f" {_per_cent(ours)}, where {_per_cent(asked)} is asked"
        )
        if abs(ours - theirs) > 5e-4:
            words += f"; the best design without draws keeps it with {_per_cent(theirs)}"
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
