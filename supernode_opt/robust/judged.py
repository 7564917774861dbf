"""What draws say of designs: the value that is sought, and how surely limits are kept.

All candidates of a table are judged on the same draws.  Loss is what is sought with the
sign that makes less of it better; its quantile at the probability with which a value is
to be reached is the value, whichever way is better.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import chances
from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.robust.chance import asked_of, chances_of
from supernode_opt.robust.program import TIME, asked, drawn_values
from supernode_opt.robust.quantiles import quantile
from supernode_opt.robust.sample import Sample
from supernode_opt.search.enumerate import Columns, take


class Judged(NamedTuple):
    """Candidates under the draws of one sample.

    Attributes:
      columns: the candidates.
      loss: of every draw, in the unit of what is sought [candidate, draw].
      chance: with which every limit that has a probability is kept [candidate, limit].
      enough: whether every such limit is kept as probably as asked [candidate].
    """

    columns: Columns
    loss: NDArray
    chance: NDArray
    enough: NDArray

    def rows(self, index: NDArray | slice) -> "Judged":
        """Return the candidates that `index` selects."""
        return Judged(take(self.columns, index), *(part[index] for part in self[1:]))


def sign_of(objective: Objective) -> float:
    """Return what turns a value into a loss [1]."""
    return -1.0 if objective.maximize else 1.0


def judge(problem: Problem, columns: Columns, sample: Sample) -> Judged:
    """Judge complete candidates on the draws of `sample`.

    Args:
      problem: the robust study.
      columns: the candidates.
      sample: the draws.
    """
    values = drawn_values(problem, columns, sample, asked(problem))
    limits, count = chances(problem), len(columns["chips"])
    chance = chances_of(limits, values, sample) if limits else np.zeros((count, 0))
    enough = np.all(chance >= asked_of(limits), axis=1)
    goal = problem.objective
    return Judged(columns, sign_of(goal) * values[goal.name], chance, enough)


def losses(problem: Problem, columns: Columns, sample: Sample) -> NDArray:
    """Return the loss of complete candidates alone, which is soon done [.., draw]."""
    goal = problem.objective
    names = (goal.name, *(() if goal.name == TIME else (TIME,)))
    return sign_of(goal) * drawn_values(problem, columns, sample, names)[goal.name]


def ranked_by(problem: Problem, judged: Judged, nominal: NDArray) -> NDArray:
    """Return what candidates are ranked by, less is better [candidate].

    Args:
      problem: the robust study.
      judged: its candidates.
      nominal: their cost at the catalog's constants, which decides where no quantile is
        sought [candidate].
    """
    level = problem.objective.reached
    return nominal if level is None else quantile(judged.loss, level)
