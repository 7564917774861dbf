"""The two functions that are descended on: the exact model and the relaxed one.

Both map a batch of points to a cost and normalised constraints.  The cost is the
logarithm of the objective, negative when more is better, so that differences are
relative.  A merit is a hashable record of names: the scenario, what is wanted, limits
and bounds arrive as traced data, so that a study of the same shape never compiles
twice.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import report_of
from supernode_opt.problem.constraints import (
    Form,
    all_constraints,
    normalised,
)
from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.problem.variables import Variable, axes, from_unit, weights
from supernode_opt.record import get
from supernode_opt.smooth import namespace
from supernode_opt.system.design import assemble, data_parallel, expert_ranks
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.parts import PART_FACTS
from supernode_opt.system.report import FACTS, Report, scalars
from supernode_opt.system.scenario import Scenario, apply

# A quantity this small, in any SI unit, counts as zero under a logarithm.
LEAST = 1e-30
# A constraint at this value counts for nothing.
DROPPED = -1e3
# Programs come with room for so many constraints, or twice as many, and so on.
_SLOTS = 12

STRUCTURE = (
    "model parallel within chips",
    "domain within chips",
    "expert parallel within a stage",
    "micro-batch within the batch",
    "interleave within a stage",
)


def forms(problem: Problem) -> tuple[Form, ...]:
    """Return (name, at_most) of every constraint of `problem`."""
    return tuple((c.name, c.at_most) for c in all_constraints(problem))


def limits(problem: Problem) -> np.ndarray:
    """Return the limit of every constraint of `problem`, SI."""
    return np.asarray([c.limit for c in all_constraints(problem)], float)


def program(problem: Problem) -> tuple[str, ...]:
    """Return the quantities that the exact programs of `problem` compute.

    Studies that ask about different quantities share their programs: all compute the
    same, and what is asked arrives as data.  Only what is dear to compute is left out
    unless it is asked about.
    """
    asked = {problem.objective.name, *(name for name, _ in forms(problem))}
    every = scalars(problem.scenario)
    cheap = tuple(name for name in every if not FACTS[name].dear)
    return cheap if asked <= set(cheap) else (*every, *PART_FACTS)


def wish(problem: Problem) -> dict[str, Any]:
    """Return objective and limits of `problem` as data of its program."""
    names, asked = program(problem), forms(problem)
    slots = -(-len(asked) // _SLOTS) * _SLOTS
    free = slots - len(asked)
    return {
        # Arrays, as what is on the device: numbers are of another type to a program.
        "objective": np.asarray(names.index(problem.objective.name)),
        "sign": np.asarray(-1.0 if problem.objective.maximize else 1.0),
        "places": np.array([names.index(n) for n, _ in asked] + [0] * free),
        "at_most": np.array([at_most for _, at_most in asked] + [True] * free),
        "limits": np.concatenate([limits(problem), np.zeros(free)]),
        "used": np.array([True] * len(asked) + [False] * free),
    }


def judged(values: Array, wanted: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return cost and normalised constraints [slot] of one candidate's quantities.

    The cost is the signed logarithm of the objective.
    """
    objective = jnp.maximum(values[wanted["objective"]], LEAST)
    g = normalised(values[wanted["places"]], wanted["limits"], wanted["at_most"])
    return wanted["sign"] * jnp.log(objective), jnp.where(wanted["used"], g, DROPPED)


def reported(report: Report, names: tuple[str, ...]) -> Array:
    """Stack the quantities `names` of one report."""
    values = (jnp.asarray(get(report, name), float) for name in names)
    return jnp.stack(jnp.broadcast_arrays(*values))


def objective_value(cost: float, objective: Objective) -> float:
    """Return the objective that belongs to `cost`, in its own unit."""
    return float(np.exp(-cost if objective.maximize else cost))


@dataclass(frozen=True)
class Exact:
    """The exact model over the continuous variables of given candidates.

    The data are a dict: `columns` of the candidates, `scenario`, what is `wanted`, the
    box (`low`, `high`, `log`) and an `aim`: the weight of the cost (`cost`), of each
    constraint as an objective (`focus`) and of the largest of them (`worst`), and what
    is added to each constraint (`offset`; very negative to drop it).

    Attributes:
      names: variables in the order of the points, which lie in the unit box.
      program: quantities that are computed.
    """

    names: tuple[str, ...]
    program: tuple[str, ...]

    def __call__(self, points: Array, data: Any) -> tuple[Array, Array]:
        """Return cost [batch] and constraints [batch, slot]."""
        aim = data["aim"]

        def one(point: Array, row: dict[str, Array]) -> tuple[Array, Array]:
            moved = from_unit(point, data["low"], data["high"], data["log"])
            row = row | {name: moved[i] for i, name in enumerate(self.names)}
            report = report_of(row, data["scenario"])
            own, values = judged(reported(report, self.program), data["wanted"])
            return aimed(own, values, aim)

        return jax.vmap(one)(points, data["columns"])


