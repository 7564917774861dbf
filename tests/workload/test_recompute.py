"""What single modules keep and give up, each worked by hand."""

import dataclasses

import pytest

from supernode_opt.workload.activations import layer_activations
from supernode_opt.workload.operators import OPERAND_BYTES, Split
from supernode_opt.workload.recompute import RECOMPUTE
from tests.plain import DENSE, EXPERTS, TRAINING, repeated, same

# Two tensor ranks with sequence parallelism, experts over four.
HALF = Split(tensor=2.0, context=1.0, expert=4.0, sequence=1.0, tokens=16.0)
# 16 tokens of two heads of 3 + 4 channels, 14 of keys and values, six of the FFN; eight
# tokens of nine channels of experts, two copies each.  All in two bytes.
NORMS, QUERIES, KEYS = 2.0 * 2 * 16 * 8 / 2, 2.0 * 16 * 6, 2.0 * 16 * 14
INNER, PRODUCT = 2.0 * 2 * 16 * 6, 2.0 * 16 * 6
EXPERT_INNER, EXPERT_PRODUCT, COPIES = 2.0 * 2 * 8 * 9, 2.0 * 8 * 9, 2.0 * 8 * 2 * 8
# Two inputs and the latents of eleven, on half of the tokens; queries, keys, outputs.
COMMON = 2.0 * 8 * (16 + 11) + NORMS + QUERIES + KEYS + 2.0 * 16 * 8
WHOLE_DENSE = COMMON + INNER + PRODUCT
WHOLE_EXPERT = COMMON + EXPERT_INNER + EXPERT_PRODUCT + COPIES
ENTERED = 2.0 * 8 * 8
SCORES = 5.0 * 16 * 16 * 2
FFN, ROUTED = INNER + PRODUCT, EXPERT_INNER + EXPERT_PRODUCT + COPIES

GIVEN_UP = {
    "norm": (NORMS, NORMS),
    "activation": (PRODUCT, EXPERT_PRODUCT),
    # Flash attention stores no scores.
    "core_attention": (0.0, 0.0),
    "mla_up": (QUERIES + KEYS, QUERIES + KEYS),
    "ffn": (FFN, 0.0),
    "experts": (0.0, ROUTED),
    # Keys are the second of four products, one half of the FFN the second of three;
    # grouped products and what they take are not kept.
    "operators": (
        NORMS + KEYS / 2 + PRODUCT + INNER / 2,
        NORMS + KEYS / 2 + ROUTED,
    ),
    "full": (WHOLE_DENSE - ENTERED, WHOLE_EXPERT - ENTERED),
}


def given_up(modules, model=EXPERTS, score_bytes=0.0, training=TRAINING):
    found = layer_activations(model, training, HALF, score_bytes, modules)
    return found.whole_dense - found.dense, found.whole_expert - found.expert


def test_whole_layers():
    found = layer_activations(EXPERTS, TRAINING, HALF, 0.0, repeated("full"))
    same(found, [ENTERED, ENTERED, WHOLE_DENSE, WHOLE_EXPERT])


@pytest.mark.parametrize("share", [1.0, 0.25])
@pytest.mark.parametrize("module", GIVEN_UP)
def test_every_module_gives_up_its_own(module, share):
    wanted = [share * number for number in GIVEN_UP[module]]
    same(given_up(repeated(**{module: share})), wanted)


def test_core_attention_gives_up_scores():
    modules = repeated(score_bytes=5.0, core_attention=0.5)
    same(given_up(modules, score_bytes=5.0), [SCORES / 2, SCORES / 2])


def test_modules_of_grouped_attention():
    # Nothing is compressed.  Keys and values of four channels; experts of no width.
    same(given_up(repeated(mla_up=1.0), DENSE), [0.0, 0.0])
    keys = 2.0 * 16 * 4
    wanted = [NORMS + keys / 2 + PRODUCT + INNER / 2, NORMS + keys / 2]
    same(given_up(repeated(operators=1.0), DENSE), wanted)
    same(given_up(repeated(operators=1.0, mla_up=1.0), DENSE), wanted)
    # Without a gate the FFN's one inner product is kept.
    plain = dataclasses.replace(DENSE, gated=0.0)
    wanted = [NORMS + keys / 2 + PRODUCT, NORMS + keys / 2]
    same(given_up(repeated(operators=1.0), plain), wanted)


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        # Everything is in the whole layer, whatever else is listed.
        (dict.fromkeys(GIVEN_UP, 1.0), GIVEN_UP["full"]),
        (
            {"full": 0.25, "norm": 0.75},
            [0.25 * full + 0.5 * NORMS for full in GIVEN_UP["full"]],
        ),
        ({"full": 0.75, "mla_up": 0.25}, [0.75 * full for full in GIVEN_UP["full"]]),
        (
            {"ffn": 0.5, "activation": 1.0},
            [0.5 * FFN + 0.5 * PRODUCT, EXPERT_PRODUCT],
        ),
        (
            {"experts": 0.5, "activation": 0.25},
            [0.25 * PRODUCT, 0.5 * ROUTED],
        ),
        (
            {"ffn": 1.0, "experts": 1.0, "operators": 1.0},
            [NORMS + KEYS / 2 + FFN, NORMS + KEYS / 2 + ROUTED],
        ),
        (
            {"mla_up": 1.0, "operators": 1.0},
            [
                NORMS + QUERIES + KEYS + PRODUCT + INNER / 2,
                NORMS + QUERIES + KEYS + ROUTED,
            ],
        ),
    ],
)
def test_what_several_modules_contain_counts_once(listed, wanted):
    same(given_up(repeated(**listed)), wanted)


CHEAP = (NORMS + PRODUCT, NORMS + EXPERT_PRODUCT)
SETS = {
    "none": (0.0, 0.0),
    "selective": CHEAP,
    "mla_up": tuple(QUERIES + KEYS + cheap for cheap in CHEAP),
    "full": GIVEN_UP["full"],
    "listed": (0.0, 0.0),
}


@pytest.mark.parametrize("name", RECOMPUTE)
def test_every_set(name):
    same(given_up(repeated(name)), SETS[name])
    # Of stored scores "selective" drops those alone.
    up, down = (QUERIES + KEYS if name == "mla_up" else 0.0), 0.0
    if name in ("selective", "mla_up"):
        down = SCORES
    elif name == "full":
        up, down = 0.0, SCORES + WHOLE_DENSE - ENTERED
    found, _ = given_up(repeated(name, 5.0), score_bytes=5.0)
    same(found, up + down)


def test_compressed_attention_alone_is_expanded():
    found = given_up(repeated("mla_up"), DENSE)
    same(found, given_up(repeated("selective"), DENSE))


@pytest.mark.parametrize(("precision", "width"), OPERAND_BYTES.items())
def test_inputs_of_products_in_low_precision(precision, width):
    """Norms, products of gates and routed copies; all else stays in two bytes."""
    training = dataclasses.replace(TRAINING, precision=precision)
    found = layer_activations(EXPERTS, training, HALF, 0.0, repeated("selective"))
    less = 1.0 - width / 2.0
    dense = WHOLE_DENSE - less * (NORMS + PRODUCT)
    expert = WHOLE_EXPERT - less * (NORMS + EXPERT_PRODUCT + COPIES)
    same([found.whole_dense, found.whole_expert], [dense, expert])
    same(found.dense, dense - width / 2.0 * (NORMS + PRODUCT))
    same(found.expert, expert - width / 2.0 * (NORMS + EXPERT_PRODUCT))
