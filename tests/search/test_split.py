"""Enumeration of splits against trying everything."""

import itertools

import numpy as np
import pytest

from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.split import (
    SIZES,
    SWITCHES,
    TooManySplits,
    enumerate_splits,
    legal,
)

TRAINING = Training(sequence_length=16.0, global_batch=8.0)
EVERY = {
    "recompute": [0, 1, 2],
    "optimizer_sharding": [0, 1, 2, 3],
    "sequence_parallel": [0, 1],
}


def tiny(experts=0.0):
    return Model(
        layers=6.0,
        hidden=64.0,
        heads=4.0,
        kv_heads=2.0,
        head_dim=16.0,
        ffn=128.0,
        vocabulary=100.0,
        dense_layers=6.0 if experts == 0.0 else 1.0,
        experts=experts,
        top_k=2.0 if experts else 0.0,
        expert_ffn=32.0 if experts else 0.0,
    )


@pytest.mark.parametrize("experts", [0.0, 4.0])
def test_enumeration_equals_brute_force(experts):
    model, switches = tiny(experts), {**EVERY, "recompute": [1]}
    found = enumerate_splits(model, TRAINING, (8,), {}, switches)
    rows = {
        tuple(int(found[name][k]) for name in SIZES + SWITCHES)
        for k in range(len(found["chips"]))
    }
    assert len(rows) == len(found["chips"])
    sizes = (
        (8,),
        (1, 2, 3, 4),
        range(1, 7),
        (1, 2, 3, 4, 8),
        (1, 2, 3, 4, 8),
        (1, 2, 3, 6),
        (1, 2, 3, 4),
    )
    expected = {
        row
        for row in itertools.product(*sizes, *switches.values())
        if legal(dict(zip(SIZES + SWITCHES, row, strict=True)), model, TRAINING) is None
    }
    assert rows == expected
    assert len(rows) > 100


def test_ranges_and_switches_restrict():
    found = enumerate_splits(
        tiny(),
        TRAINING,
        (8,),
        {"tensor_parallel": (2.0, 2.0)},
        {**EVERY, "recompute": [2]},
    )
    assert set(found["tensor_parallel"]) == {2}
    assert set(found["recompute"]) == {2}


def test_too_many_is_an_error():
    with pytest.raises(TooManySplits):
        enumerate_splits(tiny(), TRAINING, (8,), {}, EVERY, limit=10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tensor_parallel": 3}, "attention heads"),
        ({"pipeline_parallel": 4}, "every pipeline stage"),
        ({"pipeline_parallel": 3}, "multiple of tensor"),
        ({"micro_batch": 5}, "micro_batch"),
        ({"interleave": 2}, "interleave"),
        ({"expert_parallel": 2}, "dense model"),
        ({"sequence_parallel": 1}, "sequence_parallel"),
        ({"context_parallel": 16}, "context_parallel"),
        ({"pipeline_parallel": 2, "optimizer_sharding": 3}, "zero3"),
        ({"micro_batch": 1.5}, "whole number"),
    ],
)
def test_reasons(change, words):
    split = dict.fromkeys(SIZES, 1) | dict.fromkeys(SWITCHES, 0) | {"chips": 8}
    assert legal(split, tiny(), TRAINING) is None
    assert words in legal(split | change, tiny(), TRAINING)


def test_no_split_gives_empty_columns():
    found = enumerate_splits(tiny(), TRAINING, (7,), {"micro_batch": (5.0, 5.0)}, EVERY)
    assert all(len(column) == 0 for column in found.values())
    assert isinstance(found["chips"], np.ndarray)
