"""Recompute written as a list of modules, such as `norm+mla_up` or `full:3`."""

import dataclasses
from collections.abc import Mapping

from supernode_opt.reading.node import Node
from supernode_opt.system.design import RECOMPUTE
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.recompute import Recompute, listed


def own_modules(
    node: Node, nodes: Mapping[str, Node], scenario: Scenario
) -> tuple[Node, Scenario]:
    """Read lists of modules in the choice at `node` as the set "listed".

    Args:
      node: one alternative or a list of them.
      nodes: the written fields of the design; a count of layers needs its stages.
      scenario: what is given; its own list is replaced by what is written.

    Raises:
      StudyError: two different lists, or a count of layers without fixed stages.
    """
    items = node.items() if isinstance(node.value, list) else [node]
    stages = nodes["pipeline_parallel"].value if "pipeline_parallel" in nodes else 1
    fixed = isinstance(stages, int) and not isinstance(stages, bool)
    depth = scenario.model.layers / stages if fixed and stages > 0 else None
    found: Recompute | None = None
    read = []
    for item in items:
        own = None
        if isinstance(item.value, str) and item.value not in RECOMPUTE:
            try:
                own = listed(item.value, depth)
            except ValueError as error:
                item.fail(str(error))
        if own is not None:
            if found is not None:
                item.fail("is a second list of modules; one may be among the choices")
            found, item = own, dataclasses.replace(item, value="listed")
        read.append(item)
    if found is None:
        return node, scenario
    scenario = dataclasses.replace(scenario, recompute=found)
    if isinstance(node.value, list):
        return dataclasses.replace(node, value=read), scenario
    return read[0], scenario
