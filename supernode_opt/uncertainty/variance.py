"""Which constants an uncertain quantity owes its spread to."""

import numpy as np

from supernode_opt.record import get
from supernode_opt.system.design import Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty.intervals import drawn_reports

DRAWS = 4096
# Squared norms of the Hermite polynomials x, x^2 - 1 and x^3 - 3 x.
_NORMS = (1.0, 2.0, 6.0)


def variance_shares(
    design: Design, scenario: Scenario, quantity: str, seed: int = 0
) -> dict[str, float]:
    """Return first-order variance shares of one reported quantity, greatest first.

    The share of a constant is `Var(E[Y | constant]) / Var(Y)` (Sobol's first-order
    index) when all constants are drawn from their catalog ranges; the conditional mean
    is expanded in Hermite polynomials of the normal behind the draw, up to the third.
    Constants that a fit correlates share what they have in common.

    Args:
      design: one design.
      scenario: what is given; its constants are drawn around their values.
      quantity: field of `Report`, or dotted path to a part.
      seed: of the draws.
    """
    drawn = drawn_reports(design, scenario, seed, DRAWS)
    value = np.asarray(get(drawn.report, quantity), float)
    spread = float(np.var(value))
    if spread == 0.0:
        return {one.path: 0.0 for one in drawn.ranges}
    z, centred = drawn.normal, (value - value.mean())[:, None]
    polynomials = (z, z**2 - 1.0, z**3 - 3.0 * z)
    found = np.zeros(z.shape[1])
    for basis, norm in zip(polynomials, _NORMS, strict=True):
        found += np.mean(basis * centred, axis=0) ** 2 / norm
    # What chance alone would give is taken off.
    found = np.maximum(found / spread - len(_NORMS) / len(value), 0.0)
    shares = {one.path: float(s) for one, s in zip(drawn.ranges, found, strict=True)}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
