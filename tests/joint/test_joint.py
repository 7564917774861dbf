"""One machine for two jobs: against brute force, and stopped and gone on with."""

import dataclasses
import itertools

import numpy as np
import pytest

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.joint.jobs import prepared
from supernode_opt.joint.journal import Journal
from supernode_opt.joint.machines import machines_of
from supernode_opt.joint.search import Effort, Joint
from supernode_opt.joint.wish import Wish
from supernode_opt.problem.constraints import all_constraints, normalised
from supernode_opt.problem.variables import Variable
from supernode_opt.reading.node import StudyError
from supernode_opt.search.enumerate import (
    LINKS,
    cross,
    plans,
    positions,
    take,
    whole_candidates,
)
from tests.search import studies

MODELS = {"dense": (studies.DENSE, 256.0), "experts": (studies.EXPERTS, 512.0)}
SPLIT = (
    "tensor_parallel",
    Variable("pipeline_parallel", 1.0, 2.0),
    "expert_parallel",
    Variable("micro_batch", 1.0, 2.0),
)
MACHINE = (
    Variable("chips", 32.0, 64.0, step=16.0),
    Variable("scale_up_domain", 8.0, 64.0),
    *LINKS,
)
PORTS = (
    Variable("scale_up_bandwidth", 56e9, 784e9),
    Variable("scale_out_bandwidth", 14e9, 98e9),
    Variable("clock", 0.3, 1.2, "linear"),
    Variable("coolant_flow", 5e-6, 5e-5),
)
EFFORT = Effort(0.002, 1e-6, 20_000, 600.0, True, 0)
TWO = Wish(np.array([0.75, 0.25]), np.zeros(2), False)


def jobs_of(hardware):
    """Prepare both jobs with the machine's numbers in `hardware` free as well."""
    made = []
    for name, (model, batch) in MODELS.items():
        problem = studies.problem(
            given=studies.scenario(model, batch),
            free=(*MACHINE, *SPLIT, *hardware),
            objective=("tokens_per_s", True),
            constraints=(("power", 55e3, True), ("tokens_per_s", 1e4, False)),
            interleave=1.0,
        )
        made.append(prepared(name, problem, 10**6, lambda *_: None))
    return tuple(made)


@pytest.fixture(scope="module")
def built():
    return jobs_of(())


@pytest.fixture(scope="module")
def moving():
    return jobs_of(PORTS)


def searched(jobs, wish, effort=EFFORT):
    joint = Joint(machines_of(jobs), jobs, wish)
    course = joint.searched(joint.begun(), effort, lambda *_: None)
    joint.finish(course, effort)
    return course, joint.gap(course)


def costs_of(problem, rows):
    """Return the cost of every row, infinite where a limit is broken."""
    limits = all_constraints(problem)
    names = tuple(dict.fromkeys(("tokens_per_s", *(c.name for c in limits))))
    found = quantities(rows, nameless(problem.scenario), names)
    kept = np.all(
        [normalised(found[c.name], c.limit, c.at_most) <= 1e-9 for c in limits], axis=0
    )
    return np.where(kept, -np.log(found["tokens_per_s"]), np.inf)


def on_every_machine(jobs, rows_of):
    """Return, of every machine, the least cost of each job [machine, job]."""
    made = []
    for job in jobs:
        rows = rows_of(job.problem)
        place = np.stack([rows[n].astype(float) for n in KEYS if n in rows], axis=1)
        _, owner = np.unique(place, axis=0, return_inverse=True)
        best = np.full(int(owner.max()) + 1, np.inf)
        np.minimum.at(best, owner.reshape(-1), costs_of(job.problem, rows))
        made.append(best)
    return np.stack(made, axis=1)


KEYS = ("chips", "scale_up_domain", *LINKS, *(v.name for v in PORTS))


@pytest.mark.parametrize(
    "wish", [TWO, Wish(np.array([0.5, 0.5]), np.array([-12.0, -11.0]), True)]
)
def test_of_few_machines_the_best_of_all_is_found(built, wish):
    def rows_of(problem):
        rows = whole_candidates(problem, plans(problem, 10**6))
        numbers = [n for n in studies.NUMBER_NAMES if n not in rows]
        count = len(rows["chips"])
        return (
            rows
            | {n: np.full(count, float(problem.fixed[n])) for n in numbers}
            | {
                n: np.full(count, _position(problem, n), np.int32)
                for n in studies.CHOICE_NAMES
                if n not in rows
            }
        )

    truth = wish.cost(on_every_machine(built, rows_of))
    course, gap = searched(built, wish)
    assert np.isfinite(truth).sum() > 5
    assert course.best.cost == pytest.approx(truth.min(), abs=2e-9)
    assert gap <= 1e-6
    assert not len(course.boxes)


