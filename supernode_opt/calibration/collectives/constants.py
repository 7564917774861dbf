"""Which constants of a collective are fitted, from which prior, and who shares them.

What a library does is declared, not fitted: NCCL pipelines rings and lets switches
reduce, HCCL agrees on buffers before large messages and runs on a mesh, the expert
kernels of TensorRT-LLM handle tokens one by one.  The numbers behind it are fitted.
Priors come from other sources than the tables.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from supernode_opt.catalog.collectives import REDUCING
from supernode_opt.hardware.collective import OPERATIONS, Collective, Operation
from supernode_opt.units import quantities

# (constant, scope, member)
Name = tuple[str, str, str]
NAMES = tuple(name for name, _ in quantities(Collective))
FLAGS = Operation._fields


class Constant(NamedTuple):
    """One fitted constant of a library; all are positive and fitted as logarithms.

    Attributes:
      name: of the field of `Collective`.
      prior: centre of the prior, in the field's unit.
      spreads: prior standard deviation of the logarithm by who shares the value [1];
        the first is around `prior`, the others are deviations from it.  Of operation,
        algorithm ("ring" or "direct") and fabric the scope names what sharers have in
        common; "" is everybody.
      source: why the prior stands where it stands.
    """

    name: str
    prior: float
    spreads: dict[str, float]
    source: str


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


def _applies(constant: Constant, operation: str, fabric: str) -> bool:
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


def constants_of(
    library: str, operation: str, fabric: str
) -> list[tuple[Constant, dict[Name, float]]]:
    """Return what is fitted, each with the prior spreads of its parameters by name.

    A library that is not known is taken as NCCL.
    """
    table = HCCL if library.startswith("hccl") else NCCL
    if operation in EXPERT_OPERATIONS:
        table = EXPERTS
    algorithm = "direct" if OPERATIONS[operation].direct > 0.0 else "ring"
    who = {"operation": operation, "algorithm": algorithm, "fabric": fabric}
    return [
        (
            constant,
            {
                (constant.name, scope, " ".join(who[part] for part in scope.split())): s
                for scope, s in constant.spreads.items()
            },
        )
        for constant in table
        if _applies(constant, operation, fabric)
    ]


# What a constant is worth to an operation that it has no meaning for.
ABSENT = {
    name: {"efficiency": 1.0, "rendezvous_bytes": 1e6}.get(name, 0.0) for name in NAMES
}


class Posterior(NamedTuple):
    """A fitted library.

    Attributes:
      library: its name.
      names: (constant, scope, member) of every parameter.
      centre, spread: prior mean and standard deviation [parameter].
      mean: fitted logarithm or deviation [parameter].
      covariance: from the Hessian at the optimum [parameter, parameter].
    """

    library: str
    names: tuple[Name, ...]
    centre: np.ndarray
    spread: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


def parameters(library: str, keys: Sequence[tuple[str, str]]) -> Posterior:
    """Return the prior of all parameters of some (operation, fabric) pairs."""
    found: dict[Name, tuple[float, float]] = {}
    for key in keys:
        for constant, spreads in constants_of(library, *key):
            for order, (name, spread) in enumerate(spreads.items()):
                centre = 0.0 if order else float(np.log(constant.prior))
                found.setdefault(name, (centre, spread))
    numbers = np.asarray(list(found.values()), float).reshape(-1, 2)
    centre, spread = numbers.T
    covariance = np.diag(spread**2)
    return Posterior(library, tuple(found), centre, spread, centre.copy(), covariance)


def selection(known: Posterior, operation: str, fabric: str) -> np.ndarray:
    """Return the 0-1 matrix from parameters to `NAMES`; a row of zeros is absent."""
    matrix = np.zeros((len(NAMES), len(known.names)))
    for constant, spreads in constants_of(known.library, operation, fabric):
        for name in spreads.keys() & set(known.names):
            matrix[NAMES.index(constant.name), known.names.index(name)] = 1.0
    return matrix


class Fitted(NamedTuple):
    """A constant of one operation on some links, with what is known of it.

    Attributes:
      value: in the field's unit.
      deviation: standard deviation of its logarithm [1].
      prior: centre of its prior, in the field's unit.
      share: of the prior's standard deviation that is left [1].
    """

    value: float
    deviation: float
    prior: float
    share: float


def constants_at(known: Posterior, operation: str, fabric: str) -> dict[str, Fitted]:
    """Return the fitted constants of an operation, those it has.

    On links that were not fitted the deviation contains how much links differ.
    """
    matrix = selection(known, operation, fabric)
    found = {}
    for constant, spreads in constants_of(known.library, operation, fabric):
        row = matrix[NAMES.index(constant.name)]
        # Deviations that no row could tell keep their prior variance.
        unseen = [spread for name, spread in spreads.items() if name not in known.names]
        missing = sum(spread**2 for spread in unseen)
        variance = row @ known.covariance @ row + missing
        before = row @ (known.spread**2 * row) + missing
        value = float(np.exp(row @ known.mean))
        if constant.name == "local_share":
            value = min(value, 1.0)
        found[constant.name] = Fitted(
            value,
            float(np.sqrt(variance)),
            float(np.exp(row @ known.centre)),
            float(np.sqrt(variance / before)),
        )
    return found