def aimed(own: Any, values: Any, aim: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what an aim makes of the cost and the constraints of one candidate.

    Args:
      own: cost of the candidate.
      values: its constraints [slot].
      aim: see `Exact`.
    """
    logsumexp = jax.nn.logsumexp
    if namespace(own, values) is np:
        from scipy.special import logsumexp
    smooth = logsumexp(aim["hardness"] * values) / aim["hardness"]
    cost = aim["cost"] * own + aim["focus"] @ values + aim["worst"] * smooth
    return cost, values + aim["offset"]


def aim_of(problem: Problem, **changes: Any) -> dict[str, Any]:
    """Return the aim of an ordinary solve of `problem` with `changes`.

    Weights and offsets have an entry per constraint.
    """
    count = len(forms(problem))
    slots = -(-count // _SLOTS) * _SLOTS
    plain: dict[str, Any] = {
        "cost": 1.0,
        "focus": np.zeros(count),
        "worst": 0.0,
        "hardness": 30.0,
        "offset": np.zeros(count),
    } | changes
    for name, value in plain.items():
        own = np.asarray(value, float)
        plain[name] = np.pad(own, (0, slots - count)) if own.ndim else own
    return plain


@dataclass(frozen=True)
class Relaxed:
    """The smoothed model over every number and choice at once.

    Points are unconstrained: one entry per number, then the logits of each choice.
    Whatever is frozen is there, too, so that one program serves every study of a
    scenario's structure: a frozen number has a box without width, a frozen choice one
    option that is `allowed`.

    Attributes:
      names: every number of a design, and freed constants.
      choices: every choice, and how many options it has.
      program: quantities that are computed.
    """

    names: tuple[str, ...]
    choices: tuple[tuple[str, int], ...]
    program: tuple[str, ...]

    def size(self) -> int:
        """Return the length of a point."""
        return len(self.names) + sum(total for _, total in self.choices)

    def places(self) -> dict[str, int]:
        """Return where each number and each choice begins in a point."""
        found = {name: place for place, name in enumerate(self.names)}
        start = len(self.names)
        for name, total in self.choices:
            found[name] = start
            start += total
        return found

    def decode(
        self, points: Any, data: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return numbers and mixture weights of points [..., n]."""
        xp, places = namespace(points), self.places()
        unit = 0.5 + 0.5 * xp.tanh(0.5 * points[..., : len(self.names)])
        moved = from_unit(unit, data["low"], data["high"], data["log"])
        numbers = {name: moved[..., i] for i, name in enumerate(self.names)}
        mixtures = {}
        for name, total in self.choices:
            part = points[..., places[name] : places[name] + total]
            logits = xp.where(data["allowed"][name], part, -xp.inf)
            mixtures[name] = weights(logits, data["temperature"])
        return numbers, mixtures

    def __call__(self, points: Array, data: Any) -> tuple[Array, Array]:
        """Return cost [batch] and constraints, then `STRUCTURE` [batch, slot + 5]."""

        def one(point: Array) -> tuple[Array, Array]:
            numbers, mixtures = self.decode(point, data)
            scenario = apply(data["scenario"], numbers)
            design = assemble(numbers, mixtures)
            report = evaluate(design, scenario, data["sharpness"], relaxed=True)
            cost, values = judged(reported(report, self.program), data["wanted"])
            structure = _structure(design, scenario)
            return cost, jnp.concatenate([values, structure])

        return jax.vmap(one)(points)


def _structure(design: Any, scenario: Scenario) -> Array:
    """Return how far relaxed counts are from fitting into each other, as logarithms."""
    ranks = design.chips * scenario.chip.ranks_per_chip
    replicas = data_parallel(dataclasses.replace(design, chips=ranks))
    ratios = (
        1.0 / replicas,
        design.scale_up_domain / design.chips,
        expert_ranks(design, scenario.training) * design.pipeline_parallel / ranks,
        design.micro_batch * replicas / scenario.training.global_batch,
        design.interleave * design.pipeline_parallel / scenario.model.layers,
    )
    return jnp.log(jnp.stack(jnp.broadcast_arrays(*ratios)))


def box_data(problem: Problem, names: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the part of the data both merits share: scenario, wishes and box."""
    given = {"scenario": nameless(problem.scenario), "wanted": wish(problem)}
    return given | axes_of(problem, names)


def axes_of(problem: Problem, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the box of the points; a frozen variable has one without width."""
    by_name = {v.name: v for v in problem.variables}
    frozen = problem.fixed
    return axes(
        tuple(
            by_name.get(n) or Variable(n, float(frozen[n]), float(frozen[n]), "linear")
            for n in names
        )
    )
