"""What measured collectives say about the constants of the step-time model.

The model of a training step (`system/collectives.py`) knows no rings and no protocols:

    time = collective_latency + delay + wire [+ saturation * sqrt(delay * wire)]

with `delay` the logarithm of the ranks times the latency of a hop and `wire` the bytes
over efficiency times link rate.  A pipeline that is cut into the best number of blocks
has a saturation of 2 (see `hardware/collective.py`).  Training runs identify neither
the latencies nor the last term; this does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from supernode_opt.calibration.collectives.constants import EXPERT_OPERATIONS
from supernode_opt.calibration.collectives.fit import NOISE
from supernode_opt.calibration.collectives.judge import bus_bytes
from supernode_opt.calibration.collectives.table import Measurement

# Training sends nothing smaller: one token of a narrow model's tensor-parallel layer.
SMALLEST = 2.0**16
# Names of the parameters in the step-time model; the efficiency of an exchange between
# experts is `dispatch_speed` times that of the other collectives.
PARAMETERS = ("collective_latency", "latency", "efficiency", "saturation")
_START = (1e-5, 1e-6, 0.7, 2.0)
# Prior centre and standard deviation of the logarithm [1] of what a table may not tell:
# a remote store takes 0.8-1.9 us (arXiv:2607.16100, arXiv:2506.12708).
_PRIORS = {"latency": (0.8e-6, 1.0), "saturation": (2.0, 1.0)}


class Implied(NamedTuple):
    """Constants of the step-time model that some collectives imply.

    Attributes:
      library: whose collectives.
      fabric: generation of links.
      exchange: whether between experts, else gathers and scatters.
      rows: fitted.
      values: of `PARAMETERS`; without saturation the last is 0.
      deviations: standard errors, in the same units.
      median: absolute relative error on the rows not fitted [1].
    """

    library: str
    fabric: str
    exchange: bool
    rows: int
    values: tuple[float, ...]
    deviations: tuple[float, ...]
    median: float


def implied(rows: Sequence[Measurement]) -> tuple[Implied, ...]:
    """Fit the step-time model's form per library and links, with and without the root.

    Exchanges between experts are read from eight ranks on: below, a rank gets a token
    only once for several of its experts, which the step-time model does not count.
    """
    groups: dict[tuple[str, str, bool], list[Measurement]] = {}
    for row in rows:
        exchange = row.operation in EXPERT_OPERATIONS
        plain = row.operation in ("all_gather", "reduce_scatter")
        used = plain or (row.operation in ("dispatch", "combine") and row.ranks >= 8.0)
        if used and row.payload >= SMALLEST:
            key = (row.library, row.machine.fabric, exchange)
            groups.setdefault(key, []).append(row)
    found = []
    for key, members in sorted(groups.items()):
        for root in (False, True):
            if sum(row.is_fitted for row in members) > len(PARAMETERS):
                found.append(_fit(*key, members, root))
    return tuple(found)


def _fit(
    library: str,
    fabric: str,
    exchange: bool,
    rows: Sequence[Measurement],
    root: bool,
) -> Implied:
    from scipy.optimize import least_squares

    seen = np.asarray([row.is_fitted for row in rows])
    measured = np.log([row.seconds for row in rows])
    hops = np.log2([row.ranks for row in rows])
    wire = bus_bytes(rows) / np.asarray([row.machine.rate for row in rows])
    count = len(PARAMETERS) if root else len(PARAMETERS) - 1

    def told(logs: np.ndarray) -> np.ndarray:
        start, hop, efficiency, *rest = np.exp(logs)
        moving = wire / efficiency
        filling = rest[0] * np.sqrt(hops * hop * moving) if rest else 0.0
        return np.log(start + hops * hop + moving + filling)

    def residual(logs: np.ndarray) -> np.ndarray:
        known = [
            NOISE * (logs[PARAMETERS.index(name)] - np.log(centre)) / spread
            for name, (centre, spread) in _PRIORS.items()
            if PARAMETERS.index(name) < count
        ]
        return np.append((told(logs) - measured)[seen], known)

    start = np.log(_START[:count])
    best = least_squares(residual, start, loss="soft_l1", f_scale=NOISE)
    # The form is too simple for the rows; their scatter around it says how much.
    scatter = 1.4826 * float(np.median(np.abs(told(best.x) - measured)[seen]))
    spread = np.sqrt(np.diag(np.linalg.inv(best.jac.T @ best.jac)))
    spread = max(NOISE, scatter) * spread
    values = np.exp(best.x)
    unseen = ~seen if (~seen).any() else seen
    off = np.abs(np.exp(told(best.x) - measured)[unseen] - 1.0)
    missing = (0.0,) * (len(PARAMETERS) - count)
    return Implied(
        library,
        fabric,
        exchange,
        int(seen.sum()),
        (*map(float, values), *missing),
        (*map(float, values * spread), *missing),
        float(np.median(off)),
    )
