"""Fronts beside NSGA-II on the same evaluator: `python benchmarks/fronts.py STUDY...`.

NSGA-II (pymoo) gets the batched exact model, every legal split as one number of its
point, free numbers in the unit box, and ten times the evaluations that the front took;
of several population sizes its best hypervolume counts.  All hypervolumes have one
reference point, that of the front.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.precise import precisely
from supernode_opt.pareto.between import judged
from supernode_opt.pareto.dominance import hypervolume
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.front import Front, front_of
from supernode_opt.pareto.journal import Journal
from supernode_opt.pareto.run import read
from supernode_opt.reading import document
from supernode_opt.search.enumerate import take, whole_candidates
from supernode_opt.search.inner import complete, continuous, exact_merit, fill
from supernode_opt.search.lanes import lane_rates

_TIMES, _POPULATIONS = 10, (100, 400, 1000)


def built(epsilon: Epsilon, genes: NDArray) -> tuple[Any, NDArray]:
    """Return the designs that points of NSGA-II stand for: candidates and numbers."""
    problem, plans = epsilon.problem, epsilon.fitting
    if plans is None:
        raise ValueError("there are too many splits to enumerate")
    moving = continuous(problem)
    every = whole_candidates(problem, plans)
    count = len(every["chips"])
    place = np.minimum((genes[:, 0] * count).astype(int), count - 1)
    rows = complete(problem, take(every, place))
    names = exact_merit(problem).names
    points = np.full((len(genes), len(names)), 0.5)
    for gene, name in enumerate(moving, start=1):
        points[:, names.index(name)] = genes[:, gene]
    rows = fill(problem, rows, points)
    if epsilon.settings.whole_lanes:
        # As the front builds them; whoever leaves them open gets the nearest.
        bounds = {v.name: (v.low, v.high) for v in problem.variables}
        for name, rate in lane_rates(problem).items():
            low, high = bounds[name]
            whole = np.round(rows[name] / rate) * rate
            rows[name] = np.clip(whole, low, high)
    return rows, points


def nsga(
    epsilon: Epsilon, reference: NDArray, evaluations: int, size: int, seed: int
) -> tuple[float, int]:
    """Return the hypervolume of NSGA-II and the evaluations that it took."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize

    kept: list[NDArray] = []
    goals = len(epsilon.goals.objectives)
    width = 1 + len(continuous(epsilon.problem))

    class Designs(Problem):
        def __init__(self) -> None:
            super().__init__(n_var=width, n_obj=goals, n_ieq_constr=1, xl=0.0, xu=1.0)

        def _evaluate(
            self, x: NDArray, out: dict[str, Any], *_: Any, **__: Any
        ) -> None:
            rows, points = built(epsilon, x)
            numbered = rows | {"_row": np.arange(len(x))}
            good = judged(epsilon, numbered, points)
            losses = np.full((len(x), goals), 1e30)
            losses[good.rows["_row"].astype(int)] = good.losses
            kept.append(good.losses)
            out["F"] = losses
            out["G"] = np.where(losses[:, :1] >= 1e30, 1.0, -1.0)

    rounds = max(evaluations // size, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minimize(Designs(), NSGA2(pop_size=size), ("n_gen", rounds), seed=seed)
    every = np.concatenate(kept)
    # All that was ever evaluated counts, not the last population alone.
    return hypervolume(every, reference), rounds * size


@precisely
def compared(path: Path, seed: int, most: int) -> dict[str, Any]:
    """Find the front of a study, and let NSGA-II have ten times the evaluations."""
    study, section = read(document.read(path), path.stem)
    problem = study.problem
    began = time.process_time()
    epsilon = Epsilon.of(problem, section.goals, study.settings, study.seed)
    front: Front = front_of(
        epsilon, section, Journal(None, {}, False), lambda w, d: None
    )
    seconds = time.process_time() - began
    counts = front.counts
    own = counts.get("evaluations", 0) + 4 * counts.get("boxes", 0)
    own += counts.get("candidates", 0)
    told: dict[str, Any] = {
        "study": path.stem,
        "designs": len(front.status),
        "evaluations": own,
        "cpu_s": seconds,
        "unexplored": front.unexplored,
        "reference": front.reference.tolist(),
        "hypervolume": front.hypervolume,
    }
    budget = min(_TIMES * own, most)
    for size in _POPULATIONS:
        began = time.process_time()
        found, spent = nsga(epsilon, front.reference, budget, size, seed)
        told[f"nsga2_{size}"] = {
            "hypervolume_share": found / front.hypervolume,
            "evaluations": spent,
            "cpu_s": time.process_time() - began,
        }
    return told


def main() -> None:
    """Compare every study that is named."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("studies", nargs="+", type=Path)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--most", type=int, default=10_000_000)
    given = asked.parse_args()
    for path in given.studies:
        json.dump(compared(path, given.seed, given.most), sys.stdout, indent=2)
        print(flush=True)


if __name__ == "__main__":
    main()
