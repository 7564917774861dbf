"""Memory of the fullest chip, part by part, each worked by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.footprint import fit_probability, fullest, stage_memory
from supernode_opt.system.job import rank_memory
from supernode_opt.system.moments import fullest_moment
from supernode_opt.system.parts import total
from supernode_opt.system.pipeline import Stages
from supernode_opt.workload.operators import Split
from supernode_opt.workload.recompute import Recompute, again
from tests.plain import DENSE, EXPERTS, design, same, scenario
from tests.system.test_layer_values import HELD

EXACT = jnp.inf
SPLIT = Split(tensor=2.0, context=1.0, expert=4.0, sequence=1.0, tokens=16.0)
# Bytes of a dense and an expert layer under each set; see `tests.workload`, 16 * (43 +
# 28 + 28 + 36) for a dense one, and 8 * 86 in place of 16 * 36 for experts.
DENSE_BYTES = {"none": 2160.0, "selective": 2160.0 - 448.0, "full": 128.0}
EXPERT_BYTES = {"none": 2272.0, "selective": 2272.0 - 400.0, "full": 128.0}


def stages(dense, expert):
    return Stages(jnp.asarray(dense), jnp.asarray(expert))


# Of three stages; all layers on one of them make it the fullest.
FIRST = stages([2.0, 0.0, 0.0], [4.0, 0.0, 0.0])
LAST = stages([0.0, 0.0, 1.0], [0.0, 2.0, 2.0])


def memory(
    level="zero0",
    placed=FIRST,
    model=EXPERTS,
    recompute="none",
    listed=None,
    given=None,
    **changes,
):
    chosen = design(
        chips=48.0,
        pipeline_parallel=3.0,
        tensor_parallel=2.0,
        optimizer_sharding=level,
        sequence_parallel="on",
        recompute=recompute,
    )
    where = scenario(model, **changes) if given is None else given
    listed = Recompute() if listed is None else listed
    modules = again(chosen.recompute, listed, where.software.score_bytes)
    ranks = (8.0, 5.0)
    found = stage_memory(chosen, where, SPLIT, modules, placed, HELD, *ranks, EXACT)
    return fullest(found, EXACT)


# The first stage holds 120 parameters and 180 of routed experts, and trains 110 and 170
# of them, over 8 and 5 ranks.
WHOLE, TRAINED = 300.0, 280.0
SHARDED, TRAINED_SHARDED = 120.0 / 8.0 + 180.0 / 5.0, 110.0 / 8.0 + 170.0 / 5.0
STATES = [
    ("zero0", WHOLE, TRAINED, TRAINED),
    ("zero1", WHOLE, TRAINED, TRAINED_SHARDED),
    ("zero2", WHOLE, TRAINED_SHARDED, TRAINED_SHARDED),
    ("zero3", SHARDED, TRAINED_SHARDED, TRAINED_SHARDED),
]


@pytest.mark.parametrize(("level", "weights", "gradients", "optimizer"), STATES)
def test_states_under_each_sharding(level, weights, gradients, optimizer):
    """Two bytes of weights, four of gradients, twelve of optimizer states."""
    found = memory(level)
    same(found.weights, 2.0 * weights)
    same(found.gradients, 4.0 * gradients)
    same(found.optimizer, 12.0 * optimizer)
    # ZeRO-3 gathers two layers of at most 60 + 90 parameters at a time.
    same(found.gathered, 2.0 * 2.0 * 150.0 if level == "zero3" else 0.0)
    same([found.buffers, found.framework, found.logits], [13.0, 11.0, 0.0])


def test_bytes_of_states():
    found = memory(
        training__weight_bytes=1.0,
        training__gradient_bytes=2.0,
        training__optimizer_bytes=8.0,
    )
    same(found.weights, WHOLE)
    same([found.gradients, found.optimizer], [2.0 * TRAINED, 8.0 * TRAINED])
    # A quarter of the states in the host's memory.
    found = memory("zero1", training__optimizer_offload=0.25)
    same(found.optimizer, 0.75 * 12.0 * TRAINED_SHARDED)
    same(memory(training__optimizer_offload=1.0).optimizer, 0.0)
    # Gathered parameters have two bytes, whatever they are stored in.
    changes = {"training__weight_bytes": 1.0, "software__gathered_layers": 3.0}
    same(memory("zero3", **changes).gathered, 3.0 * 2.0 * 150.0)


@pytest.mark.parametrize(
    ("precision", "width"),
    [("bf16", 0.0), ("fp8", 1.0), ("mxfp8", 1.03), ("nvfp4", 0.56)],
)
def test_casts_of_weights(precision, width):
    # Two copies of two dense layers of 30 and of four of 60 + 90; no tables.
    where = scenario(EXPERTS)
    training = dataclasses.replace(where.training, precision=precision)
    cast = 2.0 * width * (2.0 * 30.0 + 4.0 * 150.0)
    same(memory(training=training).weights, 2.0 * WHOLE + cast)
    found = memory(training=training, software__weight_casts=0.5)
    same(found.weights, 2.0 * WHOLE + cast / 4.0)
    # ZeRO-3 casts what it gathers, and keeps none of it.
    same(memory("zero3", training=training).weights, 2.0 * SHARDED)
    # The last stage has a prediction layer's beside.
    cast = 2.0 * width * (30.0 + 3.0 * 150.0)
    same(memory(placed=LAST, training=training).weights, 2.0 * 360.0 + cast)


def test_states_of_adapters():
    """Beside 300 frozen parameters stand 280 of adapters, here as many."""
    for level, weights, gradients, optimizer in STATES:
        found = memory(level, training__lora_rank=2.0)
        extra = TRAINED_SHARDED if level == "zero3" else TRAINED
        same(found.weights, 2.0 * (weights + extra))
        same(found.gradients, 4.0 * gradients)
        same(found.optimizer, 12.0 * optimizer)


@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
def test_activations_in_flight(recompute):
    # Three micro-batches on the first stage.
    placed = stages([24.0, 0.0, 0.0], [8.0, 0.0, 0.0])
    dense, expert = DENSE_BYTES[recompute], EXPERT_BYTES[recompute]
    held = 3.0 * (24.0 * dense + 8.0 * expert)
    # What the layer at work has not kept, and half as much as it has of gradients:
    # 1136 B where all is kept, 400 B or all but 128 B more where it is not.
    working = {"none": 1136.0, "selective": 1536.0, "full": 3280.0}[recompute]
    found = memory(placed=placed, recompute=recompute)
    same(found.activations, held + working)
    unfused = {"placed": placed, "software__activation_copies": 1.25}
    found = memory(recompute=recompute, **unfused)
    same(found.activations, 1.25 * (held + working))


def test_listed_modules_in_memory():
    # Half of the layers give up the experts' 688 B: see `test_recompute`.
    listed = Recompute(experts=0.5)
    found = memory(recompute="listed", listed=listed)
    held = 3.0 * (2.0 * 2160.0 + 4.0 * (2272.0 - 344.0))
    same(found.activations, held + 1.5 * 2272.0 - (2272.0 - 344.0))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_offloaded_activations(share):
    # The layer at work is fetched: with its gradients half as much again as it has.
    found = memory(training__activation_offload=share)
    held = (1.0 - share) * 3.0 * (2.0 * 2160.0 + 4.0 * 2272.0)
    same(found.activations, held + (0.5 + share) * 2272.0)


def test_the_last_stage_may_be_the_fullest():
    # One micro-batch of a dense, two expert layers and the prediction layer, with the
    # larger half; logits of six bytes, 16 tokens of half the vocabulary, twice.
    found = memory(placed=LAST)
    same(found.weights, 2.0 * (150.0 + 210.0))
    same([found.gradients, found.optimizer], [4.0 * 340.0, 12.0 * 340.0])
    same(found.activations, 2160.0 + 3.0 * 2272.0 + 1136.0)
    same(found.logits, 2.0 * 6.0 * 16.0 * 50.0)


def test_logits():
    # A dense model predicts one token ahead.
    same(memory(placed=LAST, model=DENSE).logits, 4800.0)
    more = {"model__mtp_layers": 3.0, "training__logit_bytes": 4.0}
    same(memory(placed=LAST, **more).logits, 4.0 * 4.0 * 16.0 * 50.0)
    # Eight pieces of the micro-batch one after the other.
    same(memory(placed=LAST, training__loss_chunks=8.0).logits, 9600.0 / 8.0)


@pytest.mark.parametrize(
    ("logits", "standing", "wanted"),
    [
        # 10 + 5 with the loss, 13 in the first layer, 3 + 20 in the last one.
        (5.0, 0.0, (3.0, 0.0, 20.0)),
        # 10 + 15 with the loss.
        (15.0, 0.0, (10.0, 15.0, 0.0)),
        # Half of the gradients are there: 25, 23 and 23.
        (5.0, 0.5, (10.0, 5.0, 10.0)),
        # All of them are: 31, 33 and 23.
        (1.0, 1.0, (13.0, 0.0, 20.0)),
    ],
)
def test_gradients_come_while_activations_go(logits, standing, wanted):
    def moment(sharpness):
        held, gradients = jnp.asarray([10.0, 10.0]), jnp.asarray([20.0, 20.0])
        rest = jnp.asarray(3.0), jnp.asarray([logits, logits]), gradients
        return fullest_moment(held, *rest, jnp.asarray(standing), sharpness)

    for part, value in zip(moment(EXACT), wanted, strict=True):
        same(part, [value, value])
    # The smooth model chooses the same, if sharp enough.
    for part, value in zip(moment(200.0), wanted, strict=True):
        np.testing.assert_allclose(part, value, atol=0.2)


def test_gradients_that_every_step_makes_anew():
    # One of three micro-batches at least is there before: as kept, but for the layer
    # at work, which has no logits beside it.
    kept, made = memory(), memory(training__gradients="made")
    same(made.gradients, kept.gradients)
    same(made.activations, kept.activations)
    # Of a single one, sharded, they are not there with 11,376 B of activations.
    once = {"level": "zero1", "training__gradients": "made"}
    found = memory(**once, training__global_batch=1.0)
    same(found.gradients, 0.0)
    same(found.activations, 2.0 * 2160.0 + 4.0 * 2272.0 + 1136.0)
    # Buckets that whole gradients are reduced in outlive the step.
    found = memory(training__gradients="made", training__global_batch=1.0)
    same(found.gradients, 4.0 * TRAINED)


def test_torchtune_on_one_chip():
    """Llama 3.2 3B, two sequences of 4,096: 24.9 GiB are published (its README)."""
    model = dataclasses.replace(
        DENSE,
        layers=28.0,
        dense_layers=28.0,
        hidden=3072.0,
        heads=24.0,
        kv_heads=8.0,
        head_dim=128.0,
        ffn=8192.0,
        vocabulary=128256.0,
        tied=1.0,
    )
    training = {"gradient_bytes": 2.0, "optimizer_bytes": 4.0, "logit_bytes": 3.25}
    training |= {"gradients": "made", "sequence_length": 4096.0, "global_batch": 2.0}
    changes = {f"training__{name}": value for name, value in training.items()}
    chosen = design(chips=1.0, micro_batch=2.0, recompute="full")
    parts = rank_memory(chosen, scenario(model, **changes))
    # 8 B of each of 3.21e9 parameters, and half as much again as the 58 + 32 kB that a
    # layer keeps of each of 8,192 tokens.
    layer = 8192.0 * (16.0 * 3072 + 4.0 * 1024 + 6.0 * 8192 - 4.0 * 3072)
    weights = 28.0 * (8.0 * 3072**2 // 3 + 3.0 * 3072 * 8192) + 128256.0 * 3072
    found = float(total(parts)[2] - parts.fragmentation[2] - 24.0)
    assert found == pytest.approx(8.0 * weights + 1.5 * layer, rel=0.02)
    assert found == pytest.approx(24.9 * 2.0**30, rel=0.03)


def test_inputs_kept_as_gathered():
    # Two inputs of 8 channels, two bytes, of the eight tokens of the other rank: three
    # micro-batches of six layers.
    kept = memory(training__gathered="kept")
    same(kept.activations - memory().activations, 3.0 * 6.0 * 2.0 * 8.0 * 2.0 * 8.0)
    full = memory(training__gathered="kept", recompute="full")
    same(full.activations, memory(recompute="full").activations)


def test_the_second_stage_may_be_the_fullest():
    # One dense layer and three micro-batches on the first stage, eight expert layers
    # and two on the second.
    placed = stages([1.0, 0.0, 0.0], [0.0, 8.0, 1.0])
    found = memory(placed=placed)
    same(found.weights, 2.0 * (100.0 + 160.0))
    same([found.gradients, found.optimizer], [4.0 * 250.0, 12.0 * 250.0])
    same(found.activations, 2.0 * 8.0 * 2272.0 + 1136.0)
    same(found.logits, 0.0)


def test_a_short_first_stage_leaves_the_second_fullest():
    """Six dense layers on three stages: one, three and two of them."""
    where = scenario(training__first_stage_layers=1.0, model__vocabulary=1.0)
    report = evaluate(design(chips=3.0, pipeline_parallel=3.0), where)
    # Per token 64 + 32 + 16 + 72 = 184 B; two micro-batches in flight of 32.
    layer = 16.0 * 184.0
    same(report.memory_parts.activations, 2.0 * 3.0 * layer + 0.5 * layer)
    # A layer has 192 + 288 parameters; no table.
    same(report.memory_parts.weights, 2.0 * 3.0 * 480.0)
    same(report.memory_parts.logits, 0.0)
    # With two on each stage the first is: three in flight, and the table of 8.
    even = evaluate(
        design(chips=3.0, pipeline_parallel=3.0), scenario(model__vocabulary=1.0)
    )
    same(even.memory_parts.activations, 3.0 * 2.0 * layer + 0.5 * layer)
    same(even.memory_parts.weights, 2.0 * (2.0 * 480.0 + 8.0))


def test_three_numbers_of_memory():
    report = evaluate(design(), scenario(software__fragmentation=0.25))
    parts = report.memory_parts
    tensors = ("weights", "gradients", "optimizer", "activations", "logits", "gathered")
    # One stage of six layers of 480 and two tables of 800, in 18 B; one micro-batch of
    # 16 tokens with 184 B a layer, half a layer of gradients and 600 B of logits.
    wanted = 18.0 * (6.0 * 480.0 + 1600.0) + 16.0 * (6.5 * 184.0 + 600.0)
    same(sum(getattr(parts, name) for name in tensors), wanted)
    same(report.memory_allocated, wanted)
    same(parts.fragmentation, 0.25 * wanted)
    same(report.memory_reserved, 1.25 * wanted)
    same(report.memory, 1.25 * wanted + 13.0 + 11.0)
    same(report.fit_probability, fit_probability(scenario(), 1.25 * wanted + 24.0))


@pytest.mark.parametrize("spread", [0.1, 0.3])
@pytest.mark.parametrize(
    ("deviations", "chance"),
    # The normal distribution's own.
    [
        (0.0, 0.5),
        (1.0, 0.8413447460685429),
        (-1.0, 0.15865525393145707),
        (1.6448536269514722, 0.95),
        (-2.3263478740408408, 0.01),
    ],
)
def test_chance_of_fitting(deviations, chance, spread):
    where = scenario(chip__hbm_capacity=1000.0, software__memory_spread=spread)
    same(fit_probability(where, 1000.0 * np.exp(-deviations * spread)), chance)


def test_chance_of_fitting_falls_with_memory():
    # By the density at zero over the spread, for each part of the capacity.
    where = scenario(chip__hbm_capacity=1000.0, software__memory_spread=0.2)
    slope = jax.grad(lambda memory: fit_probability(where, memory))(1000.0)
    same(slope, -1.0 / np.sqrt(2.0 * np.pi) / 0.2 / 1000.0)
    for memory_used in (1e-3, 1.0, 1e9):
        assert np.isfinite(jax.grad(lambda m: fit_probability(where, m))(memory_used))


def test_slopes_of_memory_in_low_precision():
    """Finite, and upwards in whatever stores more."""
    where = scenario(EXPERTS)
    training = dataclasses.replace(where.training, precision="fp8", lora_rank=2.0)
    where = scenario(EXPERTS, training=training)

    @jax.jit
    def memory_of(software, training):
        changed = dataclasses.replace(where, software=software, training=training)
        return total(memory(given=changed))

    software, training = jax.grad(memory_of, (0, 1))(where.software, where.training)
    assert all(np.isfinite(x) for x in jax.tree.leaves((software, training)))
    # One byte a parameter of two dense layers of 30 and four of 150, and the fragments.
    same(software.weight_casts, 1.04 * 660.0)
    same(training.optimizer_bytes, 1.04 * TRAINED)
    same(training.optimizer_offload, -1.04 * 12.0 * TRAINED)
    assert software.activation_copies > 0.0 > training.activation_offload
