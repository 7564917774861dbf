"""What it takes to compute single modules again, each worked by hand.

Arithmetic is judged where memory is endless, and memory where arithmetic is.
"""

import dataclasses

import pytest

from tests.plain import DENSE, EXPERTS, repeated, same, scenario
from tests.system.test_kernel_values import FAST_ARRAYS, FAST_MEMORY, layers

# Times of experts where arithmetic takes none, see `test_memory_of_experts`.
NORMS, GATES, EXPERT_GATES = 16.0 * 1.5 * 224 / 80, 16.0 * 1.5 * 72 / 80, 16.2
ROUTING, CORE = 2.0 * 16.0 * 128 / 80, 2.0 * 16.0 * 56 / 80
# Bytes of 16 tokens: query down 2 (128 + 40) + 2 * 80 and up 2 (80 + 60) + 2 * 192,
# keys down 2 (128 + 56) + 2 * 112 and up 2 (96 + 144) + 2 * 384, out 2 (256 + 128) + 2
# * 128.
UP = (664.0 + 1248.0) / 80.0
PROJECTIONS = UP + (496.0 + 592.0 + 1024.0) / 80.0
# Up 2 (128 + 192) + 2 * 384 and down 2 (192 + 96) + 2 * 128.
FFN = (1408.0 + 832.0) / 80.0
# Router 2 (128 + 128) + 2 * 256; shared 2 (128 + 48) + 2 * 96 and 2 (48 + 24) + 2 *
# 128; two tokens to each of 16 experts, 2 (256 + 768) + 2 * 192 and 2 (96 + 384) + 2 *
# 256.
BLOCK = (1024.0 + 544.0 + 400.0 + 2432.0 + 1472.0) / 80.0
AGAIN = {
    "norm": (NORMS, NORMS),
    "activation": (GATES, EXPERT_GATES),
    "core_attention": (CORE, CORE),
    "mla_up": (UP, UP),
    "ffn": (FFN + GATES, 0.0),
    "experts": (0.0, BLOCK + EXPERT_GATES + ROUTING),
    # Half of the projections, a third of the FFN, grouped products and permutations.
    "operators": (
        NORMS + PROJECTIONS / 2 + FFN / 3 + GATES,
        NORMS + PROJECTIONS / 2 + BLOCK + EXPERT_GATES + ROUTING,
    ),
    "full": (
        NORMS + PROJECTIONS + CORE + FFN + GATES,
        NORMS + PROJECTIONS + CORE + BLOCK + EXPERT_GATES + ROUTING,
    ),
}


def repeats(modules, model=EXPERTS, **changes):
    """Time of computing again; everything else takes as long as ever."""
    where = scenario(
        model,
        software__elementwise_traffic=1.5,
        software__routing_traffic=2.0,
        **(changes or FAST_ARRAYS),
    )
    (times, head), (bare, usual) = layers(where, modules), layers(where)
    same(times.recompute[:, 0], 0.0)
    for part in ("gemm", "attention", "elementwise", "launch"):
        same(getattr(times, part), getattr(bare, part))
    same(head, usual)
    return times.recompute[:, 1]


@pytest.mark.parametrize("share", [1.0, 0.25])
@pytest.mark.parametrize("module", AGAIN)
def test_every_module_takes_its_own_time(module, share):
    wanted = [share * time for time in AGAIN[module]]
    same(repeats(repeated(**{module: share})), wanted)


def test_arithmetic_of_modules():
    # 0.05 s for a FLOP of each token: queries and keys up 120 and 288 of attention's
    # 856; half of the experts, 288, as much again on the busiest rank.
    uneven = {"software__expert_imbalance": 1.5, **FAST_MEMORY}
    same(repeats(repeated(mla_up=1.0), **uneven), [20.4, 20.4])
    same(repeats(repeated(ffn=1.0), **uneven), [28.8, 0.0])
    experts = 0.05 * (400.0 + 1.5 * 288.0)
    same(repeats(repeated(experts=1.0), **uneven), [0.0, experts])
    same(repeats(repeated(operators=1.0), **uneven), [21.4 + 9.6, 21.4 + experts])
    # Grouped attention has 384 and nothing compressed; without a gate one of two
    # products of 192 is repeated.
    same(repeats(repeated(mla_up=1.0), DENSE, **FAST_MEMORY), [0.0, 0.0])
    same(repeats(repeated(operators=1.0), DENSE, **FAST_MEMORY)[0], 9.6 + 9.6)
    plain = dataclasses.replace(DENSE, gated=0.0)
    same(repeats(repeated(operators=1.0), plain, **FAST_MEMORY)[0], 9.6 + 9.6)


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        (dict.fromkeys(AGAIN, 1.0), AGAIN["full"]),
        (
            {"ffn": 1.0, "experts": 1.0, "operators": 1.0},
            [
                NORMS + PROJECTIONS / 2 + FFN + GATES,
                NORMS + PROJECTIONS / 2 + BLOCK + EXPERT_GATES + ROUTING,
            ],
        ),
        (
            {"mla_up": 1.0, "operators": 1.0},
            [
                NORMS + UP + FFN / 3 + GATES,
                NORMS + UP + BLOCK + EXPERT_GATES + ROUTING,
            ],
        ),
        ({"full": 0.5, "norm": 1.0}, [0.5 * x + 0.5 * NORMS for x in AGAIN["full"]]),
        (
            {"ffn": 0.5, "activation": 1.0},
            [0.5 * (FFN + GATES) + 0.5 * GATES, EXPERT_GATES],
        ),
    ],
)
def test_what_several_modules_contain_is_repeated_once(listed, wanted):
    same(repeats(repeated(**listed)), wanted)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("none", (0.0, 0.0)),
        ("selective", (NORMS + GATES, NORMS + EXPERT_GATES)),
        ("mla_up", (NORMS + UP + GATES, NORMS + UP + EXPERT_GATES)),
        ("full", AGAIN["full"]),
        ("listed", (0.0, 0.0)),
    ],
)
def test_every_set_takes_its_time(name, wanted):
    same(repeats(repeated(name)), wanted)
    if name != "mla_up":
        return
    grouped = repeats(repeated(name), DENSE)
    same(grouped, repeats(repeated("selective"), DENSE))
