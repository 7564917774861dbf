"""The small study that the tests of the Python API ask about."""

import supernode_opt as so

FROZEN = {
    "tensor_parallel": 8,
    "pipeline_parallel": 1,
    "context_parallel": 1,
    "expert_parallel": 1,
    "interleave": 1,
    "micro_batch": 1,
    "recompute": "none",
    "optimizer_sharding": "zero1",
    "sequence_parallel": "on",
}


def study(given=None, /, **more):
    """Two boxes of eight H100 and a small model, all decided but what is said."""
    fields = {"system": "dgx_h100", "model": "llama3_8b", "chips": 16} | FROZEN | more
    return so.Study(given, sequence_length=4096, global_batch=64, **fields)
