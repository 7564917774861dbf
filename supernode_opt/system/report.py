"""The answer of the physics: quantities with units, totals with their parts."""

from types import SimpleNamespace
from typing import Any

from supernode_opt.record import record
from supernode_opt.system.parts import (
    ChipParts,
    CostParts,
    FailureParts,
    Heat,
    MemoryParts,
    PowerParts,
    StepTime,
)
from supernode_opt.system.reported import facts_of, reported
from supernode_opt.system.serving.reported import Serves
from supernode_opt.system.ways import CALM, CAPITAL
from supernode_opt.system.working import Working

_HOUR = 3600.0
_MEGA = 1e6


@record
class Report(Serves, Working):
    """What `evaluate` says of a design.

    `power` is provisioned (every chip at peak activity), as a power budget is;
    `average_power` is what the job draws over a step.  `mfu` counts model FLOPs
    without recompute, with the attention convention of the scenario, over the nominal
    dense peak of its precision.  `sustained_clock` is what power limit and cooling
    sustain; `clock` is the one the design asks for or, if it is throttled, no more than
    that.  What is provisioned and what limits are judged by are at the clock asked for.
    """

    capital_cost: reported(
        "USD",
        "what is spent once, of the building its share of use",
        zero=False,
        more_is_better=False,
        ways=CAPITAL,
        dear=True,
    )
    cost: reported(
        "USD",
        "over the machine's life: capital, interest, upkeep and energy",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: (
            r.capital_cost
            + r.cost_parts.financing
            + r.cost_parts.maintenance
            + r.cost_parts.energy
        ),
        headline=True,
        parts="cost_parts",
        dear=True,
    )
    cost_per_chip_hour: reported(
        "USD/h",
        "cost over the life of every chip",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: r.cost * _HOUR / (d.chips * s.facility.lifetime),
        headline=True,
        dear=True,
    )
    die_yield: reported("", "share of dies without a fatal defect", share=True)
    mtbf: reported(
        "s",
        "mean time between failures that stop the job",
        label="MTBF",
        zero=False,
        more_is_better=True,
        ways=CALM,
        dear=True,
    )
    goodput: reported(
        "",
        "share of time that makes progress",
        more_is_better=True,
        ways=CALM,
        share=True,
        shown=("%", 100.0),
        headline=True,
        compared=True,
        dear=True,
    )
    checkpoint_interval: reported(
        "s", "best time between checkpoints", zero=False, ways=CALM, dear=True
    )
    goodput_unmasked: reported(
        "",
        "share of time that made progress if every link fault stopped the job",
        more_is_better=True,
        ways=CALM,
        share=True,
        dear=True,
    )
    goodput_tokens_per_s: reported(
        "token/s",
        "tokens trained on, failures included",
        more_is_better=True,
        formula=lambda r, d, s: r.tokens_per_s * r.goodput,
        step_exponent=-1.0,
        dear=True,
    )
    tokens_per_joule: reported(
        "token/J",
        "tokens trained on over provisioned power",
        zero=False,
        more_is_better=True,
        formula=lambda r, d, s: r.tokens_per_s / r.power,
        shown=("tokens/J", 1.0),
        compared=True,
        step_exponent=-1.0,
    )
    tokens_per_dollar: reported(
        "token/USD",
        "tokens trained on over the machine's life, failures included, over its cost",
        more_is_better=True,
        formula=lambda r, d, s: r.goodput_tokens_per_s * s.facility.lifetime / r.cost,
        step_exponent=-1.0,
        dear=True,
    )
    cost_per_megatoken: reported(
        "USD/Mtoken",
        "cost of a million tokens, failures included",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: _MEGA / r.tokens_per_dollar,
        shown=("$/Mtoken", 1.0),
        headline=True,
        compared=True,
        step_exponent=1.0,
        dear=True,
    )
    cost_per_input_megatoken: reported(
        "USD/Mtoken",
        "cost of a million tokens of prompts, if they bear all of it; of serving",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: (
            _MEGA * r.cost / (r.input_tokens_per_s * r.goodput * s.facility.lifetime)
        ),
        shown=("$/Mtoken", 1.0),
        compared=True,
        step_exponent=1.0,
        dear=True,
    ) = None
    step: StepTime
    memory_parts: MemoryParts
    power_parts: PowerParts
    chip_parts: ChipParts
    average_chip_parts: ChipParts
    heat: Heat
    cost_parts: CostParts
    failure_parts: FailureParts


# Records of parts in `Report`, each with what one of its fields is called.
PARTS = {
    "step": "step_part",
    "memory_parts": "memory_part",
    "power_parts": "power_part",
    "chip_parts": "chip_part",
    "average_chip_parts": "average_chip_part",
    "heat": "heat_part",
    "cost_parts": "cost_part",
    "failure_parts": "failure_part",
}


# Records of parts of a machine that serves; `prefill_step` is of a full pass.
SERVING_PARTS = {**PARTS, "prefill_step": "prefill_step_part"}
# What is said of every scalar of the report.
FACTS = facts_of(Report)
_OF_SERVING = (*facts_of(Serves), "cost_per_input_megatoken")
SCALARS = tuple(
    name
    for name in Report.__dataclass_fields__
    if name not in SERVING_PARTS and name not in _OF_SERVING
)
SERVING_SCALARS = (*_OF_SERVING, *SCALARS)
# What machines are compared by.
COMPARED = tuple(
    name for name, facts in FACTS.items() if facts.compared and name in SCALARS
)
SERVING_COMPARED = tuple(
    name for name in SERVING_SCALARS if FACTS[name].compared and name != "tokens_per_s"
)


def scalars(scenario: Any) -> tuple[str, ...]:
    """Return the names of what is reported of a machine for `scenario`."""
    return SCALARS if scenario.serving is None else SERVING_SCALARS


def parts(scenario: Any) -> dict[str, str]:
    """Return the records of parts that are reported of a machine for `scenario`."""
    return PARTS if scenario.serving is None else SERVING_PARTS


def compared(scenario: Any) -> tuple[str, ...]:
    """Return the names of what machines for `scenario` are compared by."""
    return COMPARED if scenario.serving is None else SERVING_COMPARED


def limited(scenario: Any) -> tuple[str, ...]:
    """Return the names of what every machine for `scenario` has a ceiling on."""
    known = scalars(scenario)
    return tuple(
        name
        for name, facts in FACTS.items()
        if facts.ceiling is not None and name in known
    )


def is_share(name: str) -> bool:
    """Tell whether people write the quantity `name` in per cent."""
    return name in FACTS and FACTS[name].share


def completed(values: dict[str, Any], design: Any, scenario: Any) -> dict[str, Any]:
    """Return `values` with every quantity that follows from them by its formula."""
    made, asked = SimpleNamespace(**values), scalars(scenario)
    for name, facts in FACTS.items():
        if facts.formula is not None and name in asked:
            setattr(made, name, facts.formula(made, design, scenario))
    return vars(made)
