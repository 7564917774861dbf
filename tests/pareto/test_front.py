"""Fronts against brute force: exact where all is tried, shown where it is not."""

import dataclasses

import numpy as np
import pytest

from supernode_opt.batch.exact import quantities
from supernode_opt.pareto.dominance import hypervolume
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.front import cloud, front_of
from supernode_opt.pareto.goals import Goals
from supernode_opt.pareto.journal import NAME, Journal
from supernode_opt.pareto.section import Section
from supernode_opt.problem.problem import Objective
from supernode_opt.search.enumerate import plans, whole_candidates
from supernode_opt.search.inner import complete, judged_rows
from supernode_opt.search.merit import program
from supernode_opt.search.settings import Settings
from tests.search.studies import problem

GOALS = Goals((Objective("mfu", True), Objective("power", False)))
SPLIT = ("tensor_parallel", "pipeline_parallel", "micro_batch")
QUICK = Settings(outer=0)


def quiet(what, done):
    pass


def fronted(given, section, journal=None):
    journal = journal or Journal(None, {}, False)
    epsilon = Epsilon.of(given, section.goals, QUICK, 0)
    return front_of(epsilon, section, journal, quiet)


def brute(losses):
    """Every point that no other beats, by comparing each with each."""
    kept = [
        one
        for one in losses
        if not ((losses <= one).all(axis=1) & (losses < one).any(axis=1)).any()
    ]
    return {tuple(float(f"{x:.9g}") for x in one) for one in kept}


@pytest.mark.parametrize(
    "names", [("mfu", "power"), ("tokens_per_s", "memory", "tokens_per_joule")]
)
def test_exact_where_every_candidate_is_tried(names):
    free = (*SPLIT, "recompute", "scale_up_domain", "scale_up_link")
    given = problem(free=free, constraints=[("mfu", 0.2, False)])
    senses = {"power": False, "memory": False}
    goals = Goals(tuple(Objective(n, senses.get(n, True)) for n in names))
    found = fronted(given, Section(goals, cloud=100))
    rows = complete(given, whole_candidates(given, plans(given, 10**6)))
    _, g = judged_rows(given, rows, program(given))
    values = quantities(rows, given.scenario, names)
    table = goals.signs * np.stack([values[n] for n in names], -1)
    table = table[g.max(axis=0) <= 1e-9]
    assert found.exact
    assert found.counts["feasible"] == len(table)
    assert found.unexplored == 0.0
    assert set(found.status) == {"proved"}
    best = {tuple(float(f"{x:.9g}") for x in one) for one in found.designs.losses}
    assert best == brute(np.unique(table, axis=0))
    assert found.hypervolume == pytest.approx(hypervolume(table, found.reference))


FREE = ("micro_batch", "scale_up_bandwidth", "clock")


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("front")
    section = Section(GOALS, searches=5, boxes=30_000, cloud=200)
    given = problem(free=FREE, constraints=[("mfu", 0.25, False)])
    journal = Journal(folder, {"asked": 1}, False)
    found = fronted(given, section, journal)
    journal.close()
    return given, section, folder, found


def test_a_front_is_shown_and_nothing_beats_it(searched):
    given, section, _, found = searched
    assert found.unexplored <= section.gap
    losses = found.designs.losses
    epsilon = Epsilon.of(given, GOALS, QUICK, 7)
    sample = cloud(epsilon, 4_000)
    assert len(sample) > 200
    # Of what is drawn anew nothing is better than the front by more than it says.
    for one in sample:
        kept = losses[:, 1] <= one[1]
        if kept.any():
            best = int(np.argmin(np.where(kept, losses[:, 0], np.inf)))
            least = losses[best, 0] * (1.0 + found.gap[best] + 1e-9)
            assert one[0] >= least
    both = np.concatenate([losses, sample])
    more = hypervolume(both, found.reference)
    assert more <= found.hypervolume * (1.0 + found.unexplored)


def test_every_point_is_a_design_that_keeps_its_limits(searched):
    given, _, _, found = searched
    designs = found.designs
    values = quantities(designs.rows, given.scenario, ("mfu", "power"))
    assert values["mfu"] == pytest.approx(-designs.losses[:, 0], rel=1e-12)
    assert values["power"] == pytest.approx(designs.losses[:, 1], rel=1e-12)
    assert (values["mfu"] >= 0.25 * (1 - 1e-9)).all()
    lanes = designs.rows["scale_up_bandwidth"] / 14e9
    inside = (designs.points[:, 0] > 1e-6) & (designs.points[:, 0] < 1 - 1e-6)
    assert lanes[inside] == pytest.approx(np.round(lanes[inside]), abs=1e-6)


def test_slopes_are_those_of_the_front(searched):
    _, _, _, found = searched
    losses = found.designs.losses
    for place in np.flatnonzero(found.searched):
        slope = found.slopes[place, 1]
        near = np.abs(losses[:, 1] / losses[place, 1] - 1.0) < 0.01
        if slope == 0.0 or near.sum() < 5 or not 0.3 < -losses[place, 0] < 0.45:
            continue
        fitted = np.polyfit(losses[near, 1], -losses[near, 0], 1)[0]
        assert slope == pytest.approx(fitted, rel=0.3)


def test_what_is_resumed_is_the_same(searched):
    given, section, folder, found = searched
    path = folder / NAME
    whole = path.read_bytes().splitlines(keepends=True)
    # Killed while the last search was written.
    path.write_bytes(b"".join(whole[:-1]) + whole[-1][:20])
    journal = Journal(folder, {"asked": 1}, True)
    assert len(journal.answers) == len(whole) - 2
    again = fronted(given, section, journal)
    journal.close()
    assert (again.designs.losses == found.designs.losses).all()
    assert (again.gap == found.gap).all()
    assert again.status == found.status


def test_without_a_design_the_ends_say_why():
    given = problem(free=FREE, constraints=[("power", 1e3, True)])
    found = fronted(given, Section(GOALS))
    assert found.designs is None
    assert found.ends[0].status == "infeasible"
    assert "power" in found.ends[0].message
    assert dataclasses.asdict(found)["hypervolume"] == 0.0
