"""A row of a serving table made ready for the model."""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

from supernode_opt.calibration.data.runs import Run
from supernode_opt.workload.model import Model
from supernode_opt.workload.serving import Serving

Phase = Literal["prefill", "decode", "mixed"]
Tokens = Literal["in", "out", "total"]


class Layout(NamedTuple):
    """One way in which a row may have split its chips; fields as in `Design`.

    Attributes:
      chips: all of them, packages [1].
      batch: requests in decode per group of tensor ranks; 0 for what follows from the
        requests under way, or from memory and limits [1].
    """

    chips: float
    tensor: float = 1.0
    data: float = 1.0
    expert: float = 1.0
    pipeline: float = 1.0
    redundant: float = 0.0
    batch: float = 0.0
    prefill_chips: float = 0.0
    prefill_tensor: float = 1.0
    prefill_data: float = 1.0
    prefill_expert: float = 1.0
    prefill_pipeline: float = 1.0
    prefill_tokens: float = 8192.0
    dual: bool = False


class Measured(NamedTuple):
    """What a row reports, `None` where it does not.

    Attributes:
      tpot, ttft: [s].
      rate: tokens per second and chip [1/s].
      kind: which tokens `rate` counts.
    """

    tpot: float | None = None
    ttft: float | None = None
    rate: float | None = None
    kind: Tokens = "out"


@dataclasses.dataclass(frozen=True)
class Job:
    """One measured configuration.

    Attributes:
      row: as written.
      name: of the row.
      source: who measured it.
      model: what was served.
      called: the model by its catalog name.
      machine: catalog system.
      stack: of `stacks`.
      phase: what was measured.
      serving: requests and precisions.
      drafts: tokens ahead in every step [1].
      layouts: how it may have been split; several where the row does not say.
      under_way: requests in the whole deployment at once; 0 if it does not say [1].
      requests: of the whole measurement; 0 for no end [1].
      balanced_pools: whether pools of prefill and of decode are as large as keeps both
        busy, whatever the layout's share of them.
      speed: time that the model should find over that of the row, where the row says
        what it was made less by, such as production load [1].
      stated: constants of the stack that the row itself says.
      measured: what was found.
      doubt: standard deviation of the logarithm of what was assumed [1].
      assumed: what the row does not say.
      trusted: which of "tpot", "ttft" and "rate" a fit may use.
    """

    row: Run
    name: str
    source: str
    model: Model
    called: str
    machine: str
    stack: str
    phase: Phase
    serving: Serving
    layouts: tuple[Layout, ...]
    measured: Measured
    drafts: float = 0.0
    under_way: float = 0.0
    requests: float = 0.0
    balanced_pools: bool = False
    speed: float = 1.0
    stated: Mapping[str, float] = dataclasses.field(default_factory=dict)
    doubt: float = 0.0
    assumed: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ("tpot", "ttft", "rate")

    @property
    def kind(self) -> str:
        """Whether the model has experts, in words."""
        return "MoE" if float(self.model.experts) > 0.0 else "dense"

    @property
    def precision(self) -> str:
        """Format of the weights that are most."""
        return self.serving.expert_precision or self.serving.weight_precision
