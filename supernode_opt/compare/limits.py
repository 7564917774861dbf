"""The limits that every machine must respect, and which of them one breaks."""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.answer.evaluation import ROUNDING
from supernode_opt.compare import program
from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.problem import Problem
from supernode_opt.system.scenario import Scenario


def excess(scenario: Scenario, values: NDArray) -> NDArray:
    """Return by how much each limit is broken, at most zero where it is kept [1].

    Args:
      scenario: says what the limits are.
      values: what is limited, in the order of `program.LIMITS` [..., limit].
    """
    most = program.limits(scenario)
    parts = [
        np.asarray(normalised(values[..., index], most[name], True))
        for index, name in enumerate(program.LIMITS)
    ]
    # What is not a number counts as broken.
    return np.nan_to_num(np.stack(parts, axis=-1) - ROUNDING, nan=np.inf)


def broken(problem: Problem, values: NDArray) -> tuple[str, ...]:
    """Name the limits a machine breaks, each with what it has; `values` [limit]."""
    most = program.limits(problem.scenario)
    over = excess(problem.scenario, values)
    found = []
    for name, value, by in zip(program.LIMITS, values, over, strict=True):
        side = name.removesuffix("_reach")
        if by <= 0.0:
            continue
        if side == name:
            found.append(f"{name} is {value:.4g}, above {most[name]:g}")
        else:
            link = problem.fixed[f"{side}_link"]
            found.append(f"{name}: {100.0 * value:.3g} % beyond what {link} carries")
    return tuple(found)
