"""How hard to look for one machine of several jobs."""

from dataclasses import dataclass

from supernode_opt.units import Share


@dataclass(frozen=True)
class JointSettings:
    """Effort of a joint search; the defaults suit a laptop.

    Attributes:
      gap: relative, of what bounds still promise over what was found, at which the
        search ends [1].
      tolerance: relative difference in the objective that does not matter [1].
      maximum_candidates: most splits of a job to enumerate [1].
      maximum_boxes: most boxes of machines to bound [1].
      time_limit: most time to spend; where that ends a search, what it says depends on
        the computer [s].
      whole_lanes: whether free bandwidths are built from whole lanes.
    """

    gap: Share = 0.005
    tolerance: Share = 1e-4
    maximum_candidates: int = 20_000_000
    maximum_boxes: int = 400_000
    time_limit: float = 86_400.0
    whole_lanes: bool = True
