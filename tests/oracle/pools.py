"""Layouts of both pools of a machine that serves, listed by trial of every size.

The rules, stated once more and independently:

- whole boards do nothing but prefill, or none; some are left for decode;
- in either pool tensor ranks divide the heads, and tensor x data x pipeline ranks
  divide the pool; stages are no more than layers;
- a model without experts has no groups that share any, and no expert ranks;
- expert ranks are one or all of a stage, unless one number is given: then it divides a
  stage;
- experts with copies fill the expert ranks of both pools evenly, with the fewest
  copies;
- prefill has ones where it has no chips of its own.
"""

import itertools
import math

from supernode_opt.system.design import SERVING_NUMBERS
from supernode_opt.workload.split import SIZES, SWITCHES

NAMES = (*SIZES, *SWITCHES, *SERVING_NUMBERS, "dual_batch")
_SHAPE = (
    "tensor_parallel",
    "attention_data_parallel",
    "expert_parallel",
    "pipeline_parallel",
)


def _span(problem, name):
    for v in problem.variables:
        if v.name == name:
            return v.low, v.high
    return (float(problem.fixed[name]),) * 2


def _places(problem, name):
    from tests.oracle.space import _positions

    return _positions(problem, name)


def _pool(problem, ranks, prefix):
    """List the shapes of a pool by trial of every divisor."""
    model = problem.scenario.model
    spans = [_span(problem, prefix + name) for name in _SHAPE]
    whole = [n for n in range(1, ranks + 1) if ranks % n == 0]

    def inside(value, span):
        return span[0] - 1e-9 <= value <= span[1] + 1e-9

    for tensor, data, depth in itertools.product(whole, whole, whole):
        if ranks % (tensor * data * depth) or int(model.heads) % tensor:
            continue
        if depth > model.layers or not (
            inside(tensor, spans[0]) and inside(data, spans[1])
        ):
            continue
        if not inside(depth, spans[3]) or (data > 1 and not model.experts):
            continue
        stage = tensor * data
        spread = {1, stage} if model.experts else {1}
        if model.experts and spans[2][0] == spans[2][1]:
            spread = {int(spans[2][0])}
        for expert in spread:
            if inside(expert, spans[2]) and stage % expert == 0:
                yield tensor, data, expert, depth


def _copies(problem, first, second):
    experts, (low, high) = (
        int(problem.scenario.model.experts),
        _span(problem, "redundant_experts"),
    )
    spread = math.lcm(first, second)
    for copies in range(math.ceil(low), int(high) + 1):
        if spread == 1:
            return copies if copies == 0 else None
        if (experts + copies) % spread == 0:
            return copies
    return None


def _listed(problem, name):
    low, high = _span(problem, name)
    if name == "draft_tokens":
        return list(range(math.ceil(low), math.floor(high) + 1))
    return sorted({low, high, *(2**k for k in range(30) if low < 2**k < high)})


def layouts(problem):
    """Return every layout as a plain dictionary."""
    from tests.oracle.space import machine_sizes

    scenario = problem.scenario
    dies, board = scenario.chip.ranks_per_chip, int(scenario.host.chips_per_board)
    low, high = _span(problem, "prefill_chips")
    own = {n: float(problem.fixed[n]) for n in ("micro_batch", "interleave")}
    own |= {"context_parallel": 1.0}
    own |= {name: _places(problem, name)[0] for name in SWITCHES}
    more = [_listed(problem, n) for n in ("draft_tokens", "decode_batch")]
    more += [_listed(problem, "prefill_tokens"), _places(problem, "dual_batch")]
    found = []
    for chips in machine_sizes(problem):
        for prefill in range(0, chips, board):
            if not low <= prefill <= high:
                continue
            reading = [(1, 1, 1, 1)]
            if prefill:
                reading = list(_pool(problem, prefill * dies, "prefill_"))
            for one in _pool(problem, (chips - prefill) * dies, ""):
                for other in reading:
                    copies = _copies(problem, one[2], other[2])
                    if copies is None:
                        continue
                    row = dict(zip(_SHAPE, one, strict=True))
                    row |= {
                        f"prefill_{n}": v for n, v in zip(_SHAPE, other, strict=True)
                    }
                    row |= {"chips": chips, "prefill_chips": prefill}
                    row |= {"redundant_experts": copies} | own
                    for drafts, batch, tokens, dual in itertools.product(*more):
                        found.append(
                            row
                            | {
                                "draft_tokens": drafts,
                                "decode_batch": batch,
                                "prefill_tokens": tokens,
                                "dual_batch": dual,
                            }
                        )
    return found


def listed(problem, plain):
    """Tell whether a design, choices as positions, has one of the layouts."""
    return any(
        all(abs(row[name] - plain[name]) < 1e-9 for name in NAMES)
        for row in layouts(problem)
    )
