"""Which fields of a design divide a model over the machine, in training and serving."""

from supernode_opt.system.design import SERVING_CHOICES, SERVING_NUMBERS
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.split import SIZES, SWITCHES

_SHARED = ("chips", "tensor_parallel", "pipeline_parallel", "expert_parallel")


def split_numbers(scenario: Scenario) -> tuple[str, ...]:
    """Return the numbers of a split, chips first."""
    return SIZES if scenario.serving is None else (*_SHARED, *SERVING_NUMBERS)


def split_choices(scenario: Scenario) -> tuple[str, ...]:
    """Return the choices of a split."""
    return SWITCHES if scenario.serving is None else tuple(SERVING_CHOICES)


def split_fields(scenario: Scenario) -> tuple[str, ...]:
    """Return all fields of a split."""
    return (*split_numbers(scenario), *split_choices(scenario))
