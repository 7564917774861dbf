"""The given half of a study: system, model, training and what is changed in them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from supernode_opt import catalog
from supernode_opt.catalog.systems import PARTS
from supernode_opt.config.model import read_model
from supernode_opt.config.records import (
    field_type,
    read_count,
    read_entry,
    read_record,
    read_value,
)
from supernode_opt.config.serving import read_serving, read_stack
from supernode_opt.config.software import Chosen, read_software
from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.reading.node import Node
from supernode_opt.system.precision import BEST, settle, supports
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.recompute import Recompute
from supernode_opt.workload.routing import Routing

_WHOLE_TRAINING = ("sequence_length", "global_batch")


def read_scenario(
    top: Mapping[str, Node], system: catalog.System
) -> tuple[Scenario, Chosen]:
    """Read `model`, `training`, `practice` and `scenario` of a study.

    Returns:
      What is given, and how its software was chosen.

    Raises:
      StudyError: something in them cannot be used.
    """
    changes: Mapping[str, Node] = {}
    if "scenario" in top:
        changes = top["scenario"].mapping(
            [*PARTS, "links", "memory_headroom", "recompute", "routing", "stack"]
        )
    parts: dict[str, Any] = {}
    model = read_model(top["model"])
    for name, kind in PARTS.items():
        default = getattr(system, name)
        if name == "software":
            continue
        if name in changes:
            part_type = field_type(Scenario, name)
            parts[name] = read_entry(changes[name], kind, part_type, default)
        else:
            parts[name] = catalog.load(kind, default)
    if "chip" in changes:
        _refuse_idle(changes["chip"], parts["chip"])
    if "scale_out_switch" in changes and parts["scale_out_switch"].topology != "packet":
        changes["scale_out_switch"].fail(
            "must switch packets: other topologies are modelled of scale-up alone"
        )
    if "memory_headroom" in changes:
        node = changes["memory_headroom"]
        headroom = read_value(node, field_type(Scenario, "memory_headroom"))
        if headroom >= 1.0:
            node.fail(f"must be a share below 1, but is {node.described()}")
        parts["memory_headroom"] = headroom
    if "recompute" in changes:
        parts["recompute"] = read_record(changes["recompute"], Recompute, Recompute())
    if "routing" in changes:
        parts["routing"] = read_record(changes["routing"], Routing, Routing())
    if "serving" in top:
        return _served(top, changes, system, model, parts)
    chosen = read_software(top, changes, system, parts["chip"], model)
    training, assumed = _training(top["training"], parts["chip"], chosen)
    scenario = Scenario(
        model=model,
        training=training,
        links=_links(changes.get("links"), system),
        software=chosen.software,
        **parts,
    )
    return scenario, chosen._replace(assumed=(*chosen.assumed, *assumed))


def _served(
    top: Mapping[str, Node],
    changes: Mapping[str, Node],
    system: catalog.System,
    model: Model,
    parts: Mapping[str, Any],
) -> tuple[Scenario, Chosen]:
    """Put together what is given to a machine that serves."""
    if "practice" in top:
        top["practice"].fail("is of training; `scenario.stack` names what serves")
    if "recompute" in changes:
        changes["recompute"].fail("is of training: a machine that serves keeps nothing")
    software, entry = read_stack(changes)
    serving, assumed = read_serving(top["serving"], parts["chip"], model)
    scenario = Scenario(
        model=model,
        training=None,
        serving=serving,
        links=_links(changes.get("links"), system),
        software=software,
        **parts,
    )
    return scenario, Chosen(software, entry, None, None, assumed)


def _refuse_idle(node: Node, chip: Chip) -> None:
    """Refuse a package that would draw its limit with its clock at rest."""
    still = chip.static_share + chip.leakage_share
    if still >= 1.0:
        node.fail(f"must have static_share + leakage_share below 1, but has {still:g}")


def _training(
    node: Node, chip: Chip, chosen: Chosen
) -> tuple[Training, tuple[str, ...]]:
    """Read the section `training`; also tell what its stack decided in it."""
    written = node.mapping()
    at = written.get("precision", node)
    if at.value == BEST:
        best = dataclasses.replace(at, value=settle(chip, "best"))
        node = dataclasses.replace(node, value={**written, "precision": best})
    training = read_record(node, Training)
    for name in _WHOLE_TRAINING:
        read_count(node.mapping()[name], field_type(Training, name))
    if not supports(chip, training.precision):
        kind = training.precision.removeprefix("mx").removeprefix("nv").upper()
        at.fail(
            f"must be {settle(chip, training.precision)} or best, because the chip"
            f" {chip.name!r} has no {kind}"
        )
    if chosen.stack is None:
        return training, ()
    usual = {k: v for k, v in chosen.stack.states.items() if k not in written}
    told = ", ".join(
        f"{k.replace('_', ' ')} {v if isinstance(v, str) else f'{v:g}'}"
        for k, v in usual.items()
    )
    told = (f"{told}, the practice of {chosen.stack.name}",) if usual else ()
    return dataclasses.replace(training, **usual), told


def _links(node: Node | None, system: catalog.System) -> tuple[LinkTechnology, ...]:
    if node is None:
        return tuple(catalog.load("link", name) for name in system.links)
    links = tuple(read_entry(item, "link", LinkTechnology) for item in node.items())
    names = [link.name for link in links]
    for item, name in zip(node.items(), names, strict=True):
        if names.count(name) > 1:
            item.fail(f"has the same `name` as another link: {name!r}")
    return links
