"""What is built of relaxed points, and in which order."""

from types import SimpleNamespace

import numpy as np

from supernode_opt.problem.variables import from_unit
from supernode_opt.search import descent
from supernode_opt.search.inner import exact_merit
from supernode_opt.search.merit import box_data
from tests.search import studies


def test_the_most_promising_candidate_is_built_first_from_the_best_point(monkeypatch):
    problem = studies.problem(free=("chips", "scale_up_bandwidth", "clock"))
    moved = {
        v.name: np.asarray([0.9 * v.low + 0.1 * v.high, v.high])
        for v in problem.variables
    }
    points = SimpleNamespace(cost=np.zeros(2), numbers=moved)
    around = {"chips": np.asarray([64.0, 32.0])}
    monkeypatch.setattr(descent, "nearest", lambda *_: around)
    done = []
    search = SimpleNamespace(
        problem=problem,
        best=None,
        consider=lambda row, point: done.append((row, point)),
        solve=lambda columns: done.append(columns),
        tell=lambda stage, share: done.append(share),
    )
    descent.build(search, None, {}, points)
    (row, point), first, rest, last = done
    assert row["chips"] == 64.0
    assert (first, last) == (0.0, 1.0)
    assert rest is around
    # The best relaxed point has every variable near its low end.
    names = exact_merit(problem).names
    box = box_data(problem, names)
    found = np.asarray(from_unit(point, box["low"], box["high"], box["log"]))
    for name, value in zip(names, found, strict=True):
        expected = moved[name][0] if name in moved else float(problem.fixed[name])
        np.testing.assert_allclose(value, expected, rtol=1e-9)
    # With a design at hand the others are solved at once.
    search.best, done[:] = object(), []
    descent.build(search, None, {}, points)
    assert done == [around, 1.0]
