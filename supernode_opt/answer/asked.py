"""What was asked, saved with the answer: machine, model and its size, software."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from supernode_opt.answer.ranges import with_ranges
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precise
from supernode_opt.calibration.data.platforms import platform_of
from supernode_opt.calibration.evidence.told import behind
from supernode_opt.config.study import Study
from supernode_opt.names import proper, split_words
from supernode_opt.system.scenario import Scenario, precision_of
from supernode_opt.uncertainty.intervals import Drawn
from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import active_parameters, parameters

# One program, not one for each operation.
_counts = Kept(
    lambda model: (parameters(model), active_parameters(model)), "counts", quick=True
)


def completed(
    dataset: xr.Dataset,
    study: Study,
    design: dict[str, Any],
    scenario: Scenario,
    made: Drawn | None = None,
) -> xr.Dataset:
    """Add to an answer what was asked, and the range of every quantity.

    Args:
      dataset: the answer.
      study: the question.
      design: built values by name.
      scenario: what was given, freed constants at their values.
      made: draws of the design, if they were made already.
    """
    dataset = dataset.assign_attrs(asked(study, design, scenario))
    origins = study.problem.origins
    return with_ranges(dataset, design, scenario, study.seed, origins, made)


def asked(
    study: Study, design: Mapping[str, Any], scenario: Scenario
) -> dict[str, str | float]:
    """Return what an answer is about, as attributes of its dataset.

    `system`, `software` and `stack` are names, `parameters` and `active_parameters`
    counts [1], and `subject` says all of it in one line.

    Args:
      study: the question.
      design: built values by name.
      scenario: what was given, freed constants at their values.
    """
    return {
        "system": study.system,
        "software": scenario.software.name,
        "stack": stack_of(scenario),
        **sizes(scenario.model),
        "subject": subject(study.system, scenario, design),
    }


def evidence_of(scenario: Scenario, design: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the measured runs behind a design as plain values, `None` of serving."""
    if scenario.serving is not None:
        return None
    return behind(scenario, design).plain()


def stack_of(scenario: Scenario) -> str:
    """Return the software stack that the constants stand for, "" if for none."""
    platform = platform_of(scenario.software.name)
    return "" if platform is None else platform.stack


def sizes(model: Model) -> dict[str, float]:
    """Return how many parameters a model has, and how many a token passes [1]."""
    with precise():
        every, active = _counts(model)
    return {"parameters": float(every), "active_parameters": float(active)}


def subject(system: str, scenario: Scenario, design: Mapping[str, Any]) -> str:
    """Name machine, model, precision and split in one line, for people."""
    words = [proper(system), proper(scenario.model.name)]
    words += [precision_of(scenario).upper(), split_words(design)]
    return ", ".join(word for word in words if word)
