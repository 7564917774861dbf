"""The sides of an inversion along values of the constant, with exact derivatives."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from supernode_opt.compare import program
from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.compare.program import Case
from supernode_opt.record import get, replace
from supernode_opt.system.evaluate import evaluate

# Most values of the constant that are evaluated at once.
BLOCK = 43
Values = Mapping[str, float | str]


def put(one: Case, values: Mapping[str, Any]) -> Case:
    """Return a case in which every path has its value; a design field is then set."""
    for path, value in values.items():
        if "." in path:
            one = one._replace(scenario=replace(one.scenario, path, value))
        else:
            one = one._replace(design=replace(one.design, path, value))
    return one


@functools.partial(jax.jit, static_argnames=("paths", "quantity"))
def _along(
    one: Case, held: Any, logs: Any, paths: tuple[str, ...], quantity: str
) -> tuple[Any, Any, Any]:
    """Evaluate a machine along values of the constant.

    Args:
      one: the machine.
      held: whether it holds the constant at each of `paths` [path].
      logs: logarithms of the constant [value].
      paths: where any of the machines holds it.
      quantity: field of `Report`.

    Returns:
      Logarithm of the quantity, its derivative by the logarithm of the constant
      [value], and what limits are set on [value, limit].
    """

    def log_quantity(log: Any) -> tuple[Any, Any]:
        tree = {"scenario": one.scenario, "design": one.design}
        values = {}
        for index, path in enumerate(paths):
            now = get(tree["scenario" if "." in path else "design"], path)
            values[path] = jnp.where(held[index], jnp.exp(log), now)
        changed = put(one, values)
        report = evaluate(program.followed(changed), changed.scenario)
        limits = jnp.stack([jnp.asarray(getattr(report, n)) for n in program.LIMITS])
        return jnp.log(getattr(report, quantity)), limits

    slopes = jax.vmap(jax.value_and_grad(log_quantity, has_aux=True))
    (value, limits), slope = slopes(logs)
    return value, slope, limits


class Machines:
    """The sides of an inversion with their splits, to be evaluated at any value."""

    def __init__(self, asked: Inversion, plans: tuple[Values, ...]) -> None:
        """Build the cases of `asked` with the splits `plans`."""
        self.asked = asked
        self.paths = tuple(dict.fromkeys(p for one in asked.places for p in one.paths))
        self.cases = []
        for side, plan, place in zip(asked.sides, plans, asked.places, strict=True):
            one = program.case(plan, side.problem.scenario)
            follow = program.following(plan, side.problem.scenario)
            # What is set no longer follows the part it is sold with.
            set_ = [path for path in place.paths if path in follow]
            follow |= {path: np.zeros(()) for path in set_}
            self.cases.append(one._replace(follow=follow))

    def at(self, logs: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return logs of the quantity, slopes and limits [side, value, ...].

        Args:
          logs: logarithms of the constant, at most `BLOCK` [value].
        """
        padded = jnp.asarray(np.pad(logs, (0, BLOCK - len(logs)), mode="edge"))
        found = []
        for one, place in zip(self.cases, self.asked.places, strict=True):
            held = jnp.asarray([path in place.paths for path in self.paths])
            found.append(_along(one, held, padded, self.paths, self.asked.quantity))
        value, slope, limits = (
            np.stack([np.asarray(x) for x in column])[:, : len(logs)]
            for column in zip(*found, strict=True)
        )
        return value, slope, limits

    def apart(self, logs: NDArray) -> NDArray:
        """Return the first of `logs` [side, value] less what it must equal [value]."""
        target = self.asked.target
        return logs[0] - (logs[1] if target is None else math.log(target))

    def gap(self, log_value: float) -> tuple[float, float]:
        """Return how far apart the sides are in logs, and its derivative."""
        logs, slopes, _ = self.at(np.asarray([log_value]))
        other = slopes[1, 0] if self.asked.target is None else 0.0
        return float(self.apart(logs)[0]), float(slopes[0, 0] - other)
