"""One design in one scenario as a row of numbers, so that few programs serve all.

What only names a part is dropped, the precision becomes a number and a scenario keeps
the two link technologies that its design uses, so that machines share a program unless
their attention or their switches are of another kind.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import numpy as np

from supernode_opt.system.design import (
    Design,
    assemble,
    design_choices,
    design_numbers,
    one_hot,
)
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import AnyTraining, Precision, Training
from supernode_opt.workload.serving import AnyServing, Serving, formats_of

LINKS = ("scale_up_link", "scale_out_link")


class Case(NamedTuple):
    """One design in one scenario.

    Attributes:
      follow: whether a field of `FOLLOWS` takes its part as it is sold; then it takes
        the part as it is drawn, too [1].
    """

    design: Design
    scenario: Scenario
    follow: dict[str, Any]


def nameless(tree: Any, **fixed: Any) -> Any:
    """Return a record without its names; fields in `fixed` are set wherever they are.

    Numbers become floats.
    """
    made = {}
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        if field.name == "name":
            value = ""
        elif field.name in fixed:
            value = fixed[field.name]
        elif isinstance(value, tuple):
            value = tuple(
                nameless(item, **fixed)
                if dataclasses.is_dataclass(item)
                else np.asarray(item, float)
                for item in value
            )
        elif dataclasses.is_dataclass(value):
            value = nameless(value, **fixed)
        elif value is not None and not field.metadata.get("static"):
            value = np.asarray(value, float)
        made[field.name] = value
    return type(tree)(**made)


def used_links(scenario: Scenario, fixed: Mapping[str, float | str]) -> Scenario:
    """Return `scenario` with the links of the design alone: scale-up, scale-out."""
    known = {link.name: link for link in scenario.links}
    links = tuple(known[str(fixed[name])] for name in LINKS)
    return dataclasses.replace(scenario, links=links)


def any_precision(training: Training, **changes: Any) -> AnyTraining:
    """Return `training` with its precision as a number, and with `changes`."""
    weights = np.asarray(one_hot(training.precision, get_args(Precision)))
    written = {f.name: getattr(training, f.name) for f in dataclasses.fields(training)}
    written |= {"precision": "bf16", "precision_weights": weights}
    return AnyTraining(**(written | changes))


def any_serving(serving: Serving) -> AnyServing:
    """Return `serving` with its precisions as numbers."""
    formats = tuple(np.asarray(part, float) for part in formats_of(serving))
    return AnyServing(**(_words(serving) | {"formats": formats}))


def _words(serving: Serving) -> dict[str, Any]:
    """Return the fields of a workload with the same words for every precision."""
    plain = {f.name: f.default for f in dataclasses.fields(Serving)}
    written = {f.name: getattr(serving, f.name) for f in dataclasses.fields(Serving)}
    return {n: plain[n] if isinstance(v, str) else v for n, v in written.items()}


def case(
    values: Mapping[str, float | str],
    scenario: Scenario,
    follow: Mapping[str, bool] | None = None,
) -> Case:
    """Return the design that `values` name as a case.

    Args:
      values: every field of `Design`: SI numbers, choices by name.
      scenario: what is given.
      follow: which fields of `FOLLOWS` take their part as it is; none if not given.
    """
    serves = scenario.serving is not None
    mixtures = {
        name: np.asarray(one_hot(str(values[name]), names))
        for name, names in design_choices(serves).items()
        if names
    }
    mixtures |= {LINKS[0]: np.array([1.0, 0.0]), LINKS[1]: np.array([0.0, 1.0])}
    numbers = {name: np.asarray(float(values[name])) for name in design_numbers(serves)}
    design = assemble(numbers, mixtures)
    return case_of(design, used_links(scenario, values), follow)


def case_of(
    design: Design, scenario: Scenario, follow: Mapping[str, bool] | None = None
) -> Case:
    """Return one design of a scenario as a case; see `case`."""
    return Case(
        nameless(design),
        nameless(_of_any_precision(scenario)),
        {name: np.asarray(float((follow or {}).get(name, False))) for name in FOLLOWS},
    )


def _of_any_precision(scenario: Scenario) -> Scenario:
    """Return a scenario whose precisions are numbers, be they of training or not."""
    if scenario.serving is not None:
        serving = any_serving(scenario.serving)
        return dataclasses.replace(scenario, serving=serving)
    training = any_precision(scenario.training)
    return dataclasses.replace(scenario, training=training)
