"""Embedding, loss and layers that predict ahead on stages of their own, by hand."""

import dataclasses

import pytest

from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.system.job import rank_memory, rank_share
from supernode_opt.workload.split import SIZES, SWITCHES, legal
from tests.plain import EXPERTS, TRAINING, design, same, scenario
from tests.system.test_step_values import assembled

DEEP = dataclasses.replace(EXPERTS, layers=61.0, dense_layers=3.0)


def where(standalone="none", mtp_stage="last", model=DEEP, **changes):
    said = {"standalone": standalone, "mtp_stage": mtp_stage}
    training = dataclasses.replace(TRAINING, **said)
    return scenario(model, training=training, **changes)


def placed(stages, given):
    chosen = design(chips=stages, pipeline_parallel=stages)
    _, found, held, _ = rank_share(chosen, given, False)
    return found, held


@pytest.mark.parametrize(
    ("standalone", "mtp_stage", "stages", "first", "second", "last"),
    [
        # Five layers on every stage but the last with layers.
        ("loss", "last", 16.0, (3, 2), (0, 5), (0, 0)),
        ("embedding", "last", 16.0, (0, 0), (3, 2), (0, 0)),
        ("both", "last", 16.0, (0, 0), (3, 2), (0, 0)),
        ("both", "own", 16.0, (0, 0), (3, 2), (0, 0)),
        ("none", "last", 16.0, (3, 1), (0, 4), (0, 1)),
        # One stage has everything.
        ("both", "own", 1.0, (3, 58), (0, 0), (3, 58)),
    ],
)
def test_layers_beside_own_stages(standalone, mtp_stage, stages, first, second, last):
    found, _ = placed(stages, where(standalone, mtp_stage))
    same(found.dense[:3], [first[0], second[0], last[0]])
    same(found.expert[:3], [first[1], second[1], last[1]])


# Six layers, two dense, on two stages of three: then |m|L or |mL.
@pytest.mark.parametrize(
    ("mtp_stage", "stages", "slowest"),
    [
        # Four predicting layers of 17 s with projections of 2 s; logits stay.
        ("own", 4.0, 4.0 * (17.0 + 2.0)),
        # On the last stage all of it, beside the head of 4 s.
        ("last", 3.0, 4.0 * (17.0 + 2.0) + 5.0 * 4.0),
    ],
)
def test_time_of_stages_of_their_own(mtp_stage, stages, slowest):
    several = dataclasses.replace(EXPERTS, mtp_layers=4.0)
    given = where("loss", mtp_stage, several)
    found, _ = placed(stages, given)
    same([found.dense[0], found.expert[0], found.expert[1]], [2.0, 1.0, 3.0])
    chosen = design(chips=2.0 * stages, pipeline_parallel=stages)
    parts, _ = assembled(chosen, given, found)
    mean = (2.0 * 8.0 + 8.0 * 17.0 + 4.0 + 4.0 * 6.0) / stages
    same(parts.stage_imbalance, 16.0 * (slowest - mean))


def test_memory_of_stages_of_their_own():
    found, held = placed(4.0, where("loss", "own", EXPERTS))
    # One layer of experts and the embedding; the head alone, tables of 100 x 8.
    same(held.stages[-1], held.expert_layer + 800.0)
    same(held.routed[-1], held.routed_layer)
    same([held.stages[2], held.routed[2]], [800.0, 0.0])
    # The embedding without a layer.
    _, held = placed(4.0, where("both", "last", EXPERTS))
    same([held.stages[0], held.routed[0]], [800.0, 0.0])
    same(held.stages[2], 800.0 + held.expert_layer)
    # Two stages stand in front of the predicting layer's: two micro-batches.
    same(found.before[-1], 2.0)
    chosen = design(chips=4.0, pipeline_parallel=4.0)
    memory = rank_memory(chosen, where("loss", "own", EXPERTS))
    same(memory.weights.shape, (3,))


NOTHING = dict.fromkeys(SIZES, 1) | dict.fromkeys(SWITCHES, 0)


@pytest.mark.parametrize(
    ("standalone", "mtp_stage", "stages", "why"),
    [
        ("none", "last", 6, None),
        ("loss", "last", 7, None),
        ("both", "own", 9, None),
        ("both", "last", 6, "every pipeline stage"),
        ("both", "last", 2, "every pipeline stage"),
        ("none", "own", 2, "pipeline_parallel must not be 2"),
    ],
)
def test_stages_of_their_own_hold_no_layers(standalone, mtp_stage, stages, why):
    split = NOTHING | {"chips": stages, "pipeline_parallel": stages}
    given = where(standalone, mtp_stage, EXPERTS).training
    found = legal(split, EXPERTS, given)
    assert found is None if why is None else found.startswith(why)


STUDY = """
system: dgx_h100
model: deepseek_v3_671b
training: {sequence_length: 4096, global_batch: 256, standalone: loss, mtp_stage: own}
design: {chips: 256, pipeline_parallel: 16}
objective: {maximize: mfu}
"""


def test_a_study_says_it():
    training = understand(document.parse(STUDY, "s")).problem.scenario.training
    assert training.alone == (False, True, True)
    wrong = STUDY.replace("standalone: loss", "standalone: loss, last_stage_layers: 2")
    with pytest.raises(StudyError, match="last_stage_layers is 2"):
        understand(document.parse(wrong, "s"))
