"""The limits that every machine must respect, and which of them one breaks."""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.compare import program
from supernode_opt.problem.constraints import normalised
from supernode_opt.study.evaluation import ROUNDING
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


def broken(scenario: Scenario, values: NDArray) -> tuple[str, ...]:
    """Name the limits that are broken, each with value and limit; `values` [limit]."""
    most = program.limits(scenario)
    over = excess(scenario, values)
    return tuple(
        f"{name} is {value:.4g}, above {most[name]:g}"
        for name, value, by in zip(program.LIMITS, values, over, strict=True)
        if by > 0.0
    )
