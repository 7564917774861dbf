"""The other optimizers, each with three settings, as their users would call them.

All see the unit cube of `space` and scores of `referee`, and go on until their budget
is used up: what converges begins again with another seed.  Limits are penalised, but
for those optimizers that handle constraints themselves.
"""

import contextlib
import itertools
import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import differential_evolution
from scipy.stats import qmc

from benchmarks.contest.referee import Referee, Spent
from benchmarks.contest.space import unit_of
from supernode_opt.search.enumerate import take
from supernode_opt.search.inner import continuous
from supernode_opt.search.slsqp import polish

Contestant = Callable[[Referee, Any, int], None]
_MANY = 4096


def random_search(referee: Referee, how: str, seed: int) -> None:
    """Draw points of the cube, evenly or by chance, or legal splits by chance."""
    random, size = np.random.default_rng(seed), referee.space.size
    sobol = qmc.Sobol(size, seed=seed)
    plans, names = referee.space.plans, referee.space.axes
    while True:
        points = sobol.random(_MANY) if how == "sobol" else random.random((_MANY, size))
        if how != "splits":
            referee.judge(points)
            continue
        rows = referee.space.rows(points)
        drawn = take(plans, random.integers(len(plans["chips"]), size=_MANY))
        # Domains belong to the number of chips: those of other chips do not tile these.
        if "chips" not in names:
            rows |= drawn
        referee.judge_rows(rows)


def slsqp(referee: Referee, drawn: int, seed: int) -> None:
    """Let SciPy's SLSQP move what is continuous of the best of some drawn designs."""
    problem, random = referee.space.problem, np.random.default_rng(seed)
    while True:
        points = random.random((drawn, referee.space.size))
        rows = referee.space.rows(points)
        cost, values = referee.judge_rows(rows)
        if not continuous(problem):
            continue
        best = int(np.argmin(cost + 10.0 * np.sum(np.maximum(values, 0.0), axis=1)))
        row = take(rows, [best])
        found = polish(problem, row, unit_of(referee.space, row)[0])
        referee.evaluations += found.evaluations
        # Beside the nearest lanes those below and above.
        referee.judge_rows(referee.space.laned(found.columns))


def evolution(referee: Referee, population: int, seed: int) -> None:
    """Run SciPy's differential evolution."""
    size = referee.space.size
    for turn in itertools.count():
        differential_evolution(
            lambda x: referee.penalised(x.T),
            [(0.0, 1.0)] * size,
            popsize=max(population // size, 1),
            maxiter=1_000_000,
            tol=1e-6,
            polish=False,
            updating="deferred",
            vectorized=True,
            rng=np.random.default_rng([seed, turn]),
        )


def cma_es(referee: Referee, population: int, seed: int) -> None:
    """Run CMA-ES by `cma`, with populations that double at every restart."""
    import cma

    random = np.random.default_rng(seed)
    for turn in itertools.count():
        options = {
            "bounds": [0.0, 1.0],
            "popsize": population * 2 ** min(turn, 6),
            "seed": seed * 1000 + turn + 1,
            "verbose": -9,
        }
        start = random.random(referee.space.size)
        search = cma.CMAEvolutionStrategy(start, 0.3, options)
        while not search.stop():
            asked = search.ask()
            search.tell(asked, list(referee.penalised(np.asarray(asked))))


def tpe(referee: Referee, how: str, seed: int) -> None:
    """Run Optuna's tree-structured Parzen estimator, 16 trials at a time."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [str(k) for k in range(referee.space.size)]

    def excess(trial: Any) -> list[float]:
        return [trial.user_attrs["excess"]]

    sampler = optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=64,
        multivariate=how == "joint",
        constraints_func=excess if how == "constrained" else None,
    )
    study = optuna.create_study(sampler=sampler)
    while True:
        trials = [study.ask() for _ in range(16)]
        points = [[t.suggest_float(n, 0.0, 1.0) for n in names] for t in trials]
        cost, values = referee.judge(np.asarray(points))
        worst = np.max(values, axis=1)
        if how != "constrained":
            cost = cost + 10.0 * np.sum(np.maximum(values, 0.0), axis=1)
        for trial, one, over in zip(trials, cost, worst, strict=True):
            trial.set_user_attr("excess", float(over))
            study.tell(trial, float(one))


def nsga2(referee: Referee, population: int, seed: int) -> None:
    """Run NSGA-II by `pymoo`, which keeps limits by ranking."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem as Asked
    from pymoo.optimize import minimize

    size = referee.space.size
    limits = len(referee.judge(np.full((1, size), 0.5))[1][0])

    class Question(Asked):
        def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
            out["F"], out["G"] = referee.judge(x)

    question = Question(n_var=size, n_obj=1, n_ieq_constr=limits, xl=0.0, xu=1.0)
    for turn in itertools.count():
        generations = ("n_gen", 400)
        minimize(
            question, NSGA2(pop_size=population), generations, seed=seed * 97 + turn
        )


CONTESTANTS: Mapping[str, tuple[Contestant, tuple[Any, ...]]] = {
    "random search": (random_search, ("chance", "sobol", "splits")),
    "SLSQP multi-start": (slsqp, (1, 64, 1024)),
    "differential evolution": (evolution, (64, 256, 1024)),
    "CMA-ES": (cma_es, (16, 64, 256)),
    "Optuna TPE": (tpe, ("plain", "joint", "constrained")),
    "NSGA-II": (nsga2, (64, 256, 1024)),
}
# What a setting is, for people.
SETTINGS = {
    "random search": "points of the cube, a Sobol sequence of them, legal splits",
    "SLSQP multi-start": "designs drawn, of which the best is started from",
    "differential evolution": "population",
    "CMA-ES": "first population, doubled at every restart",
    "Optuna TPE": "penalised, penalised and multivariate, constraints of its own",
    "NSGA-II": "population",
}


def play(name: str, setting: Any, referee: Referee, seed: int) -> None:
    """Run one contestant until its budget is used up."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        # Of theirs, about bounds, experimental options and flat populations.
        warnings.simplefilter("ignore")
        referee.start()
        with contextlib.suppress(Spent):
            CONTESTANTS[name][0](referee, setting, seed)
    logging.disable(logging.NOTSET)
