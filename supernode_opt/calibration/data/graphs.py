"""CUDA graphs by module: which share of a layer's launches each of them captures.

The names are those of Megatron-Core's `cuda_graph_modules` (before 0.19
`cuda_graph_scope`), developer guide, "CUDA Graph".
"""

import itertools
from collections.abc import Mapping

# Kernels that Megatron-Core launches in the forward pass of a layer, counted in its
# modules with fused norms, rotary embeddings and gates: norm, query key value, two
# rotations, core, output, sum; norm, up, gate, down, sum.  What stands in place of the
# FFN in a layer of experts: norm, product and choice of the router; counts, their sum
# and the map of rows; permute, send, sort, two grouped products and a gate, sort, send
# and sum up.
_ATTENTION, _FFN = 7.0, 5.0
_ROUTER, _PREPROCESS, _EXPERTS = 3.0, 3.0, 9.0
# Share of the launches of a layer, and of the host's own time in one of experts [1].
_OF_EXPERTS = {
    "moe_router": _ROUTER / (_ROUTER + _PREPROCESS + _EXPERTS),
    "moe_preprocess": _PREPROCESS / (_ROUTER + _PREPROCESS + _EXPERTS),
    "moe": 1.0,
}
_HALVES = {
    "attn": _ATTENTION / (_ATTENTION + _FFN),
    "mlp": _FFN / (_ATTENTION + _FFN),
}
# Modules of a layer that a model of the other kind does not have.
_ABSENT = {"moe": ("mlp",), "dense": tuple(_OF_EXPERTS)}
MODULES = (*_HALVES, *_OF_EXPERTS)


def _meaning(modules: tuple[str, ...]) -> Mapping[str, float]:
    """Return what the capture of `modules` says of a `Practice`."""
    experts = min(sum(_OF_EXPERTS.get(name, 0.0) for name in modules), 1.0)
    half = max(experts, float("mlp" in modules))
    launches = ("attn" in modules) * _HALVES["attn"] + half * _HALVES["mlp"]
    return {
        "full_graph": 0.0,
        "partial_graph": 0.0,
        "captured": launches,
        "captured_experts": experts,
    }


def _every() -> Mapping[str, Mapping[str, float]]:
    found = {}
    for count in range(1, len(MODULES) + 1):
        for modules in itertools.combinations(MODULES, count):
            # All of the experts holds their router.
            if "moe" not in modules or not {"moe_router", "moe_preprocess"} & {
                *modules
            }:
                found["+".join(modules)] = _meaning(modules)
    return found


# Words for every combination, such as "attn+moe_router", and what they say.
GRAPHS: Mapping[str, Mapping[str, float]] = _every()


def in_layers(word: str, kind: str) -> str:
    """Return the word without the modules that a "moe" or "dense" model lacks."""
    if word not in GRAPHS:
        return word
    kept = [name for name in word.split("+") if name not in _ABSENT.get(kind, ())]
    return "+".join(kept) or "none"
