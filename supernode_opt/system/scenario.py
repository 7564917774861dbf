"""Everything that is given: model, catalog parts and software of one question."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.plant import Cooling, Facility, Host, Rack, Reliability
from supernode_opt.record import record, replace
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.system.software import Software
from supernode_opt.units import Share
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.operators import Split
from supernode_opt.workload.recompute import Recompute
from supernode_opt.workload.routing import Routing, busiest
from supernode_opt.workload.serving import Serving

if TYPE_CHECKING:
    # Which of the two it is follows from what the machine does, not from types.
    AnyStack = Any
    MaybeServing = Any
    MaybeTraining = Any
else:
    AnyStack = Software | ServingStack
    MaybeServing = Serving | None
    MaybeTraining = Training | None


@record
class Scenario:
    """What the designer cannot choose.

    A machine trains or it serves: it has `training`, or `serving` and the constants of
    a serving stack.

    Attributes:
      links: the link technologies a design may choose from, in the order of the
        design's mixture weights.
      recompute: the modules of the recompute set "listed".
      routing: how unevenly tokens fall on expert ranks; `None` where the software's
        `expert_imbalance` says it.
      memory_headroom: share of HBM that a design must leave free [1].
    """

    model: Model
    training: MaybeTraining
    chip: Chip
    host: Host
    rack: Rack
    links: tuple[LinkTechnology, ...]
    scale_up_switch: Switch
    scale_out_switch: Switch
    cooling: Cooling
    facility: Facility
    reliability: Reliability
    software: AnyStack
    recompute: Recompute = Recompute()
    routing: Routing | None = None
    memory_headroom: Share = 0.08
    serving: MaybeServing = None


def expert_imbalance(scenario: Scenario, split: Split) -> ArrayLike:
    """Return the load of the busiest expert rank over the mean [1]."""
    if scenario.routing is None:
        return scenario.software.expert_imbalance
    tokens = split.tokens_after_tensor
    if split.expert_tensor is not None:
        # Ranks that share experts work on each other's tokens.
        tokens = tokens * split.expert_tensor
    return busiest(scenario.routing, scenario.model, split.expert, tokens)


def precision_of(scenario: Scenario) -> str:
    """Return the precision that weights are multiplied in: trained in, or served in."""
    if scenario.serving is not None:
        return scenario.serving.weight_precision
    return scenario.training.precision


def apply(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """Return `scenario` with every dotted constant of `values` put in its place."""
    for name, value in values.items():
        if "." in name:
            scenario = replace(scenario, name, value)
    return scenario
