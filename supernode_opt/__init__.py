"""Design AI supernodes by differentiation, and prove the answer by enumeration.

    import supernode_opt as so

    study = so.load("question.yaml")       # or so.Study(system=..., model=..., ...)
    report = study.set(tensor_parallel=8, scale_up_bandwidth="560 GB/s").evaluate()
    solution = study.optimize()

Below these verbs lies the physics as pure functions, which pass through `jit`, `vmap`
and `grad`:

    so.evaluate(design, scenario) -> Report        the physics
    so.optimize(problem)          -> Solution      the search and its proof

The model computes in 64 bits.  The verbs see to that themselves and leave JAX's own
setting alone; pure functions compute in what JAX is set to, and `with so.precise():`
turns it for a block of code.

Everything is imported on first use, so that importing the package is instant.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supernode_opt import catalog
    from supernode_opt.api.calibrating import calibrate, validate
    from supernode_opt.api.machines import compare, crossover, invert
    from supernode_opt.api.opening import open as open
    from supernode_opt.api.study import Study, load
    from supernode_opt.api.values import geomspace, linspace
    from supernode_opt.batch.precise import precise
    from supernode_opt.problem.build import build_design
    from supernode_opt.problem.problem import Constraint, Objective, Problem
    from supernode_opt.problem.variables import Choice, Variable
    from supernode_opt.reading.node import StudyError
    from supernode_opt.search.settings import Settings
    from supernode_opt.search.solution import Solution
    from supernode_opt.search.solve import optimize
    from supernode_opt.system.design import Design
    from supernode_opt.system.evaluate import evaluate
    from supernode_opt.system.report import Report
    from supernode_opt.system.scenario import Scenario
    from supernode_opt.workload.model import Model, Training

__version__ = "0.1.0"

_HOMES = {
    "Choice": "problem.variables",
    "Constraint": "problem.problem",
    "Design": "system.design",
    "Model": "workload.model",
    "Objective": "problem.problem",
    "Problem": "problem.problem",
    "Report": "system.report",
    "Scenario": "system.scenario",
    "Settings": "search.settings",
    "Solution": "search.solution",
    "Study": "api.study",
    "StudyError": "reading.node",
    "Training": "workload.model",
    "Variable": "problem.variables",
    "build_design": "problem.build",
    "calibrate": "api.calibrating",
    "compare": "api.machines",
    "crossover": "api.machines",
    "evaluate": "system.evaluate",
    "geomspace": "api.values",
    "invert": "api.machines",
    "linspace": "api.values",
    "load": "api.study",
    "open": "api.opening",
    "optimize": "search.solve",
    "precise": "batch.precise",
    "validate": "api.calibrating",
}

__all__ = [
    "Choice",
    "Constraint",
    "Design",
    "Model",
    "Objective",
    "Problem",
    "Report",
    "Scenario",
    "Settings",
    "Solution",
    "Study",
    "StudyError",
    "Training",
    "Variable",
    "build_design",
    "calibrate",
    "catalog",
    "compare",
    "crossover",
    "evaluate",
    "geomspace",
    "invert",
    "linspace",
    "load",
    "optimize",
    "precise",
    "validate",
]


def _found(name: str) -> Any:
    home = importlib.import_module(f"supernode_opt.{_HOMES[name]}")
    return getattr(home, name)


def __getattr__(name: str) -> Any:
    if name == "catalog":
        return importlib.import_module("supernode_opt.catalog")
    if name not in _HOMES:
        raise AttributeError(f"module 'supernode_opt' has no attribute {name!r}")
    return _found(name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "catalog"])


class _Verb(ModuleType):
    """The room `compare`, which is also what `so.compare(...)` calls."""

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        """Call the function of the same name; see its own docstring."""
        return _found("compare")(*arguments, **more)


class _Package(ModuleType):
    """This module: importing a room of a verb's name must not hide the verb."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; imports set a room when it is first imported."""
        if name == "compare" and isinstance(value, ModuleType):
            value.__class__ = _Verb
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
