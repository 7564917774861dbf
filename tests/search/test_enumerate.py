"""What there is to try, counted on paper: chips, domains, links."""

import numpy as np
import pytest

from supernode_opt.problem.variables import Choice, Variable
from supernode_opt.search.enumerate import (
    chip_counts,
    count_candidates,
    domains,
    ends,
    plans,
    positions,
    tilable,
    with_domains,
    with_links,
)
from tests.search import studies


def chips_of(low, high, step=None):
    free = Variable("chips", low, high, step=step)
    return chip_counts(studies.problem(free=(free,)))


def test_chips_are_whole_boards_from_end_to_end():
    """Boards of eight: both ends of the box are part of it."""
    assert chips_of(16.0, 48.0) == [16, 24, 32, 40, 48]
    assert chips_of(17.0, 47.0) == [24, 32, 40]
    assert chips_of(16.0, 16.0) == [16]
    assert chip_counts(studies.problem(chips=24.0)) == [24]


def test_chips_on_a_grid_reach_its_top():
    assert chips_of(64.0, 192.0, 64.0) == [64, 128, 192]
    assert chips_of(64.0, 200.0, 64.0) == [64, 128, 192]
    # Of 12, 24, 36 and 48 chips those that fill boards of eight.
    assert chips_of(12.0, 48.0, 12.0) == [24, 48]


def domains_of(chips, low=8.0, high=1024.0):
    free = Variable("scale_up_domain", low, high)
    return domains(studies.problem(free=(free,)), chips)


def test_domains_tile_the_machine_in_whole_boards():
    """48 chips are six boards: one, two, three or all six of them make a domain."""
    assert domains_of(48) == [8.0, 16.0, 24.0, 48.0]
    assert domains_of(8) == [8.0]
    assert domains_of(48, 16.0, 24.0) == [16.0, 24.0]
    assert domains_of(48, 17.0, 23.0) == []
    # A machine without whole boards is one domain, whatever its size.
    assert domains_of(12) == [12.0]
    assert domains_of(12, 16.0) == []
    assert domains(studies.problem(scale_up_domain=40.0), 48) == [40.0]


def test_a_whole_machine_may_be_one_domain_where_domains_are_free():
    problem = studies.problem(
        free=(Variable("chips", 8.0, 24.0), Variable("scale_up_domain", 8.0, 64.0))
    )
    rows = {"chips": np.asarray([8, 24])}
    wide = with_domains(rows, problem)
    pairs = list(zip(wide["chips"].tolist(), wide["scale_up_domain"], strict=True))
    assert pairs == [(8, 8.0), (24, 8.0), (24, 24.0)]
    # Three links each way; the domains of 8 and 24 chips are one and two.
    linked = Choice("scale_up_link", ("lpo", "copper"))
    problem = studies.problem(
        free=(*problem.variables, linked, Choice("scale_out_link", ("dsp",)))
    )
    assert positions(problem, "scale_up_link") == (1, 0)
    assert positions(problem, "scale_out_link") == (2,)
    assert positions(problem, "recompute") == (1,)
    every = with_links(wide, problem)
    assert every["scale_up_link"].tolist() == [1, 0] * 3
    assert every["scale_out_link"].tolist() == [2] * 6
    assert count_candidates(rows, problem) == 6


def test_plans_that_no_domain_tiles_are_dropped():
    free = (Variable("chips", 16.0, 48.0), Variable("scale_up_domain", 32.0, 40.0))
    problem = studies.problem(free=free)
    rows = {"chips": np.asarray([16, 24, 32, 32, 40, 48])}
    # 16, 24 and 48 chips have domains of 8, 16, 24 and 48 only.
    assert tilable(problem, rows)["chips"].tolist() == [32, 32, 40]


def test_ends_of_a_frozen_and_of_a_free_number():
    problem = studies.problem(free=(Variable("clock", 0.5, 0.75),))
    assert ends(problem, "clock") == (0.5, 0.75)
    assert ends(problem, "chips") == (64.0, 64.0)


@pytest.mark.parametrize(
    ("level", "tensors"), [("zero0", [1, 2, 4, 8]), ("zero1", [1, 2, 4]), ("zero3", [])]
)
def test_plans_of_a_small_machine(level, tensors):
    """16 chips in two stages: tensor 1, 2, 4 or 8 with data parallel 8, 4, 2 or 1.

    With data parallel of one there is nothing to shard; ZeRO-3 needs a single stage.
    """
    problem = studies.problem(
        free=(Variable("tensor_parallel", 1.0, 8.0),),
        chips=16.0,
        sequence_parallel="off",
        optimizer_sharding=level,
    )
    assert sorted(plans(problem, 100)["tensor_parallel"].tolist()) == tensors
