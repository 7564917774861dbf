"""A job and one of its layouts as numbers, so that few programs serve all of them."""

import dataclasses
import functools
from typing import Any, NamedTuple

import numpy as np

from supernode_opt import catalog
from supernode_opt.batch.case import LINKS, any_serving, nameless
from supernode_opt.batch.sold import default_clock
from supernode_opt.calibration.serving.job import Job, Layout
from supernode_opt.catalog.systems import PARTS
from supernode_opt.hardware.layout import filled_domain
from supernode_opt.record import get
from supernode_opt.system.design import (
    CHOICES,
    SERVING_NUMBERS,
    SWITCHED,
    TRAINING_ALONE,
    Design,
    Pools,
    one_hot,
)
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.stack import ServingStack

STACK = "serving_stack"
# Every instance may be as far apart as its ranks, whatever a machine is sold with.
_DEFAULTS = {"oversubscription": 1.0}


class Case(NamedTuple):
    """One layout of one job: pytrees of numbers.

    Attributes:
      stated: constants of the stack that the row states, else NaN.
    """

    design: Design
    scenario: Scenario
    stated: ServingStack


@functools.cache
def _machine(name: str, domain: float) -> tuple[Scenario, dict[str, Any]]:
    """Return a machine around no model, and the hardware fields of its design."""
    built = catalog.system(name)
    parts = {
        part: catalog.load(kind, getattr(built, part))
        for part, kind in PARTS.items()
        if part != "software"
    }
    links = tuple(
        catalog.load("link", catalog.find("link", str(built.design[field])))
        for field in LINKS
    )
    model = catalog.load("model", catalog.names("model")[0])
    scenario = Scenario(
        model=model, training=None, links=links, software=base("generic"), **parts
    )
    followed = {f: get(scenario, ".".join(FOLLOWS[f])) for f in built.follows}
    own = {k: v for k, v in built.design.items() if k not in CHOICES}
    design: dict[str, Any] = {**_DEFAULTS, **own, **followed}
    if domain:
        design["scale_up_domain"] = domain
    if "clock" not in own:
        design["clock"] = default_clock(design, scenario)
    return nameless(scenario), design


def base(stack: str) -> ServingStack:
    """Return the constants of a stack's entry, or of that of any stack."""
    known = stack if stack in catalog.names(STACK) else "generic"
    return catalog.load(STACK, known)


@functools.cache
def _switched(on: bool) -> np.ndarray:
    return np.asarray(one_hot(SWITCHED[on], SWITCHED))


@functools.cache
def _alone(field: str) -> np.ndarray:
    return np.asarray(one_hot(str(TRAINING_ALONE[field]), CHOICES[field]))


_bare = functools.lru_cache(maxsize=64)(nameless)


def case(job: Job, layout: Layout) -> Case:
    """Build design and scenario of one layout of a job."""
    scenario, hardware = _machine(job.machine, 0.0)
    scenario = dataclasses.replace(
        scenario,
        model=_bare(job.model),
        serving=nameless(any_serving(job.serving)),
        software=nameless(base(job.stack)),
    )
    domain = float(hardware["scale_up_domain"])
    board = float(scenario.host.chips_per_board)
    numbers = {
        **{k: v for k, v in TRAINING_ALONE.items() if not isinstance(v, str)},
        **hardware,
        "chips": layout.chips,
        "tensor_parallel": layout.tensor,
        "pipeline_parallel": layout.pipeline,
        "expert_parallel": layout.expert,
        "scale_up_domain": filled_domain(domain, layout.chips, board),
    }
    pools = SERVING_NUMBERS | {
        "attention_data_parallel": layout.data,
        "redundant_experts": layout.redundant,
        "draft_tokens": job.drafts,
        "decode_batch": layout.batch,
        "prefill_chips": layout.prefill_chips,
        "prefill_tensor_parallel": layout.prefill_tensor,
        "prefill_attention_data_parallel": layout.prefill_data,
        "prefill_expert_parallel": layout.prefill_expert,
        "prefill_pipeline_parallel": layout.prefill_pipeline,
        "prefill_tokens": layout.prefill_tokens,
    }
    mixtures = {name: _alone(name) for name in CHOICES if name in TRAINING_ALONE}
    design = Design(
        **{name: np.asarray(float(value)) for name, value in numbers.items()},
        **mixtures,
        scale_up_link=np.array([1.0, 0.0]),
        scale_out_link=np.array([0.0, 1.0]),
        pools=Pools(
            **{name: np.asarray(float(value)) for name, value in pools.items()},
            dual_batch=_switched(layout.dual),
        ),
    )
    return Case(design, scenario, _stated(tuple(job.stated.items())))


@functools.cache
def _stated(values: tuple[tuple[str, float], ...]) -> ServingStack:
    said = dict(values)
    names = [f.name for f in dataclasses.fields(ServingStack) if f.name != "name"]
    numbers: dict[str, Any] = {
        name: np.asarray(float(said.get(name, np.nan))) for name in names
    }
    return ServingStack(**numbers, name="")
