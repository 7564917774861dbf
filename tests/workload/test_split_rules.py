"""Each rule of a legal split, on either side of it."""

import dataclasses

import pytest

from supernode_opt.workload.sizes import divisors
from supernode_opt.workload.split import SIZES, SWITCHES, enumerate_splits, legal
from tests.plain import DENSE, EXPERTS, TRAINING

# 4 heads, 8 hidden and 12 FFN channels, 6 layers; 16 tokens, 32 sequences.
NOTHING = dict.fromkeys(SIZES, 1) | dict.fromkeys(SWITCHES, 0) | {"chips": 16}
SPLIT = {
    "tensor_parallel": 2,
    "pipeline_parallel": 2,
    "context_parallel": 2,
    "micro_batch": 4,
    "interleave": 3,
    "optimizer_sharding": 2,
    "sequence_parallel": 1,
}
# 16 / (2 * 2 * 2) = 2 replicas of 16 sequences: four micro-batches of four.

LEGAL = [
    SPLIT,
    {"tensor_parallel": 4, "sequence_parallel": 0},
    # Six stages of one layer each; five of two would leave the last without any.
    {"chips": 6, "pipeline_parallel": 6, "global": 1},
    {"context_parallel": 8},
    {"micro_batch": 2},
    SPLIT | {"interleave": 1, "micro_batch": 16},
    # Three chunks of two layers, and one that has the head alone.
    SPLIT | {"interleave": 2},
    {"optimizer_sharding": 3},
    {"chips": 2, "context_parallel": 2, "optimizer_sharding": 1},
]
ILLEGAL = [
    (SPLIT | {"tensor_parallel": 8, "chips": 64}, "attention heads"),
    # 16 / 2 tokens a rank are halved once more, for a causal ring.
    ({"context_parallel": 16}, "context_parallel"),
    (SPLIT | {"chips": 12}, "multiple of tensor"),
    ({"chips": 12}, "divide the global batch"),
    ({"micro_batch": 4}, "micro_batch * data parallel"),
    # Eight chunks of one layer lack two, and four do not divide three layers.
    (SPLIT | {"interleave": 4}, "interleave"),
    # One micro-batch over two stages is no whole round.
    (SPLIT | {"micro_batch": 16, "interleave": 3}, "interleave"),
    ({"interleave": 2}, "interleave"),
    ({"expert_parallel": 2}, "dense model"),
    ({"chips": 1, "optimizer_sharding": 1}, "zero0"),
    (SPLIT | {"optimizer_sharding": 3}, "zero3"),
    ({"sequence_parallel": 1}, "sequence_parallel"),
    ({"pipeline_parallel": 4}, "every pipeline stage"),
    ({"pipeline_parallel": 5, "chips": 10}, "every pipeline stage"),
]


def reason(change, model=DENSE):
    batch = float(change.get("global", TRAINING.global_batch))
    split = NOTHING | {k: v for k, v in change.items() if k != "global"}
    return legal(split, model, dataclasses.replace(TRAINING, global_batch=batch))


@pytest.mark.parametrize("change", LEGAL)
def test_these_are_legal(change):
    assert reason(change) is None


@pytest.mark.parametrize(("change", "words"), ILLEGAL)
def test_these_are_not(change, words):
    assert words in reason(change)


def test_experts_fold_over_tensor_context_and_data():
    # 16 experts; 8 ranks of a stage.
    spread = {"chips": 16, "pipeline_parallel": 2, "tensor_parallel": 2}
    spread |= {"sequence_parallel": 1, "context_parallel": 2}
    assert reason(spread | {"expert_parallel": 8}, EXPERTS) is None
    assert "divide the 16 experts" in reason(spread | {"expert_parallel": 16}, EXPERTS)
    assert "divide the 16 experts" in reason(
        {"chips": 32, "expert_parallel": 32}, EXPERTS
    )
    assert "must be on" in reason(spread | {"sequence_parallel": 0}, EXPERTS)


def test_channels_that_do_not_divide_are_named():
    narrow = dataclasses.replace(DENSE, ffn=6.0)
    assert "6 FFN channels" in reason({"tensor_parallel": 4}, narrow)
    narrow = dataclasses.replace(DENSE, hidden=6.0, ffn=0.0)
    assert "6 hidden channels" in reason({"tensor_parallel": 4}, narrow)


