"""Brute force: what a study's answer is, by evaluation of designs and nothing else.

Where everything is discrete all designs are evaluated and the answer is exact.  Where
something is continuous, every candidate is evaluated on a grid; around the best, the
least violating and the best compromises the grid is then shrunk again and again, with
random steps beside it.  What is found this way exists; better may exist, too.
"""

from dataclasses import dataclass

import numpy as np

from supernode_opt.problem.constraints import all_constraints
from tests.oracle.exact import reports
from tests.oracle.space import Space, plain, space

# Relative, as the program's own tolerance; and by how much a continuous point must
# keep its limits to count against a verdict.
TOLERANCE = 1e-9
CLEARLY = 1e-6
_GRID_POINTS = 300_000
# Centres to start from and to end with; every few rounds the worse of them go.
_CENTRES = (512, 12)
_ROUNDS, _BETWEEN, _KEPT = 36, 3, 0.4
_SHRINK = 0.68
_PRICES = (1.0, 30.0)


def violation(values, constraints):
    """Return by how much, of itself, the worst limit is missed; unknown is worst."""
    worst = np.full(len(next(iter(values.values()))), -np.inf)
    for limit in constraints:
        value = values[limit.name]
        sign = 1.0 if limit.at_most else -1.0
        if limit.limit > 0.0:
            excess = sign * (value / limit.limit - 1.0)
        else:
            # What has to be zero either is or is not.
            excess = np.where(sign * value <= TOLERANCE, -1.0, sign * value)
        worst = np.maximum(worst, np.where(np.isnan(excess), np.inf, excess))
    return worst


@dataclass
class Truth:
    """What brute force found.

    Attributes:
      exact: whether every design was looked at.
      candidates: discrete ones.
      best: value of the objective of the best feasible design, or `None`.
      design: that design.
      least: the smallest violation of any design; at most zero if one is feasible.
      nearest: the design it belongs to.
      doubtful: whether some verdict hangs on a rounding.
    """

    exact: bool
    candidates: int
    best: float | None
    design: dict | None
    least: float
    nearest: dict | None
    doubtful: bool = False

    @property
    def feasible(self) -> bool:
        """Whether a design exists beyond doubt."""
        return self.least <= (TOLERANCE if self.exact else -CLEARLY)


def seek(problem, *, whole_lanes, seed=0):
    """Find the answer to `problem` by force."""
    where = space(problem, whole_lanes=whole_lanes)
    if where.axes:
        return _Descent(where, seed).run()
    values = reports(problem.scenario, where.columns)
    worst = violation(values, all_constraints(problem))
    cost = signed(values, problem)
    good = worst <= TOLERANCE
    best = int(np.argmin(np.where(good, cost, np.inf))) if good.any() else None
    least = int(np.argmin(worst))
    goal = problem.objective.name
    return Truth(
        exact=True,
        candidates=len(cost),
        best=None if best is None else float(values[goal][best]),
        design=None if best is None else plain(problem, where.columns, best),
        least=float(worst[least]),
        nearest=plain(problem, where.columns, least),
        doubtful=bool(np.any(np.abs(worst) < 10.0 * TOLERANCE)),
    )


def signed(values, problem):
    """Return what is to be made small."""
    value = values[problem.objective.name]
    value = np.where(np.isfinite(value), value, np.nan)
    cost = -value if problem.objective.maximize else value
    return np.where(np.isnan(cost), np.inf, cost)


