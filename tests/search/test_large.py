"""Studies of more splits than are held: families, pieces, stops, earlier designs."""

import dataclasses

import numpy as np
import pytest

from supernode_opt.batch.tally import counting
from supernode_opt.search import solve, streamed
from supernode_opt.search.bounds import bounds, split_bounds
from supernode_opt.search.enumerate import plans, take, whole_candidates
from supernode_opt.search.families import (
    anywhere,
    bounded,
    copies,
    list_families,
    members,
    pieces,
)
from supernode_opt.search.inner import at_points
from supernode_opt.search.journal import Journal, Stranger
from supernode_opt.search.merit import objective_value
from supernode_opt.search.outlook import look
from supernode_opt.search.population import breed
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxations import kindest
from supernode_opt.search.solve import optimize
from supernode_opt.search.start import begin_with
from supernode_opt.search.streamed import Stream, stream
from supernode_opt.workload.split import (
    SIZES,
    SWITCHES,
    TooManySplits,
    first_broken,
)
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
    assert [int(weights[piece].sum()) for piece in cut] == [15, 4]
    ones = np.ones(20, int)
    cut = pieces(np.arange(20), ones, 8, 2)
    # 2, then 4, then 8, then 8, of which 6 are left.
    assert [len(piece) for piece in cut] == [2, 4, 8, 6]


@pytest.fixture(scope="module")
def held():
    return optimize(study(), PROOF_ONLY)


@pytest.fixture
def by_family(monkeypatch):
    """Let few splits be held, and fewer be listed at a time."""
    monkeypatch.setattr(solve, "HELD", 50)
    monkeypatch.setattr(streamed, "PIECE", 100)


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


def searched(journal, kept, most=np.inf):
    """Search all families, from where the journal is; stop after `most` pieces."""
    search = Search(study(), PROOF_ONLY, lambda _: None)
    outlook = look(study())
    families = bounded(study(), outlook, list_families(study(), 10**6))
    so_far = journal.resumed(search) or Stream()

    def keep(now):
        journal.keep(search, now)
        kept.append(journal.file.read_bytes())
        if len(kept) == most:
            raise Stop

    with counting(search.tally):
        return stream(search, outlook, families, so_far, keep)


def test_a_search_that_was_killed_goes_on_as_if_it_were_not(tmp_path, monkeypatch):
    # Small enough that the first finds leave more than two to look into.
    monkeypatch.setattr(streamed, "PIECE", 20)
    file, every, few, rest = tmp_path / "folder" / "search.npz", [], [], []
    whole = searched(Journal(file, "this", resume=False), every)
    assert len(every) > 2
    with pytest.raises(Stop):
        searched(Journal(file, "this", resume=False), few, 2)
    resumed = searched(Journal(file, "this", resume=True), rest)
    # To the last byte, after every piece.
    assert few + rest == every
    assert repr(whole) == repr(resumed)
    Journal(file, "this", resume=True).drop()
    assert not file.parent.exists()


def test_a_journal_of_another_question_is_refused(tmp_path):
    search = Search(study(), PROOF_ONLY, lambda _: None)
    file = tmp_path / "search.npz"
    assert Journal(file, "this", resume=True).resumed(search) is None
    Journal(file, "this", resume=False).keep(search, Stream(done=3))
    assert Journal(file, "this", resume=True).resumed(search).done == 3
    assert Journal(file, "this", resume=False).resumed(search) is None
    with pytest.raises(Stranger, match="of another question"):
        Journal(file, "that", resume=True).resumed(search)
    file.write_bytes(b"not a search")
    with pytest.raises(Stranger, match="cannot be read"):
        Journal(file, "this", resume=True).resumed(search)


def test_what_is_left_open_is_said_with_its_gap(by_family):
    few = dataclasses.replace(PROOF_ONLY, maximum_candidates=1)
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
    search = Search(study(), PROOF_ONLY, lambda _: None)
    assert begin_with(search, held.design) == "feasible here"
    found = objective_value(search.best.built.cost, study().objective)
    assert found == pytest.approx(held.objective, rel=1e-6)


def test_an_earlier_design_that_cannot_be_here_is_left_out(held):
    search = Search(study(), PROOF_ONLY, lambda _: None)

    def told(**changes):
        return begin_with(search, {**held.design, **changes})

    assert told(chips=65.0) == "not legal here: 65 chips are not allowed"
    assert "attention heads" in told(tensor_parallel=3.0)
    assert "scale_up_link dsp is not allowed" in told(scale_up_link="dsp")
    assert "scale_up_domain 24 is not allowed" in told(scale_up_domain=24.0)
    assert search.best is None


def test_evaluations_are_those_that_were_made(held):
    # Bounds of plans, descents of what they leave, their polish and prices.
    solved = 720 * held.certificate["solved"]
    assert solved < held.evaluations < 10**6 + 20 * solved


def test_what_is_bred_is_legal_and_no_worse_than_its_parents():
    fit = plans(EXPERTS, 10**6)
    few = whole_candidates(EXPERTS, take(fit, slice(0, len(fit["chips"]), 97)))
    points = np.full((len(few["chips"]), 6), 0.5)
    cost, values = at_points(EXPERTS, few, points)
    best = cost[np.max(values, axis=1) <= 0.0].min()
    bred = breed(EXPERTS, few, points, 0)
    again = breed(EXPERTS, few, points, 0)
    assert np.array_equal(bred.score, again.score)
    assert np.tan(bred.score[0] + 4.0) <= best
    given = EXPERTS.scenario
    split = {name: bred.columns[name] for name in (*SIZES, *SWITCHES)}
    assert set(first_broken(split, given.model, given.training)) == {-1}
