"""Layouts of machines that serve, listed by the search and by trial of every size."""

import types

import numpy as np
import pytest

from supernode_opt.workload.pools import (
    Machine,
    enumerate_pools,
    illegal,
    layouts,
    listed,
    pool_sizes,
    redundant,
)
from supernode_opt.workload.split import TooManySplits

MODEL = types.SimpleNamespace(heads=4.0, layers=3.0, experts=6.0)
DENSE = types.SimpleNamespace(heads=4.0, layers=3.0, experts=0.0)
WIDE = (1.0, 100.0)


def test_layouts_of_eight_ranks_by_hand():
    """Tensor 1, 2, 4 with as many groups as fill 8; experts in one or in all ranks."""
    one = (1.0, 1.0)
    found = set(layouts(MODEL, 8, [WIDE, WIDE, WIDE, one]))
    groups = {1: (1, 2, 4, 8), 2: (1, 2, 4), 4: (1, 2)}
    expected = {
        (tensor, data, expert, 1)
        for tensor, several in groups.items()
        for data in several
        for expert in {1, tensor * data}
    }
    assert found == expected
    assert set(layouts(DENSE, 8, [WIDE, WIDE, WIDE, one])) == {
        (1, 1, 1, 1),
        (2, 1, 1, 1),
        (4, 1, 1, 1),
    }


def test_the_fewest_copies_that_fill_the_ranks():
    """6 experts on 4 ranks need 2 copies, on 8 as many."""
    assert [redundant(MODEL, n, (0.0, 6.0)) for n in (1, 2, 3, 4, 8, 16)] == [
        0,
        0,
        0,
        2,
        2,
        None,
    ]
    assert redundant(MODEL, 4, (3.0, 6.0)) == 6
    assert redundant(DENSE, 1, (0.0, 0.0)) == 0


def test_pools_are_whole_boards_and_leave_one_for_decode():
    assert pool_sizes(Machine(32, 8, 2), (0.0, 32.0)) == [0, 8, 16, 24]
    assert pool_sizes(Machine(32, 8, 2), (4.0, 16.0)) == [8, 16]
    assert pool_sizes(Machine(32, 8, 2), (12.0, 12.0)) == [12]


def test_values_to_try():
    assert listed("draft_tokens", (0.0, 2.0)) == [0.0, 1.0, 2.0]
    assert listed("prefill_tokens", (3000.0, 9000.0)) == [
        3000.0,
        4096.0,
        8192.0,
        9000.0,
    ]
    assert listed("decode_batch", (0.0, 0.0)) == [0.0]


RANGES = dict.fromkeys(
    (
        "tensor_parallel",
        "attention_data_parallel",
        "expert_parallel",
        "prefill_tensor_parallel",
        "prefill_attention_data_parallel",
        "prefill_expert_parallel",
    ),
    WIDE,
) | {
    "pipeline_parallel": (1.0, 1.0),
    "prefill_pipeline_parallel": (1.0, 1.0),
    "prefill_chips": (0.0, 8.0),
    "redundant_experts": (0.0, 6.0),
    "draft_tokens": (0.0, 1.0),
    "decode_batch": (0.0, 0.0),
    "prefill_tokens": (8192.0, 8192.0),
}


def test_every_layout_that_is_listed_is_legal():
    machine = Machine(8, 4, 1)
    rows = enumerate_pools(MODEL, [machine], RANGES, {"dual_batch": (0, 1)}, 10_000)
    count = len(rows["chips"])
    table = np.stack([rows[name] for name in sorted(rows)])
    assert len(np.unique(table, axis=1)[0]) == count
    for k in range(0, count, 7):
        values = {name: float(column[k]) for name, column in rows.items()}
        assert illegal(values, MODEL, machine) == ""
    assert set(rows["prefill_chips"]) == {0.0, 4.0}
    with pytest.raises(TooManySplits, match="legal layouts to serve with"):
        enumerate_pools(MODEL, [machine], RANGES, {"dual_batch": (0, 1)}, count - 1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"tensor_parallel": 3.0}, "tensor_parallel must divide the 4 attention"),
        ({"prefill_chips": 8.0}, "prefill_chips must leave chips for decode"),
        ({"pipeline_parallel": 4.0}, "pipeline_parallel must be at most the 3"),
        (
            {
                "tensor_parallel": 2.0,
                "attention_data_parallel": 2.0,
                "expert_parallel": 3.0,
            },
            "expert_parallel must divide the 4 ranks of a stage",
        ),
        (
            {"expert_parallel": 4.0, "redundant_experts": 0.0},
            "expert_parallel must divide the 6 experts with their copies",
        ),
        (
            {
                "prefill_chips": 4.0,
                "prefill_tensor_parallel": 4.0,
                "prefill_attention_data_parallel": 2.0,
                "prefill_pipeline_parallel": 1.0,
            },
            "instances of 8 ranks, which do not fill the 4 ranks of prefill",
        ),
    ],
)
def test_what_is_illegal_is_told(values, said):
    assert said in illegal(values, MODEL, Machine(8, 4, 1))
