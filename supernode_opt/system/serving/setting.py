"""What every pass of a pool shares."""

from typing import NamedTuple

from jax.typing import ArrayLike

from supernode_opt.system.collectives import Network
from supernode_opt.system.design import Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.pool import Pool
from supernode_opt.workload.serving import Formats


class Setting(NamedTuple):
    """What every pass of a pool shares.

    Attributes:
      design, scenario: which count ranks as chips.
      pool: how the model is split.
      formats: precisions.
      net: rates and latencies of a rank.
      sharpness: of time maxima.
      relaxed: whether counts may be fractions.
    """

    design: Design
    scenario: Scenario
    pool: Pool
    formats: Formats
    net: Network
    sharpness: ArrayLike
    relaxed: ArrayLike
