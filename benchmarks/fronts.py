"""Fronts beside NSGA-II on the same evaluator: `python benchmarks/fronts.py RESULT...`.

A result is what `supernode-opt pareto` wrote.  NSGA-II (pymoo) gets the batched exact
model, every legal split as one number of its point, free numbers in the unit box, and
ten times the evaluations that the front took; of several population sizes its best
hypervolume counts, and all that it ever evaluated.  All hypervolumes have one reference
point, that of the front.
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
from supernode_opt.pareto.between import in_whole_lanes, judged
from supernode_opt.pareto.dominance import hypervolume
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.run import read
from supernode_opt.reading import document
from supernode_opt.results import kinds
from supernode_opt.search.enumerate import take, whole_candidates
from supernode_opt.search.inner import complete, continuous, exact_merit, fill

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
    # In whole lanes, as the front builds its designs.
    rows = in_whole_lanes(epsilon, fill(problem, rows, points))
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
def compared(result: Path, seed: int, most: int) -> dict[str, Any]:
    """Let NSGA-II have ten times the evaluations that a front took, or `most`."""
    kind, front = kinds.load(result)
    if kind != "front":
        raise SystemExit(f"{result}: is no front")
    study, section = read(document.parse(front.attrs["study"], "study"))
    goals = section.goals
    epsilon = Epsilon.of(study.problem, goals, study.settings, study.seed)
    counts = json.loads(front.attrs["counts"])
    # A box is bounded at a few of its corners.
    own = counts.get("evaluations", 0) + 4 * counts.get("boxes", 0)
    own += counts.get("candidates", 0)
    reference = goals.loss(front["reference"].values)
    covered = float(front.attrs["hypervolume"])
    told: dict[str, Any] = {
        "study": str(front.attrs["name"]),
        "designs": front.sizes["point"],
        "evaluations": own,
        "unexplored": float(front.attrs["unexplored"]),
        "reference": front["reference"].values.tolist(),
        "hypervolume": covered,
    }
    for size in _POPULATIONS:
        began = time.process_time()
        found, spent = nsga(epsilon, reference, min(_TIMES * own, most), size, seed)
        told[f"nsga2_{size}"] = {
            "share_of_the_front": found / covered,
            "evaluations": spent,
            "cpu_s": time.process_time() - began,
        }
    return told


def main() -> None:
    """Compare every front that is named."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("results", nargs="+", type=Path)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--most", type=int, default=10_000_000)
    given = asked.parse_args()
    for result in given.results:
        json.dump(compared(result, given.seed, given.most), sys.stdout, indent=2)
        print(flush=True)


if __name__ == "__main__":
    main()
