"""The optimizer's curse: how sure it is that the answer is the best of its rivals.

What looks best of several predictions is so in part by their errors (Smith and Winkler
2006, doi:10.1287/mnsc.1050.0451).  Answer and alternatives are drawn together, with the
same constants: what errors they share moves none past another, and what is each one's
own decides how much is lost, on average, against knowing which is the best.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.names import practice_words, spelled, split_words
from supernode_opt.problem.build import build_design
from supernode_opt.problem.problem import Problem
from supernode_opt.search.settings import UNANSWERED
from supernode_opt.search.solution import Solution
from supernode_opt.system.scenario import Scenario, apply
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.intervals import Drawn, drawn_together
from supernode_opt.words import figures

Design = Mapping[str, float | str]


class Regret(NamedTuple):
    """How an answer stands to its alternatives under joint draws.

    Attributes:
      probability: that each design is the best of all, the answer first [design] [1].
      better: that each is better than the answer [design] [1].
      loss: expected, by which the best of all is better than the answer, over the
        answer's mean [1].
      draws: how many.
      sentence: all of it in words.
    """

    probability: tuple[float, ...]
    better: tuple[float, ...]
    loss: float
    draws: int
    sentence: str

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, JSON's."""
        made = self._asdict()
        return made | {name: list(made[name]) for name in ("probability", "better")}


def distrusted(
    problem: Problem, solution: Solution, seed: int
) -> tuple[Drawn, Regret | None]:
    """Draw an answer together with its alternatives.

    Args:
      problem: what was asked.
      solution: the answer.
      seed: of the draws, as of the ranges.

    Returns:
      The reports of the answer under the draws, and how it stands; `None` without an
      answer or alternatives.
    """
    rivals = () if solution.status in UNANSWERED else solution.alternatives
    designs: list[tuple[Design, Scenario]] = [(solution.design, solution.scenario)]
    for rival in rivals:
        designs.append((rival.design, apply(problem.scenario, rival.design)))
    built = [(build_design(values, given), given) for values, given in designs]
    drawn = drawn_together(built, seed, problem.origins, apart=True)
    if not rivals:
        return drawn[0], None
    name = problem.objective.name
    power = draws.TIMED[name]
    made = []
    for one, (values, given) in zip(drawn, designs, strict=True):
        slower = one.slower
        if slower is None:
            slower = draws.noise_of_split(given, values, seed)
            slower = slower * draws.installation(given, seed) * one.calibrated
        made.append(np.asarray(getattr(one.report, name)) * slower**power)
    told = standing(np.stack(made), problem.objective.maximize)
    sentence = _sentence(name, *told, [values for values, _ in designs])
    return drawn[0], Regret(*told, draws.DRAWS, sentence)


def standing(
    values: NDArray, maximize: bool
) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Return `probability`, `better` and `loss` of `Regret`.

    Args:
      values: of each design under each draw, the answer first [design, draw].
      maximize: whether more is better.
    """
    worth = values if maximize else -values
    best = worth.max(axis=0)
    first = worth == best
    # Designs that are equally good in a draw share it.
    probability = (first / first.sum(axis=0)).mean(axis=1)
    better = (worth > worth[0]).mean(axis=1)
    mean = abs(float(values[0].mean()))
    loss = float((best - worth[0]).mean())
    return (
        tuple(map(float, probability)),
        tuple(map(float, better)),
        loss / mean if mean else 0.0,
    )


def _sentence(
    name: str,
    probability: Sequence[float],
    better: Sequence[float],
    loss: float,
    designs: Sequence[Design],
) -> str:
    """Say how sure the choice is."""
    rivals = len(designs) - 1
    words = (
        f"Drawn together with {rivals} alternative{'s' * (rivals > 1)}, it is the best"
        f" of them with a probability of {_per_cent(probability[0])}; whichever is"
        f" best is better by {_per_cent(loss)} of {spelled(name)} on average, which is"
        " what choosing this one is expected to lose"
    )
    likely = 1 + int(np.argmax(better[1:]))
    if better[likely] > 0.0:
        rival = designs[likely]
        called = [split_words(rival), *practice_words(rival)]
        words += (
            f". The alternative most likely to be better is {', '.join(called)}, with"
            f" {_per_cent(better[likely])}"
        )
    return f"{words}."


def _per_cent(share: float) -> str:
    return f"{figures(100.0 * share, 2)} %"