def test_every_split_of_three_chips():
    """Of one head, three layers and three sequences, counted on paper.

    Pipeline 1: data 3 (micro-batch 1), or context 3 of 18 tokens (data 1, micro-batches
    1 and 3).  Pipeline 3: micro-batches 1 and 3, no interleave: a stage has one layer.
    Sharding: 4 levels where data or context is more than one, else one.
    """
    tiny = dataclasses.replace(DENSE, heads=1.0, layers=3.0, dense_layers=3.0)
    training = dataclasses.replace(TRAINING, sequence_length=18.0, global_batch=3.0)
    switches = {
        "recompute": [1],
        "optimizer_sharding": [0, 1, 2, 3],
        "sequence_parallel": [0, 1],
    }
    found = enumerate_splits(tiny, training, (3,), {}, switches)
    names = ("pipeline_parallel", "context_parallel", "micro_batch")
    kinds = list(zip(*(found[name].tolist() for name in names), strict=True))
    counted = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counted == {
        (1, 1, 1): 4,
        (1, 3, 1): 4,
        (1, 3, 3): 4,
        (3, 1, 1): 1,
        (3, 1, 3): 1,
    }
    few = enumerate_splits(tiny, training, (3,), {"micro_batch": (3.0, 3.0)}, switches)
    assert len(few["chips"]) == 5


def test_chunks_of_sixty_one_layers():
    """Two stages of eight chunks of four hold three more; none of seven does so."""
    deep = dataclasses.replace(DENSE, layers=61.0, dense_layers=61.0)
    split = {"chips": 2, "pipeline_parallel": 2}
    legal_chunks = [
        v for v in range(1, 62) if not reason(split | {"interleave": v}, deep)
    ]
    # 16 chunks of 4 layers and 4 of 16 lack 3, 8 of 8 too; 62 of one lack one.
    assert {1, 2, 4, 8, 31} < set(legal_chunks)
    # 14 of 5 lack 9, 60 of 2 lack 59 and 64 of 1 lack 3.
    assert not {7, 30, 32} & set(legal_chunks)
    switches = {name: [0] for name in SWITCHES}
    ranges = {"pipeline_parallel": (2.0, 2.0), "micro_batch": (1.0, 1.0)}
    found = enumerate_splits(deep, TRAINING, (2,), ranges, switches)
    assert found["interleave"].tolist() == legal_chunks


@pytest.mark.parametrize(
    ("stages", "first", "last", "holds"),
    [
        # 2 + 14 * 4 + 3, and 1 + 15 * 4.
        (16, 2.0, 3.0, True),
        (16, 1.0, 0.0, True),
        # 56 over 27 are three on each, and 26 hold 78 already.
        (29, 2.0, 3.0, False),
        (2, 30.0, 31.0, True),
        # Nobody holds the last layer; nothing is left for a third stage.
        (2, 30.0, 30.0, False),
        (3, 30.0, 31.0, False),
        (3, 30.0, 40.0, False),
        # A single stage has no ends.
        (1, 2.0, 3.0, True),
    ],
)
def test_stages_between_short_ends(stages, first, last, holds):
    deep = dataclasses.replace(DENSE, layers=61.0, dense_layers=61.0)
    training = dataclasses.replace(
        TRAINING, first_stage_layers=first, last_stage_layers=last
    )
    split = NOTHING | {"chips": stages, "pipeline_parallel": stages}
    found = legal(split, deep, training)
    assert found is None if holds else "every pipeline stage" in found
    switches = {name: [0] for name in SWITCHES}
    ranges = {"pipeline_parallel": (stages, stages), "interleave": (1.0, 1.0)}
    rows = enumerate_splits(deep, training, (stages,), ranges, switches)
    assert bool(len(rows["chips"])) == holds


def test_a_single_layer_has_splits():
    tiny = dataclasses.replace(DENSE, layers=1.0, dense_layers=1.0)
    switches = {name: [0] for name in SWITCHES}
    found = enumerate_splits(
        tiny, TRAINING, (1,), {"micro_batch": (1.0, 1.0)}, switches
    )
    assert found["interleave"].tolist() == [1]


def test_divisors():
    assert divisors(36) == [1, 2, 3, 4, 6, 9, 12, 18, 36]
    assert divisors(7) == [1, 7]
