"""What all bounds of one problem share: its box, what is asked, what sees what.

Whether an end of a quantity is known follows from two things: what the quantity depends
on, read from the program, and which way it moves, said where it is defined.  An end
that depends on something free without a known way is no bound, and excludes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import nameless
from supernode_opt.problem.constraints import Form, normalised
from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.problem.variables import HARDWARE, PLAN, POOLS
from supernode_opt.search.dependence import inputs_of
from supernode_opt.search.ends import FIELD, Leaf, leaves_of
from supernode_opt.search.enumerate import ends
from supernode_opt.search.merit import forms, limits, program
from supernode_opt.system.design import EVERY_NUMBER, SERVING_CHOICES
from supernode_opt.system.parts import PART_FACTS
from supernode_opt.system.report import FACTS
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.moves import serving_ways
from supernode_opt.system.ways import UP, Ways
from supernode_opt.workload.split import SWITCHES

# Rounding in the last digits must not exclude anything.
SLACK = 1e-9
LINK_FIELDS = ("scale_up_link", "scale_out_link")
SPLIT = frozenset((*PLAN, *SWITCHES, *POOLS, *SERVING_CHOICES))


@dataclass(frozen=True)
class Limit:
    """A constraint and the end that must keep it.

    Attributes:
      form: (name, at_most).
      limit: SI.
      end: of the quantity: the low end of what has a ceiling.
    """

    form: Form
    limit: float
    end: Leaf

    def violation(self, value: NDArray) -> NDArray:
        """Return the normalised violation `g` of values; no number if unknown."""
        return np.asarray(normalised(value, self.limit, self.form[1]))


@dataclass(frozen=True)
class Outlook:
    """Everything that the bounds of one problem share.

    Attributes:
      objective: what is wanted, and the end that bounds it.
      limits: every constraint.
      scenario: with every number a float.
      low, high: ends of every hardware variable and freed constant, SI.
      inputs: what every quantity depends on.
      leaves: ends without formula that each asked end follows from.
      program: quantities that the problem's programs compute.
      served: ways of quantities of a machine that serves, where they are its own.
    """

    objective: Objective
    wanted: Leaf
    limits: tuple[Limit, ...]
    scenario: Scenario
    low: Mapping[str, float]
    high: Mapping[str, float]
    inputs: Mapping[str, frozenset[str]]
    leaves: Mapping[Leaf, frozenset[Leaf]]
    program: tuple[str, ...]
    served: Mapping[str, Ways]

    def ways(self, name: str) -> Ways:
        """Return what is said of how the quantity or design field `name` moves."""
        own = self.served.get(name)
        return ways_of(name) if own is None else own

    def toward(self, leaf: Leaf, name: str) -> str:
        """Return the end of the variable `name` at which the end `leaf` lies."""
        sign = self.ways(leaf.name).sign(name)
        return "low" if (sign is None or sign > 0) == (leaf.side == "low") else "high"

    def free(self) -> frozenset[str]:
        """Return what moves within the box."""
        return frozenset(n for n in self.low if self.low[n] < self.high[n])

    def constants(self) -> tuple[str, ...]:
        """Return the freed constants of the scenario."""
        return tuple(name for name in self.low if "." in name)

    def known(self, leaf: Leaf, fixed: frozenset[str] = frozenset()) -> bool:
        """Tell whether the end `leaf` is attained at a known corner of the box.

        Args:
          leaf: an end without formula.
          fixed: variables that do not move after all.
        """
        ways = self.ways(leaf.name)
        moving = (self.free() & self.inputs[leaf.name]) - fixed
        if ways.rests:
            if leaf.side == "high" and moving:
                return False
            moving = moving - {"clock"}
        if ways.pumped:
            moving = moving - {"coolant_flow"}
        return all(ways.sign(name) is not None for name in moving)

    def bounded(self, end: Leaf, fixed: frozenset[str] = frozenset()) -> bool:
        """Tell whether `end`, with or without formula, has a bound."""
        return all(self.known(leaf, fixed) for leaf in self.leaves[end])

    def splitless(self, leaf: Leaf) -> bool:
        """Tell whether the end `leaf` is the same for every split of the job."""
        seen = self.inputs[leaf.name] & SPLIT
        return not seen or (self.ways(leaf.name).rests and leaf.side == "low")

    def places(self, end: Leaf) -> frozenset[str]:
        """Return what `end` depends on."""
        return frozenset().union(*(self.inputs[leaf.name] for leaf in self.leaves[end]))


def ways_of(name: str) -> Ways:
    """Return how a quantity or field moves where no kind of job has ways of its own."""
    if name.startswith(FIELD):
        return Ways({name.removeprefix(FIELD): UP})
    return (FACTS | PART_FACTS)[name].ways


def _served(problem: Problem) -> Mapping[str, Ways]:
    """Return the ways of quantities of a machine that serves; none where it trains."""
    if problem.scenario.serving is None:
        return {}
    return serving_ways(ends(problem, "decode_batch")[0] > 0.0)


def look(problem: Problem) -> Outlook:
    """Collect what bounds of `problem` need."""
    objective, scenario = problem.objective, nameless(problem.scenario)
    wanted = Leaf(objective.name, "high" if objective.maximize else "low")
    every = tuple(
        Limit(form, float(limit), Leaf(form[0], "low" if form[1] else "high"))
        for form, limit in zip(forms(problem), limits(problem), strict=True)
    )
    box = {name: ends(problem, name) for name in HARDWARE}
    box |= {v.name: (v.low, v.high) for v in problem.variables if "." in v.name}
    fields = [n for n in vars(scenario.links[0]) if n != "name"]
    freed = [f"links.{k}.{f}" for k in range(len(scenario.links)) for f in fields] + [
        name for name in box if "." in name
    ]
    return Outlook(
        objective,
        wanted,
        every,
        scenario,
        {name: float(low) for name, (low, _) in box.items()},
        {name: float(high) for name, (_, high) in box.items()},
        inputs_of(scenario, freed)
        | {FIELD + name: frozenset({name}) for name in EVERY_NUMBER},
        leaves_of({wanted, *(limit.end for limit in every)}, scenario),
        program(problem),
        _served(problem),
    )


def worst(values: Mapping[Leaf, Any], limits: Any, count: int) -> NDArray:
    """Return the largest violation over `limits`; unknowns count as none."""
    found = np.full(count, -np.inf)
    for limit in limits:
        with np.errstate(all="ignore"):
            g = limit.violation(np.broadcast_to(values[limit.end], count))
        found = np.fmax(found, g)
    return found
