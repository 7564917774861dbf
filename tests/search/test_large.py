"""Studies of more splits than are held: families, pieces, stops, earlier designs."""

import dataclasses

import numpy as np
import pytest

from supernode_opt.search import large, solve, streamed
from supernode_opt.search.bounds import bounds, split_bounds
from supernode_opt.search.enumerate import plans, take
from supernode_opt.search.families import (
    anywhere,
    bounded,
    copies,
    list_families,
    members,
    order,
    pieces,
)
from supernode_opt.search.journal import Journal, Stranger
from supernode_opt.search.outlook import look
from supernode_opt.search.relaxations import kindest
from supernode_opt.search.solve import optimize
from supernode_opt.workload.split import TooManySplits
from tests.search import studies
from tests.search.test_solve import PROOF_ONLY, SHOWN, study

EXPERTS = studies.problem(
    given=studies.scenario(studies.EXPERTS),
    free=(
        "chips",
        "tensor_parallel",
        "pipeline_parallel",
        "expert_parallel",
        "micro_batch",
        "interleave",
        "recompute",
        "optimizer_sharding",
        "sequence_parallel",
    ),
)


def rows_of(columns):
    return sorted(zip(*(columns[n].tolist() for n in sorted(columns)), strict=True))


@pytest.mark.parametrize("problem", [study(), EXPERTS], ids=["dense", "experts"])
def test_families_hold_every_legal_split_once(problem):
    families, every = list_families(problem, 10**6), plans(problem, 10**6)
    assert rows_of(members(problem, families)) == rows_of(every)
    assert families.splits.sum() == len(every["chips"])
    assert len(families.splits) < len(every["chips"])
    some = members(problem, families.rows(slice(3, 5)))
    assert len(some["chips"]) == families.splits[3:5].sum()


def test_too_many_families_are_an_error():
    with pytest.raises(TooManySplits):
        list_families(EXPERTS, 100)


@pytest.mark.parametrize("problem", [study(), EXPERTS], ids=["dense", "experts"])
def test_a_bound_of_a_family_is_below_those_of_its_members(problem):
    outlook = look(problem)
    families = list_families(problem, 10**6)
    some = np.random.default_rng(3).choice(len(families.splits), 60, replace=False)
    families = bounded(problem, outlook, families.rows(some))
    named = {**families.columns, "family": np.arange(60)}
    every = members(problem, families._replace(columns=named))
    who = every.pop("family")
    alone = split_bounds(outlook, every)
    kind = kindest(outlook, {0, 1, 2})
    own = np.maximum(bounds(outlook, anywhere(problem, every), kind), alone.cost)
    own = np.where(alone.violation > 1e-9, np.inf, own)
    for found, values in ((families.violation, alone.violation), (families.bound, own)):
        least = np.full(60, np.inf)
        np.minimum.at(least, who, values)
        assert np.all(found <= least + 1e-9)
    # It says something of those that fit: mostly as much as their members do.
    fit = np.isfinite(families.bound)
    assert fit.sum() > 3
    least = np.full(60, np.inf)
    np.minimum.at(least, who, own)
    assert np.median(least[fit] - families.bound[fit]) < 0.2


def test_copies_count_what_grows_from_a_split():
    problem = study()
    grown = copies(problem, plans(problem, 10**6)["chips"])
    assert set(grown) == {1}
    wide = studies.problem(free=("scale_up_domain", "scale_up_link"))
    # Boards of 8 among 64 chips: domains of 8, 16, 32 and 64, with three links.
    assert copies(wide, np.array([64.0])) == 12


def test_pieces_keep_the_order_and_their_size():
    weights = np.array([5, 1, 9, 2, 2])
    cut = pieces(np.array([2, 0, 1, 4, 3]), weights, 8)
    assert np.concatenate(cut).tolist() == [2, 0, 1, 4, 3]
    assert [int(weights[piece].sum()) for piece in cut] == [9, 6, 4]


@pytest.fixture(scope="module")
def held():
    return optimize(study(), PROOF_ONLY)


@pytest.fixture
def by_family(monkeypatch):
    """Let few splits be held, and fewer be listed at a time."""
    monkeypatch.setattr(solve, "HELD", 50)
    monkeypatch.setattr(streamed, "PIECE", 40)


