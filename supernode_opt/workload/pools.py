"""Legal layouts of a machine that serves: what its two pools may be, and how many.

A pool is divided into instances, copies of the model.  An instance is a pipeline of
stages, a stage some groups of tensor ranks that have requests of their own and share
the experts of the stage's layers.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.workload.model import Model
from supernode_opt.workload.sizes import divisors
from supernode_opt.workload.split import TooManySplits

Range = tuple[float, float]
# Sizes of an instance of decode, and what they are called of one of prefill.
LAYOUT = (
    "tensor_parallel",
    "attention_data_parallel",
    "expert_parallel",
    "pipeline_parallel",
)
OF_PREFILL = tuple(f"prefill_{name}" for name in LAYOUT)
# What is given of prefill where it has no chips of its own.
IDLE = 1.0
# Tokens of one pass of prefill and requests in decode are tried as powers of two.
_LISTED = ("draft_tokens", "decode_batch", "prefill_tokens")


class Machine(NamedTuple):
    """What a layout has to fill.

    Attributes:
      chips: of the machine [1].
      board: chips of a board, all of which are in one pool [1].
      ranks: of a chip [1].
    """

    chips: int
    board: int
    ranks: int


def layouts(
    model: Model, ranks: int, ranges: Sequence[Range]
) -> list[tuple[int, int, int, int]]:
    """Return every (tensor, data, expert, pipeline) whose instances fill `ranks`.

    Experts are all in every rank's group of tensor ranks, or spread over all ranks of a
    stage; a number of expert ranks that is given may be between.

    Args:
      model: the transformer.
      ranks: of the pool [1].
      ranges: least and greatest of each size, in that order.
    """
    tensors, data, experts, stages = ranges
    sparse, found = model.experts > 0, []
    for tensor in _within(tensors, divisors(int(model.heads))):
        for depth in _within(stages, divisors(ranks)):
            rest = ranks // (tensor * depth)
            if depth > model.layers or rest * tensor * depth != ranks:
                continue
            for groups in _within(data, divisors(rest) if sparse else [1]):
                stage = tensor * groups
                spread = {1, stage} if sparse else {1}
                if experts[0] == experts[1] and sparse:
                    spread = {int(experts[0])}
                for expert in _within(experts, sorted(spread)):
                    if stage % expert == 0:
                        found.append((tensor, groups, expert, depth))
    return found


def _within(limits: Range, values: Iterable[int]) -> list[int]:
    low, high = limits
    return [v for v in values if low - 1e-9 <= v <= high + 1e-9]


def redundant(model: Model, spread: int, limits: Range) -> int | None:
    """Return the fewest copies beside one of each expert that fill `spread` ranks.

    >>> from supernode_opt.workload.model import Model
    >>> experts = type("M", (), {"experts": 256.0})
    >>> redundant(experts, 320, (0.0, 256.0)), redundant(experts, 32, (0.0, 256.0))
    (64, 0)
    """
    if model.experts <= 0.0 or spread <= 1:
        return 0 if limits[0] <= 0.0 else None
    least = int(model.experts + math.ceil(limits[0] - 1e-9))
    found = -(-least // spread) * spread - int(model.experts)
    return found if found <= limits[1] + 1e-9 else None


def pool_sizes(machine: Machine, limits: Range) -> list[int]:
    """Return how many chips may do nothing but prefill: none, or whole boards.

    At least a board is left for decode.
    """
    low, high = limits
    last = min(int(high + 1e-9), machine.chips - 1)
    if low == high and 0 < low <= last:
        return [int(low)]
    return [n for n in range(0, last + 1, machine.board) if n >= low - 1e-9]


def listed(name: str, limits: Range) -> list[float]:
    """Return the values to try of a number that is neither a size nor a count of chips.

    Drafted tokens are tried one by one, batches and tokens of a pass as powers of two
    beside the two ends.
    """
    low, high = limits
    if name == "draft_tokens":
        return [float(k) for k in range(math.ceil(low), int(high) + 1)]
    powers = [2.0**k for k in range(31) if low < 2.0**k < high]
    return sorted({low, *powers, high})


def enumerate_pools(
    model: Model,
    machines: Sequence[Machine],
    ranges: Mapping[str, Range],
    switches: Mapping[str, Sequence[int]],
    limit: int,
) -> dict[str, NDArray]:
    """Return every legal layout of both pools as columns.

    Args:
      model: the transformer.
      machines: sizes to fill.
      ranges: least and greatest of every size, of `prefill_chips`,
        `redundant_experts`, `draft_tokens`, `decode_batch` and `prefill_tokens`.
      switches: allowed positions of `dual_batch`.
      limit: more than so many are refused.

    Raises:
      TooManySplits: there are more than `limit`.
    """
    rows: list[NDArray] = []
    more = [listed(name, ranges[name]) for name in _LISTED]
    each = math.prod(map(len, more)) * len(switches["dual_batch"])
    count = 0
    for machine in machines:
        for prefill in pool_sizes(machine, ranges["prefill_chips"]):
            pairs = _pairs(model, machine, prefill, ranges)
            count += len(pairs) * each
            if count > limit:
                raise TooManySplits(_TOO_MANY.format(limit))
            rows.append(np.asarray(pairs, float).reshape(-1, len(_COLUMNS)))
    table = np.concatenate(rows) if rows else np.zeros((0, len(_COLUMNS)))
    columns = dict(zip(_COLUMNS, table.T, strict=True))
    combined = list(itertools.product(*more, switches["dual_batch"]))
    wide: dict[str, NDArray] = {
        name: np.repeat(v, len(combined)) for name, v in columns.items()
    }
    for k, name in enumerate((*_LISTED, "dual_batch")):
        kind = np.int32 if name == "dual_batch" else float
        wide[name] = np.tile([one[k] for one in combined], len(table)).astype(kind)
    return wide


_COLUMNS = ("chips", "prefill_chips", "redundant_experts", *LAYOUT, *OF_PREFILL)
_TOO_MANY = (
    "there are more than {:,} legal layouts to serve with: freeze some of the sizes or"
    " narrow their ranges"
)


def _pairs(
    model: Model, machine: Machine, prefill: int, ranges: Mapping[str, Range]
) -> list[tuple[float, ...]]:
    """Return layouts of decode with layouts of prefill that its chips can have."""
    ranks = (machine.chips - prefill) * machine.ranks
    writing = layouts(model, ranks, [ranges[name] for name in LAYOUT])
    reading = [(IDLE,) * len(LAYOUT)]
    if prefill:
        sizes = [ranges[name] for name in OF_PREFILL]
        reading = layouts(model, prefill * machine.ranks, sizes)
    found: list[tuple[float, ...]] = []
    for one, other in itertools.product(writing, reading):
        spread = math.lcm(int(one[2]), int(other[2]))
        copies = redundant(model, spread, ranges["redundant_experts"])
        if copies is not None:
            found.append((machine.chips, prefill, copies, *one, *other))
    return found


def illegal(values: Mapping[str, float], model: Model, machine: Machine) -> str:
    """Return the rule that a layout breaks, as a sentence after a field; "" if none.

    Args:
      values: sizes that are known, any of `LAYOUT`, `OF_PREFILL`, `prefill_chips` and
        `redundant_experts`; nothing is said of what the others decide.
      model: the transformer.
      machine: what it fills.
    """
    prefill = values.get("prefill_chips")
    if prefill is not None and prefill >= machine.chips:
        return (
            f"prefill_chips must leave chips for decode, but is {prefill:g} of"
            f" {machine.chips}"
        )
    pools: list[tuple[str, Sequence[str], float | None]] = []
    pools.append(("", LAYOUT, None if prefill is None else machine.chips - prefill))
    if prefill != 0.0:
        pools.append(("prefill_", OF_PREFILL, prefill))
    for prefix, names, chips in pools:
        found = _broken(values, model, machine, prefix, names, chips)
        if found:
            return found
    return ""


def _broken(
    values: Mapping[str, float],
    model: Model,
    machine: Machine,
    prefix: str,
    names: Sequence[str],
    chips: float | None,
) -> str:
    tensor, data, expert, stages = (values.get(name) for name in names)
    copies = values.get("redundant_experts")
    if tensor and model.heads % tensor:
        whole = f"the {model.heads:g} attention heads"
        return f"{names[0]} must divide {whole}, but is {tensor:g}"
    if model.experts <= 0.0:
        for name in (names[1], names[2], "redundant_experts"):
            least = 0.0 if name == "redundant_experts" else 1.0
            if values.get(name, least) > least:
                return (
                    f"{name} must be {least:g} for a model without experts, but is"
                    f" {values[name]:g}"
                )
    if stages and stages > model.layers:
        return f"{names[3]} must be at most the {model.layers:g} layers"
    if tensor and data and expert and (tensor * data) % expert:
        return (
            f"{names[2]} must divide the {tensor * data:g} ranks of a stage"
            f" ({names[0]} x {names[1]}), but is {expert:g}"
        )
    if expert and copies is not None and (model.experts + copies) % expert:
        return (
            f"{names[2]} must divide the {model.experts + copies:g} experts with their"
            f" copies, but is {expert:g}"
        )
    if chips is not None and tensor and data and stages:
        ranks, instance = chips * machine.ranks, tensor * data * stages
        if ranks % instance:
            pool = "prefill" if prefix else "decode"
            return (
                f"{names[1]} leads to instances of {instance:g} ranks, which do not"
                f" fill the {ranks:g} ranks of {pool}"
            )
    return ""
