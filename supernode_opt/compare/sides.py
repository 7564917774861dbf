"""The sides of an inversion along values of the constant, with exact derivatives."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case, case
from supernode_opt.batch.engine import Engine
from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.record import get, replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.follow import FOLLOWS, followed
from supernode_opt.system.report import limited

# Values of the constant that are evaluated at once.
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


@functools.cache
def _along(paths: tuple[str, ...], quantity: str) -> Engine:
    """Return what evaluates a machine along logarithms of the constant.

    It is given the machine and whether it holds the constant at each of `paths` [path],
    and returns the logarithm of the quantity, its derivative by the logarithm of the
    constant, and what limits are set on [limit].  A batch that is solved for is whole:
    of a machine that serves the derivative is that of the model in which counts may be
    fractions.

    Args:
      paths: where any of the machines holds the constant.
      quantity: field of `Report`.
    """

    def log_quantity(
        log: Any, given: tuple[Case, Any], relaxed: bool = False
    ) -> tuple[Any, Any]:
        one, held = given
        values = {}
        for index, path in enumerate(paths):
            now = get(one.scenario if "." in path else one.design, path)
            values[path] = jnp.where(held[index], jnp.exp(log), now)
        changed = put(one, values)
        design = followed(changed.design, changed.scenario, changed.follow)
        report = evaluate(design, changed.scenario, relaxed=relaxed)
        names = limited(changed.scenario)
        limits = jnp.stack([jnp.asarray(getattr(report, n)) for n in names])
        return jnp.log(getattr(report, quantity)), limits

    def along(log: Any, given: tuple[Case, Any]) -> tuple[Any, Any, Any]:
        if given[0].scenario.serving is not None:
            value, limits = log_quantity(log, given)
            slope, _ = jax.grad(log_quantity, has_aux=True)(log, given, True)
            return value, slope, limits
        slopes = jax.value_and_grad(log_quantity, has_aux=True)
        (value, limits), slope = slopes(log, given)
        return value, slope, limits

    return Engine(along, BLOCK, f"along {paths} {quantity}")


class Machines:
    """The sides of an inversion with their splits, to be evaluated at any value."""

    def __init__(self, asked: Inversion, plans: tuple[Values, ...]) -> None:
        """Build the cases of `asked` with the splits `plans`."""
        self.asked = asked
        self.paths = tuple(dict.fromkeys(p for one in asked.places for p in one.paths))
        self.cases = []
        for side, plan, place in zip(asked.sides, plans, asked.places, strict=True):
            # What is set no longer follows the part it is sold with.
            origins = side.problem.origins.deciding(
                *(p for p in place.paths if p in FOLLOWS)
            )
            self.cases.append(case(plan, side.problem.scenario, origins.following()))

    def at(self, logs: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return logs of the quantity, slopes and limits [side, value, ...].

        Args:
          logs: logarithms of the constant [value].
        """
        engine, found = _along(self.paths, self.asked.quantity), []
        for one, place in zip(self.cases, self.asked.places, strict=True):
            held = np.asarray([path in place.paths for path in self.paths])
            found.append(engine(logs, (one, held)))
        value, slope, limits = (np.stack(column) for column in zip(*found, strict=True))
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
