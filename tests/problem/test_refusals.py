"""What the Python API refuses at its boundary, and what it lets programs do."""

import dataclasses

import jax
import pytest

from supernode_opt import (
    Choice,
    Constraint,
    Design,
    Model,
    Objective,
    Problem,
    Training,
    Variable,
    build_design,
    catalog,
)

TRAINING = Training(sequence_length=4096, global_batch=768)
GIVEN = catalog.scenario("cloudmatrix384", "llama3_8b", TRAINING)
VALUES = dict(catalog.system("cloudmatrix384").design) | {
    "tensor_parallel": 8,
    "pipeline_parallel": 1,
    "context_parallel": 1,
    "expert_parallel": 1,
    "interleave": 1,
    "micro_batch": 1,
    "recompute": "selective",
    "optimizer_sharding": "zero1",
    "sequence_parallel": "on",
}
FREE = {name: value for name, value in VALUES.items() if name != "clock"}
LINKS = {n: v for n, v in VALUES.items() if n != "scale_up_link"}
DENSE = catalog.load("model", "llama3_8b")
CHIP = catalog.load("chip", "h100_sxm")
MFU = Objective("mfu", True)


def given(model=DENSE, training=TRAINING, **parts):
    return catalog.scenario("cloudmatrix384", model, training, **parts)


def built(**values):
    return build_design(VALUES | values, GIVEN)


def wanted(fixed=VALUES, scenario=GIVEN, variables=(), choices=(), objective=MFU):
    return Problem(scenario, fixed, variables, choices, objective)


REFUSED = {
    "length below zero": (
        lambda: Training(sequence_length=-4096, global_batch=1),
        "`training.sequence_length` must be above 0, but is -4096",
    ),
    "misspelt field": (
        lambda: Training(sequence_lenght=1, global_batch=1),
        "did you mean `sequence_length`",
    ),
    "text": (lambda: Training(sequence_length="4 k", global_batch=1), "be a number"),
    "precision": (
        lambda: Training(sequence_length=1, global_batch=1, precision="fp4"),
        "`training.precision` must not be 'fp4'",
    ),
    "field of a record": (lambda: Model(layer=3), "did you mean `layers`"),
    "half a token": (
        lambda: given(training=dataclasses.replace(TRAINING, sequence_length=1.5)),
        "whole number",
    ),
    "no token": (
        lambda: given(training=dataclasses.replace(TRAINING, sequence_length=0)),
        "above 0",
    ),
    "mapping for training": (lambda: given(training={"a": 1}), "must be a Training"),
    "mapping for a model": (lambda: given({"layers": 1}), "must be a Model"),
    "mapping for a chip": (lambda: given(chip={"tdp": 1}), "must be a Chip"),
    "part": (lambda: given(chipp="h100_sxm"), "did you mean `chip`"),
    "entry": (lambda: given(chip="h100_sx"), "did you mean 'h100_sxm'"),
    "negative watts": (
        lambda: given(chip=dataclasses.replace(CHIP, tdp=-3.0)),
        "`chip.tdp` must be above 0",
    ),
    "one link": (lambda: given(links="cpo"), "several technologies"),
    "headroom": (lambda: given(memory_headroom=8), "at most 1"),
    "no layers": (
        lambda: given(dataclasses.replace(DENSE, dense_layers=0)),
        "dense_layers must be 32",
    ),
    "a third of a rank": (lambda: built(tensor_parallel=7 / 3), "a whole number"),
    "misspelt variable": (lambda: built(clok=1), "did you mean `clock`"),
    "clock below zero": (lambda: built(clock=-1), "above 0"),
    "no clock": (lambda: built(clock=float("nan")), "finite"),
    "text for a number": (lambda: built(clock="0.9"), "must be a number"),
    "mapping for a scenario": (lambda: build_design(VALUES, {}), "must be a Scenario"),
    "rank of a problem": (
        lambda: wanted(VALUES | {"tensor_parallel": 7 / 3}),
        "a whole number",
    ),
    "scenario of a problem": (lambda: wanted(scenario={}), "must be Scenario"),
    "objective of a problem": (lambda: wanted(objective={}), "must be Objective"),
    "variable": (lambda: wanted(FREE, variables=({},)), "must be Variable"),
    "name of a variable": (
        lambda: wanted(FREE, variables=(Variable("clok", 0.5, 1),)),
        "did you mean `clock`",
    ),
    "constant": (
        lambda: wanted(VALUES, variables=(Variable("chip.tpd", 1, 2),)),
        "did you mean `chip.tdp`",
    ),
    "option": (
        lambda: wanted(LINKS, choices=(Choice("scale_up_link", ("cop",)),)),
        "has no 'cop'",
    ),
    "quantity": (lambda: Objective("mfuu", True), "did you mean `mfu`"),
    "constraint": (lambda: Constraint("powr", 1.0, True), "did you mean `power`"),
    "limit": (lambda: Constraint("power", "559 kW", True), "must be SI"),
    "no limit": (lambda: Constraint("power", float("inf"), True), "must not be inf"),
    "bound": (lambda: Variable("clock", "0.5", 1), "numbers for bounds"),
    "options": (lambda: Choice("recompute", "none"), "several names"),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_one_sentence(make, words):
    with pytest.raises(
        (ValueError, TypeError), match=words.replace("(", r"\(")
    ) as told:
        make()
    assert "\n" not in str(told.value)


def test_programs_may_hold_anything():
    axes = jax.tree.map(lambda leaf: 0, TRAINING)
    assert axes.sequence_length == 0
    assert jax.tree.map(lambda leaf: None, TRAINING).sequence_length is None
    half = jax.jit(lambda t: dataclasses.replace(t, sequence_length=-t.global_batch))
    assert half(TRAINING).sequence_length == -768
    assert isinstance(built(), Design)
    # What a solution holds beside its design.
    assert isinstance(built(**{"data_parallel": 48.0, "chip.tdp": 700.0}), Design)