def _position(problem, name):
    return positions(problem, name)[0]


def test_no_machine_of_a_grid_is_better_than_bounds_say(moving):
    # Six boxes of lanes, clock and flow; every discrete machine, every split.
    grid = {
        "scale_up_bandwidth": [112e9, 280e9, 392e9],
        "scale_out_bandwidth": [14e9, 98e9],
        "clock": [0.5, 0.55, 0.6],
        "coolant_flow": [5e-6, 1.5e-5],
    }
    table = np.asarray(list(itertools.product(*grid.values())))
    points = dict(zip(grid, table.T, strict=True))

    def rows_of(problem):
        few = plans(problem, 10**6)
        few = take(few, few["chips"] == 64)
        rows = whole_candidates(problem, few)
        numbers = [n for n in studies.NUMBER_NAMES if n not in (*rows, *points)]
        count = len(rows["chips"])
        rows |= {n: np.full(count, float(problem.fixed[n])) for n in numbers}
        return cross(rows, points)

    truth = TWO.cost(on_every_machine(moving, rows_of))
    course, gap = searched(moving, TWO)
    assert gap <= EFFORT.gap
    assert np.isfinite(truth).any()
    assert course.best.cost <= truth.min()
    assert course.best.cost - np.log1p(gap) <= truth.min()
    # What is said of the best machine is what the exact model says of it.
    for j, job in enumerate(moving):
        row = take(job.splits, [int(course.best.splits[j])]) | course.best.machine
        fixed = {n: v for n, v in job.problem.fixed.items() if n not in row}
        row |= {n: np.asarray([float(v)]) for n, v in fixed.items() if _number(n)}
        row |= {
            n: np.asarray([_position(job.problem, n)]) for n in fixed if not _number(n)
        }
        assert costs_of(job.problem, row)[0] == pytest.approx(
            course.best.costs[j], abs=2e-9
        )


def _number(name):
    return name in studies.NUMBER_NAMES


class Killed(Exception):
    pass


def test_a_search_that_is_killed_goes_on_as_if_it_had_not_been(
    moving, tmp_path, monkeypatch
):
    joint = Joint(machines_of(moving), moving, TWO)
    effort = dataclasses.replace(EFFORT, gap=1e-3)
    through = joint.searched(joint.begun(), effort, lambda *_: None)
    assert len(through.history) > 5
    monkeypatch.setattr("supernode_opt.joint.journal._EVERY", 0.0)
    first = Journal(tmp_path, "key")

    def kill(course, gap):
        if len(course.history) == 4:
            raise Killed
        first.keep("both", course)

    with pytest.raises(Killed):
        joint.searched(joint.begun(), effort, kill)
    course = Journal(tmp_path, "key").read()["both"]
    assert len(course.history) == 3
    course = joint.searched(course, effort, lambda *_: None)
    assert course.history == through.history
    assert course.best.cost == through.best.cost
    assert course.best.machine == through.best.machine
    np.testing.assert_array_equal(course.best.splits, through.best.splits)
    np.testing.assert_array_equal(course.boxes.bound, through.boxes.bound)
    with pytest.raises(StudyError, match="another study"):
        Journal(tmp_path, "other").read()
    file = tmp_path / "joint.state"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StudyError, match="damaged"):
        Journal(tmp_path, "key").read()


def test_a_mean_and_a_worst_of_costs():
    costs = np.log([[2.0, 8.0], [4.0, 4.0]])
    half = np.array([0.5, 0.5])
    mean = Wish(half, np.zeros(2), False)
    # The geometric means of 2 and 8, and of 4 and 4.
    np.testing.assert_allclose(np.exp(mean.cost(costs)), [4.0, 4.0])
    worst = Wish(half, np.log([1.0, 4.0]), True)
    # Shares of their targets are 2 and 2, and 4 and 1.
    np.testing.assert_allclose(np.exp(worst.cost(costs)), [2.0, 4.0])
    # Beside 8, the first may cost 4.5 for a mean of 6, beside 4 it may cost 9.
    need = np.exp(mean.needed(costs, 0, np.log(6.0)))
    np.testing.assert_allclose(need, [4.5, 9.0])
    np.testing.assert_allclose(np.exp(worst.needed(costs, 1, np.log(3.0))), [12.0] * 2)
