"""Experts whose matrices several ranks share, each number worked by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.batch.case import case_of
from supernode_opt.config import rows
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.system.communication import communication
from supernode_opt.system.design import expert_ranks
from supernode_opt.system.job import rank_share
from supernode_opt.workload.activations import layer_activations
from supernode_opt.workload.model import Training
from supernode_opt.workload.operators import Split, layer_gemms
from supernode_opt.workload.split import SIZES, SWITCHES, legal
from tests.plain import EXPERTS, TRAINING, design, repeated, same, scenario
from tests.system.test_layer_values import BYTES, HELD

# Experts of six channels, so that two ranks may share one.
WIDE = dataclasses.replace(EXPERTS, expert_ffn=6.0)
HALF = Split(tensor=2.0, context=1.0, expert=4.0, sequence=1.0, tokens=16.0)
SHARED = HALF._replace(expert_tensor=2.0)
CHOSEN = {
    "optimizer_sharding": "zero1",
    "sequence_parallel": "on",
    "tensor_parallel": 2.0,
    "context_parallel": 2.0,
    "pipeline_parallel": 2.0,
    "expert_parallel": 4.0,
}


def where(ranks, **changes):
    return scenario(WIDE, training__expert_tensor_parallel=ranks, **changes)


def test_products_of_half_an_expert():
    gemms, parts = layer_gemms(WIDE, SHARED)
    alone, _ = layer_gemms(WIDE, HALF)
    up, down = parts["expert"].stop - 2, parts["expert"].stop - 1
    # 8 of 16 tokens, two experts each, over 4 local experts: 4 rows; of two ranks, 8.
    same([gemms.rows[up], gemms.rows[down]], [8.0, 8.0])
    same([gemms.columns[up], gemms.inner[up]], [6.0, 8.0])
    same([gemms.columns[down], gemms.inner[down]], [8.0, 3.0])
    same([gemms.groups[up], alone.groups[up], alone.rows[up]], [4.0, 4.0, 4.0])
    # What is gathered was cast before, each rank its own part.
    same([gemms.inputs[up], gemms.outputs[down]], [2.0, 2.0])
    # As much arithmetic, and nothing else is another.
    product = gemms.rows * gemms.columns * gemms.inner * gemms.groups
    same(product, alone.rows * alone.columns * alone.inner * alone.groups)
    same(gemms.rows[: up - 1], alone.rows[: up - 1])


def test_memory_of_half_an_expert():
    held = rank_share(design(**CHOSEN), where(2.0), False)
    alone = rank_share(design(**CHOSEN), where(None), False)
    # 16 experts of three matrices of 8 x 6, over 4 x 2 ranks.
    same([held[2].routed_layer, alone[2].routed_layer], [288.0, 576.0])
    same(held[2].dense_layer, alone[2].dense_layer)
    # Eight ranks of a stage, each with its own part.
    same([held[3][1], alone[3][1]], [1.0, 2.0])
    kept = [
        layer_activations(WIDE, TRAINING, split, 0.0, repeated())
        for split in (SHARED, HALF)
    ]
    # Two copies of 8 tokens of 8 channels in two bytes, of the other rank.
    same(kept[0].expert - kept[1].expert, 2.0 * 8.0 * 8.0 * 2.0)
    same(kept[0].dense, kept[1].dense)


@pytest.mark.parametrize(
    ("ranks", "more"),
    # Of 8 tokens a rank, two copies of 16 bytes; half of what two ranks have passes,
    # as between 1.5 of 2 ranks of a long ring.
    [(None, 0.0), (1.0, 0.0), (2.0, 2.0 * 8.0 * 2.0 * 16.0 * 0.5 / 0.75)],
)
def test_tokens_are_gathered_and_results_scattered(ranks, more):
    chosen, given = design(**CHOSEN, scale_up_domain=8.0), where(ranks)
    split = HALF._replace(context=2.0, expert_tensor=ranks)
    found = communication(chosen, given, split, HELD, 2.0, BYTES, jnp.inf)
    # Eight tokens to two experts, 3/4 to others, at 1/4 instead of 1/2 of the link.
    same(found.dispatch, 8.0 * 16.0 * 2.0 * 0.75 * 2.0 + more)
    alone = communication(chosen, where(None), HALF, HELD, 2.0, BYTES, jnp.inf)
    others = [
        name for name in found._fields if name not in ("dispatch", "shard_routed")
    ]
    for name in others if ranks != 2.0 else others[:-3]:
        same(getattr(found, name), getattr(alone, name))
    # Nobody else has a rank's part of the experts.
    same(found.data_routed, 0.0 if ranks == 2.0 else 6.0 * 270.0 / 1.5)


def test_slopes_are_finite_and_what_is_not_used_is_not_there():
    chosen = design(**CHOSEN)

    def sent(ranks):
        split = HALF._replace(context=2.0, expert_tensor=ranks)
        given = where(ranks)
        found = communication(chosen, given, split, HELD, 2.0, BYTES, jnp.inf)
        return found.dispatch + jnp.sum(layer_gemms(WIDE, split)[0].rows)

    slope = jax.jacfwd(sent)(2.0)
    assert np.isfinite(slope)
    assert slope > 0.0
    assert float(expert_ranks(chosen, where(2.0).training)) == 8.0
    # Without such ranks nothing is handed to a program.
    leaves = [len(jax.tree.leaves(case_of(chosen, where(n)))) for n in (None, 2.0)]
    assert leaves[1] == leaves[0] + 1


NOTHING = dict.fromkeys(SIZES, 1) | dict.fromkeys(SWITCHES, 0) | {"chips": 16}


@pytest.mark.parametrize(
    ("ranks", "expert", "why"),
    [
        (2.0, 8, None),
        (2.0, 16, "expert_parallel must divide the 16 experts and, 2 times itself"),
        (3.0, 4, "expert_parallel must divide"),
        (4.0, 4, "expert_tensor_parallel must divide the 6 channels of an expert"),
    ],
)
def test_ranks_that_share_experts_must_divide(ranks, expert, why):
    training = dataclasses.replace(TRAINING, expert_tensor_parallel=ranks)
    found = legal(NOTHING | {"expert_parallel": expert}, WIDE, training)
    assert found is None if why is None else found.startswith(why)


@pytest.mark.parametrize("ranks", [1.5, -1.0, "many"])
def test_ranks_are_counted(ranks):
    with pytest.raises(ValueError, match="expert_tensor_parallel` must be a whole"):
        Training(sequence_length=1.0, global_batch=1.0, expert_tensor_parallel=ranks)


STUDY = """
system: dgx_h100
model: mixtral_8x7b
training:
  {sequence_length: 4096, global_batch: 256, expert_tensor_parallel: 4}
design: {chips: 64, tensor_parallel: 4, pipeline_parallel: 1, context_parallel: 1,
  expert_parallel: 8, interleave: 1, micro_batch: 1, recompute: none,
  optimizer_sharding: zero1, sequence_parallel: on}
objective: {maximize: mfu}
"""


def test_a_study_and_a_row_say_it():
    top = document.parse(STUDY, "study.yaml")
    study = understand(top)
    assert study.problem.scenario.training.expert_tensor_parallel == 4.0
    cells = rows.row_of(study, top)
    assert (cells["ep"], cells["etp"]) == ("8", "4")
    wrong = document.parse(STUDY.replace("parallel: 4}", "parallel: 3}"), "study.yaml")
    with pytest.raises(StudyError, match=r"study.yaml:7: .*3 times itself"):
        understand(wrong)
