"""The chosen half of a study: which variables are frozen, and how far others may go."""

import dataclasses
import math
from collections.abc import Mapping

from supernode_opt import catalog
from supernode_opt.batch.sold import default_clock, standing
from supernode_opt.catalog.origins import indexed, spelled
from supernode_opt.config.fields import (
    FREE,
    bounded,
    read_choice,
    read_number,
    require_inside,
)
from supernode_opt.config.modules import own_modules
from supernode_opt.config.override import FIELDS
from supernode_opt.hardware.layout import filled_domain
from supernode_opt.problem.box import default_variable, options, possible, usual_options
from supernode_opt.problem.variables import Choice, Variable
from supernode_opt.reading.node import Node, did_you_mean
from supernode_opt.record import get, leaves, replace
from supernode_opt.system.design import (
    EVERY_CHOICE,
    SERVING_CHOICES,
    SERVING_NUMBERS,
    TRAINING_ALONE,
    design_choices,
    design_numbers,
    holder_of,
)
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.pools import IDLE, OF_PREFILL, redundant


@dataclasses.dataclass(frozen=True)
class Chosen:
    """The `design` section, understood.

    Attributes:
      scenario: with the constants that the section fixes.
      fixed: design fields that do not vary, SI or the name of an alternative.
      variables, choices: what varies.
    """

    scenario: Scenario
    fixed: dict[str, float | str]
    variables: tuple[Variable, ...]
    choices: tuple[Choice, ...]

    @property
    def least_chips(self) -> float:
        """The fewest chips that the machine has."""
        free = [v.low for v in self.variables if v.name == "chips"]
        return free[0] if free else float(self.fixed["chips"])


def read_variables(node: Node, system: catalog.System, scenario: Scenario) -> Chosen:
    """Read the `design` section; what it leaves out comes from `system` or is free.

    Raises:
      StudyError: a field is unknown, or its value or bounds cannot be used.
    """
    constants = constants_of(scenario)
    serves = scenario.serving is not None
    fields = (*design_numbers(serves), *design_choices(serves))
    nodes: dict[str, Node] = {}
    for written_name, child in node.mapping().items():
        name = indexed(written_name, scenario)
        if name in nodes:
            child.fail("is written twice")
        nodes[name] = child
        refuse_foreign(child, name, serves)
        if name not in FIELDS and name not in constants:
            written = [spelled(constant, scenario) for constant in constants]
            near = did_you_mean(name, [*FIELDS, *written])
            child.fail(
                f"is neither a design field nor a constant of the scenario{near}"
            )

    fixed: dict[str, float | str] = {}
    choices: list[Choice] = []
    # What follows a part follows the scenario's part.
    followed = {f: get(scenario, ".".join(FOLLOWS[f])) for f in system.follows}
    defaults = {**system.design, **followed, **(_usual() if serves else {})}
    limits: dict[str, dict[str, float]] = {}
    for name in (*fields, *(name for name in nodes if name not in fields)):
        default = defaults.get(name, FREE)
        written = nodes.get(name) or Node(default, f"{node.path}.{name}", node.place)
        if name in EVERY_CHOICE:
            if name == "recompute" and not serves:
                written, scenario = own_modules(written, nodes, scenario)
            known, usual = (f(name, scenario) for f in (options, usual_options))
            found = read_choice(written, known, usual)
            if len(found) > 1:
                choices.append(Choice(name=name, options=found))
            else:
                fixed[name] = found[0]
            continue
        number = read_number(written, *field_of(name, scenario), name in nodes)
        if isinstance(number, dict):
            limits[name] = number
        elif name in FIELDS:
            fixed[name] = number
        else:
            scenario = replace(scenario, name, number)

    if serves:
        _settle_pools(fixed, limits, nodes, scenario)
    for name, value in fixed.items():
        if name in nodes and isinstance(value, float):
            require_inside(nodes[name], value, *possible(name, scenario, fixed))
    variables = []
    for name, bounds in limits.items():
        at = nodes.get(name, node)
        box, allowed = _box(at, name, scenario, fixed, bounds), (None, None)
        if name in FIELDS:
            allowed = possible(name, scenario, fixed)
        variable = bounded(at, box, bounds, allowed)
        if variable.low < variable.high:
            variables.append(variable)
        elif name in FIELDS:
            # A box without width, such as the expert ranks of a dense model.
            fixed[name] = variable.low
        else:
            scenario = replace(scenario, name, variable.low)
    if "scale_up_domain" not in nodes and "chips" in fixed:
        domain, chips = fixed["scale_up_domain"], fixed["chips"]
        board = float(scenario.host.chips_per_board)
        if isinstance(domain, float) and isinstance(chips, float):
            fixed["scale_up_domain"] = filled_domain(domain, chips, board)
    needed = ("clock", "scale_up_bandwidth", "coolant_flow", "inlet_temperature")
    if "clock" not in nodes and all(isinstance(fixed.get(n), float) for n in needed):
        fixed["clock"] = default_clock(fixed, scenario)
        used = standing(fixed, scenario)
        if used >= 1.0:
            node.fail(
                f"has packages that cannot run: idle, port, memory and leakage take"
                f" {used:.0%} of what power cap and cooling allow"
            )
    return Chosen(scenario, fixed, tuple(variables), tuple(choices))


