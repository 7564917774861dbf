"""Which constants of a collective are fitted, from which prior, and who shares them.

What a library does is declared, not fitted: NCCL pipelines rings and lets switches
reduce, HCCL agrees on buffers before large messages and runs on a mesh, the expert
kernels of TensorRT-LLM handle tokens one by one.  The numbers behind it are fitted.
Priors come from other sources than the tables.
"""

from typing import NamedTuple

from supernode_opt.catalog.collectives import REDUCING
from supernode_opt.hardware.collective import OPERATIONS, Collective, Operation
from supernode_opt.units import quantities

NAMES = tuple(name for name, _ in quantities(Collective))
FLAGS = Operation._fields


class Constant(NamedTuple):
    """One fitted constant of a library; all are positive and fitted as logarithms.

    Attributes:
      name: of the field of `Collective`.
      prior: centre of the prior, in the field's unit.
      spreads: prior standard deviation of the logarithm by who shares the value [1];
        the first is around `prior`, the others are deviations from it.  The names of
        `Sharing` joined by blanks say who; "" is everybody.
      source: why the prior stands where it stands.
    """

    name: str
    prior: float
    spreads: dict[str, float]
    source: str


class Sharing(NamedTuple):
    """What rows may have in common; `algorithm` is "ring" or "direct"."""

    operation: str
    algorithm: str
    fabric: str


_TUNER = "NVIDIA/nccl src/graph/tuning.cc"
_UB = "arXiv:2506.12708v2 Table 1"
_PLAIN = "engineering estimate"
_BY_OPERATION = {"operation": 0.05, "operation fabric": 0.05}
_BY_ALGORITHM = {"algorithm": 0.5, "algorithm fabric": 0.3}

NCCL = (
    Constant("efficiency", 0.78, _BY_OPERATION, "plateaus of 0.74-0.82 of the link"),
    Constant("local_share", 0.5, {"operation": 0.5}, _PLAIN),
    Constant("switch_work", 1.44, {"": 0.2, "fabric": 0.1}, "plateau 0.95 of the link"),
    Constant("call_time", 6.6e-6, _BY_ALGORITHM, _TUNER),
    Constant("step_time", 0.6e-6, _BY_ALGORITHM, _TUNER),
    Constant("chunk_time", 3.4e-6, {"operation": 1.0, "operation fabric": 0.5}, _TUNER),
)
HCCL = (
    Constant("efficiency", 0.80, {"": 0.2, "operation": 0.1}, "0.6-1.0 of the link"),
    Constant("congestion", 0.05, {"": 1.0}, _PLAIN),
    Constant("pair_work", 1.43, {"": 0.3, "operation": 0.2}, f"{_UB}: writes 0.70"),
    Constant("call_time", 20e-6, {"": 0.7}, "HCCL 10-60 us"),
    Constant("step_time", 1.9e-6, {"": 0.5}, _UB),
    Constant("rendezvous_time", 50e-6, {"operation": 1.0}, _PLAIN),
    Constant("rendezvous_step_time", 3e-6, {"": 1.0}, _PLAIN),
    Constant("rendezvous_bytes", 1e6, {"": 1.0, "operation": 0.3}, _PLAIN),
)
EXPERTS = (
    Constant("efficiency", 0.80, {"": 0.2}, "DeepEP on NVLink5: 0.81-0.82 of the link"),
    Constant("congestion", 0.05, {"": 1.0}, _PLAIN),
    Constant("call_time", 10e-6, {"operation": 0.5}, _PLAIN),
    Constant("step_time", 0.8e-6, {"operation": 0.7}, "arXiv:2607.16100"),
    Constant("item_time", 40e-9, {"operation": 1.5}, _PLAIN),
)
EXPERT_OPERATIONS = ("dispatch", "combine", "combine_low_precision", "prepare")


def constants_of(library: str, operation: str) -> tuple[Constant, ...]:
    """Return what is fitted for a library; one that is not known is taken as NCCL."""
    if operation in EXPERT_OPERATIONS:
        return EXPERTS
    return HCCL if library.startswith("hccl") else NCCL


def sharing(operation: str, fabric: str) -> Sharing:
    """Return the names under which an operation on some links shares constants."""
    direct = OPERATIONS[operation].direct > 0.0
    return Sharing(operation, "direct" if direct else "ring", fabric)


def applies(constant: Constant, operation: str, fabric: str) -> bool:
    """Tell whether a constant has any meaning for an operation on some links."""
    if constant.name == "switch_work":
        return operation == "all_reduce" and fabric in REDUCING
    if operation == "prepare":
        # It moves a few words per token, and no message.
        return constant.name not in ("efficiency", "congestion")
    # Pairs that exchange at once have nothing to agree on along a ring.
    if constant.name.startswith("rendezvous"):
        return not OPERATIONS[operation].direct
    return True


def label(scope: str, who: Sharing) -> str:
    """Return the member of `scope` that `who` belongs to.

    >>> label("operation fabric", Sharing("all_reduce", "ring", "nvlink4"))
    'all_reduce nvlink4'
    """
    return " ".join(getattr(who, part) for part in scope.split())


# What a constant is worth to an operation that it has no meaning for.
ABSENT = {
    name: {"efficiency": 1.0, "rendezvous_bytes": 1e6}.get(name, 0.0) for name in NAMES
}