class _Descent:
    """Shrinking grids around the best designs so far."""

    def __init__(self, where: Space, seed: int) -> None:
        self.where, self.problem = where, where.problem
        self.limits = all_constraints(where.problem)
        self.random = np.random.default_rng(seed)
        self.best = (np.inf, None)
        self.least = (np.inf, None)
        self.count = len(where.columns["chips"])
        self.size = len(where.axes)

    def measure(self, index, units):
        """Evaluate designs, remember the best, return cost and violation."""
        rows = self.where.rows(index, units)
        values = reports(self.problem.scenario, rows)
        worst = violation(values, self.limits)
        cost = signed(values, self.problem)
        for name, score in (
            ("best", np.where(worst <= 0.0, cost, np.inf)),
            ("least", worst),
        ):
            place = int(np.argmin(score))
            if score[place] < getattr(self, name)[0]:
                design = plain(self.problem, rows, place)
                setattr(self, name, (float(score[place]), design))
        return cost, worst

    def run(self):
        index, units, width = self.grid()
        cost, worst = self.measure(index, units)
        for rank in self.rankings(cost, worst)[bool(self.least[0] < -CLEARLY) :]:
            self.shrink(rank, index, units, cost, worst, width)
        cost, design = self.best
        sign = -1.0 if self.problem.objective.maximize else 1.0
        return Truth(
            exact=False,
            candidates=self.count,
            best=None if design is None else sign * cost,
            design=design,
            least=self.least[0],
            nearest=self.least[1],
        )

    def grid(self):
        """Spread points over the box of every candidate."""
        each = max(_GRID_POINTS / self.count, 1.0) ** (1.0 / self.size)
        each = int(np.clip(each, 4, 81))
        ticks = np.linspace(0.0, 1.0, each)
        mesh = np.stack(np.meshgrid(*[ticks] * self.size, indexing="ij"), axis=-1)
        points = mesh.reshape(-1, self.size)
        index = np.repeat(np.arange(self.count), len(points))
        return index, np.tile(points, (self.count, 1)), 1.0 / (each - 1)

    def rankings(self, cost, worst):
        """Return ways to order designs: feasible, nearly so, and compromises."""
        finite = cost[np.isfinite(cost)]
        scale = np.median(np.abs(finite)) if len(finite) else 1.0
        scale = scale or 1.0

        def feasible(cost, worst):
            return np.where(worst <= 0.0, cost, np.inf)

        def nearest(cost, worst):
            return worst

        def priced(price):
            return lambda cost, worst: (
                cost / scale + price * np.maximum(np.minimum(worst, 1e6), 0.0)
            )

        return (nearest, *(priced(price) for price in _PRICES), feasible)

    def shrink(self, rank, index, units, cost, worst, width):
        """Follow the designs that `rank` puts first, each of another candidate."""
        score = rank(cost, worst)
        order = np.argsort(score, kind="stable")
        order = order[np.isfinite(score[order])]
        if not len(order):
            return
        most, fewest = _CENTRES
        _, first = np.unique(index[order], return_index=True)
        chosen = order[np.sort(first)][:most]
        # The very best may have several valleys.
        chosen = np.unique(np.concatenate([chosen, order[:fewest]]))
        at, held, now = units[chosen], index[chosen], score[chosen]
        fixed = self.steps()
        span = np.full(len(chosen), width)
        for turn in range(_ROUNDS):
            steps = np.concatenate([fixed, self.random.normal(size=(24, self.size))])
            tried = at[:, None] + span[:, None, None] * steps
            tried = np.clip(tried, 0.0, 1.0)
            rows = np.repeat(held, len(steps)), tried.reshape(-1, self.size)
            found = rank(*self.measure(*rows)).reshape(len(at), -1)
            row, place = np.arange(len(at)), np.argmin(found, axis=1)
            better = found[row, place] < now
            at = np.where(better[:, None], tried[row, place], at)
            now = np.where(better, found[row, place], now)
            span = span * np.where(better, 0.9 * _SHRINK**0.5, _SHRINK)
            if turn % _BETWEEN == _BETWEEN - 1 and len(at) > fewest:
                keep = np.argsort(now)[: max(int(_KEPT * len(at)), fewest)]
                at, held, now, span = at[keep], held[keep], now[keep], span[keep]

    def steps(self):
        """Return the fixed steps from a centre, over its width: a small grid."""
        if self.size > 3:
            return np.concatenate([np.eye(self.size), -np.eye(self.size)])
        ticks = np.linspace(-1.0, 1.0, 5 if self.size < 3 else 3)
        mesh = np.stack(np.meshgrid(*[ticks] * self.size, indexing="ij"), axis=-1)
        return mesh.reshape(-1, self.size)
