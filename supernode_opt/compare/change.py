"""A machine with another value of one constant or design number."""

import dataclasses

from supernode_opt.batch.case import used_links
from supernode_opt.catalog.origins import FOLLOWING
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.places import Place
from supernode_opt.problem.build import default_clock
from supernode_opt.problem.problem import Problem
from supernode_opt.record import replace
from supernode_opt.system.follow import FOLLOWS


def changed(side: Cell, place: Place, value: float) -> Problem:
    """Return the problem of a machine in which the constant at `place` is `value`."""
    problem, fixed = side.problem, dict(side.problem.fixed)
    origins = problem.origins
    scenario = problem.scenario
    used = used_links(scenario, fixed)
    for path in place.paths:
        if path in fixed:
            fixed[path] = value
            continue
        words = path.split(".")
        if words[0] == "links":
            names = [link.name for link in scenario.links]
            words[1] = str(names.index(used.links[int(words[1])].name))
        scenario = replace(scenario, ".".join(words), value)
    for field, (part, source) in FOLLOWS.items():
        if f"{part}.{source}" in place.paths and origins.of(field) == FOLLOWING:
            fixed[field] = value
    if origins.of("clock") == FOLLOWING and "clock" not in place.paths:
        # A clock that nobody chose is the one that the changed machine sustains.
        fixed["clock"] = default_clock(fixed, scenario)
    return dataclasses.replace(problem, scenario=scenario, fixed=fixed)
