"""Design AI supernodes by differentiation, and prove the answer by enumeration.

    evaluate(design, scenario) -> Report        the physics
    optimize(problem)          -> Solution      the search and its proof
    load(path)                 -> Study         a question written as YAML

Everything is imported on first use, so that importing the package is instant.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supernode_opt.config.study import Study, load
    from supernode_opt.problem.build import build_design
    from supernode_opt.problem.problem import Constraint, Objective, Problem
    from supernode_opt.problem.variables import Choice, Variable
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
    "Study": "config.study",
    "Training": "workload.model",
    "Variable": "problem.variables",
    "build_design": "problem.build",
    "evaluate": "system.evaluate",
    "load": "config.study",
    "optimize": "search.solve",
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
    "Training",
    "Variable",
    "build_design",
    "evaluate",
    "load",
    "optimize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'supernode_opt' has no attribute {name!r}")
    home = importlib.import_module(f"supernode_opt.{_HOMES[name]}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
