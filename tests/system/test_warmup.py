"""Expert exchanges that hide in steady 1F1B and half in warm-up, worked by hand."""

import pytest

from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.pipeline import alone_share
from tests.plain import EXPERTS, design, same, scenario

PIPELINED = {"pipeline_parallel": 2.0, "expert_parallel": 4.0, "chips": 8.0}
WIDE = {
    "software__expert_overlapped": 0.8,
    # Room for all that may hide.
    "software__expert_window": 1.0,
    "chip__peak_bf16": 1.0,
}


@pytest.mark.parametrize(
    ("stages", "chunks", "count", "share"),
    [
        # Ranks of four begin with 3, 2, 1 and 0 of 8 forward passes alone.
        (4.0, 1.0, 8.0, 6.0 / 32.0),
        # With two chunks 10, 8, 6 and 4 of 16.
        (4.0, 2.0, 8.0, 28.0 / 64.0),
        (1.0, 1.0, 8.0, 0.0),
        # Fewer micro-batches than passes alone: none is left.
        (8.0, 2.0, 4.0, 1.0),
    ],
)
def test_passes_of_which_none_of_the_other_kind_is_beside(stages, chunks, count, share):
    built = design(
        pipeline_parallel=stages, interleave=chunks, chips=stages, micro_batch=1.0
    )
    where = scenario(EXPERTS, training__global_batch=count)
    same(alone_share(built, where), share)


def test_half_of_what_hides_does_in_warm_up():
    built = design(**PIPELINED)
    full, half = (
        evaluate(built, scenario(EXPERTS, **WIDE, software__warmup_hidden=hidden))
        for hidden in (1.0, 0.5)
    )
    untold = evaluate(built, scenario(EXPERTS, **WIDE))
    same(full.step.expert_parallel, untold.step.expert_parallel)
    alone = alone_share(built, scenario(EXPERTS, **WIDE))
    assert 0.0 < alone < 1.0
    # A fifth is seen; of the rest in that share of the passes a half more.
    seen = 0.2 + 0.8 * 0.5 * alone
    same(half.step.expert_parallel / full.step.expert_parallel, seen / 0.2)
    others = ("gemm", "attention", "tensor_parallel", "overhead")
    for name in others:
        same(getattr(half.step, name), getattr(full.step, name))