def _settle_pools(
    fixed: dict[str, float | str],
    limits: dict[str, dict[str, float]],
    nodes: Mapping[str, Node],
    scenario: Scenario,
) -> None:
    """Fix what follows from what is frozen of the pools, and is not written.

    Without chips of its own prefill has no layout; copies of experts are as few as fill
    the ranks.
    """
    if fixed.get("prefill_chips") == 0.0:
        for name in OF_PREFILL:
            if name in limits and name not in nodes:
                del limits[name]
                fixed[name] = IDLE
    spread = [fixed.get(name) for name in ("expert_parallel", OF_PREFILL[2])]
    name = "redundant_experts"
    if name in nodes or name not in limits:
        return
    if not scenario.model.experts:
        spread = [1.0, 1.0]
    if all(isinstance(size, float) for size in spread):
        ranks = math.lcm(*(int(size) for size in spread if isinstance(size, float)))
        copies = redundant(scenario.model, ranks, (0.0, float(ranks)))
        del limits[name]
        fixed[name] = float(copies or 0)


def refuse_foreign(node: Node, name: str, serves: bool) -> None:
    """Refuse a field that only a machine for the other kind of job has.

    Raises:
      StudyError: `name` is one.
    """
    if serves and name in TRAINING_ALONE:
        node.fail("is of training: a machine that serves has none")
    if not serves and name in (*SERVING_NUMBERS, *SERVING_CHOICES):
        node.fail("is of a machine that serves: the study has `training`")


def _usual() -> dict[str, float | str]:
    """Return what a machine that serves has where nothing is said.

    The layout of both pools is free.
    """
    frozen = ("draft_tokens", "decode_batch", "prefill_tokens")
    return {
        **TRAINING_ALONE,
        **{name: SERVING_NUMBERS[name] for name in frozen},
        "pipeline_parallel": 1.0,
        "prefill_pipeline_parallel": 1.0,
        "dual_batch": "off",
    }


def constants_of(scenario: Scenario) -> list[str]:
    """Return the paths of the numbers that a design may set beside its own fields.

    Model and training define the question and count in whole numbers.
    """
    given = ("model.", "training.", "serving.")
    paths = [path for path, _ in leaves(scenario)]
    return [path for path in paths if "." in path and not path.startswith(given)]


def _box(
    node: Node,
    name: str,
    scenario: Scenario,
    fixed: dict[str, float | str],
    limits: Mapping[str, float],
) -> Variable:
    """Return the default box of a number; without one, that of its `limits`."""
    try:
        box = default_variable(name, scenario, fixed)
    except ValueError:
        # A constant that is zero has no box of its own.
        if not {"low", "high"} <= limits.keys():
            node.fail("is zero in the scenario; to free it give {low, high}")
        return Variable(name, limits["low"], limits["high"], "linear")
    if isinstance(box, Choice):
        node.fail("is a choice, not a number")
    return box


def field_of(name: str, scenario: Scenario) -> tuple[type, str]:
    """Return the record and the field that `name` stands for."""
    if name in FIELDS:
        return holder_of(name), name
    owner, _, last = name.rpartition(".")
    holder = get(scenario, owner) if owner else scenario
    return type(holder), last