def test_family_by_family_the_answer_is_the_same(held, by_family):
    found = optimize(study(), PROOF_ONLY)
    assert found.status in SHOWN
    assert found.objective == pytest.approx(held.objective, rel=1e-6)
    facts = found.certificate
    assert facts["candidates"] == held.certificate["candidates"]
    assert facts["families_open"] == facts["open"] == 0
    assert facts["candidates"] == (
        facts["excluded_by_memory"]
        + facts["excluded_by_bound"]
        + facts["dominated"]
        + facts["solved"]
    )


class Stop(Exception):
    """A stop as hard as a kill."""


def test_a_search_that_was_killed_goes_on_to_the_same_answer(tmp_path, by_family):
    file, kept = tmp_path / "folder" / "search.npz", []

    def tell():
        kept.append(file.read_bytes())
        if len(kept) == stops:
            raise Stop

    stops = 0
    journal = Journal(file, "this", resume=False, tell=tell)
    whole = optimize(study(), PROOF_ONLY, journal=journal)
    assert len(kept) > 2
    stops, kept[:] = 2, []
    with pytest.raises(Stop):
        optimize(study(), PROOF_ONLY, journal=journal)
    stops = 0
    again = Journal(file, "this", resume=True)
    resumed = optimize(study(), PROOF_ONLY, journal=again)
    changing = {"wall_s": 0.0, "certificate": {}}
    one, other = (dataclasses.replace(s, **changing) for s in (whole, resumed))
    assert repr(one) == repr(other)
    facts = [dict(s.certificate) for s in (whole, resumed)]
    for one in facts:
        one.pop("open_time_s")
    assert facts[0] == facts[1]
    again.drop()
    assert not file.parent.exists()


def test_a_journal_of_another_question_is_refused(tmp_path, by_family):
    file = tmp_path / "search.npz"
    optimize(study(), PROOF_ONLY, journal=Journal(file, "this", resume=False))
    with pytest.raises(Stranger, match="of another question"):
        optimize(study(), PROOF_ONLY, journal=Journal(file, "that", resume=True))
    file.write_bytes(b"not a search")
    with pytest.raises(Stranger, match="cannot be read"):
        optimize(study(), PROOF_ONLY, journal=Journal(file, "this", resume=True))


def test_what_is_left_open_is_said_with_its_gap(by_family):
    few = dataclasses.replace(PROOF_ONLY, maximum_candidates=400, maximum_solves=40)
    found = optimize(study(), few)
    facts = found.certificate
    assert found.status == "best found"
    assert facts["open"] > 0
    assert 0.0 < facts["gap"] < 1.0
    assert "neither excluded nor solved" in found.message


def test_nothing_that_fits_is_said_of_families_too(by_family):
    small = dataclasses.replace(studies.CHIP, hbm_capacity=4e9)
    given = dataclasses.replace(studies.scenario(), chip=small)
    asked = dataclasses.replace(study(), scenario=given)
    found = optimize(asked, PROOF_ONLY)
    assert found.status == "infeasible"
    assert found.relaxation[0][0] == "memory_fraction"


def test_limits_that_exclude_each_other_are_found_by_families_too(by_family):
    found = optimize(study(tokens=9.0e5), PROOF_ONLY)
    assert found.status == "infeasible"
    assert set(dict(found.relaxation)) >= {"tokens_per_s"}


def test_an_earlier_design_is_the_first(held):
    found = optimize(study(), PROOF_ONLY, start=held.design)
    assert found.certificate["start"] == "feasible here"
    assert found.objective == pytest.approx(held.objective, rel=1e-9)
    assert found.certificate["solved"] <= held.certificate["solved"]


def test_an_earlier_design_that_cannot_be_here_is_left_out(held):
    told = optimize(study(), PROOF_ONLY, start={**held.design, "chips": 65.0})
    assert told.certificate["start"] == "not legal here: 65 chips are not allowed"
    assert told.objective == held.objective
    other = optimize(study(), PROOF_ONLY, start={**held.design, "tensor_parallel": 3.0})
    assert "attention heads" in other.certificate["start"]


def test_evaluations_are_those_that_were_made(held):
    # Bounds of every plan, descents of what they leave, and their polish.
    assert held.evaluations > held.certificate["candidates"]
    assert held.evaluations < 100 * 720 + 720 * held.certificate["solved"] + 10**6
    assert large.HELD >= 10_000
    assert take(plans(study(), 10**6), [0])["chips"] == 64
    assert len(order(list_families(study(), 10**6))) > 0
