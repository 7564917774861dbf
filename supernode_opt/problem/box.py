"""The box of every design variable: where to look by default, and what can exist.

The default box is where a designer would look.  A study may look elsewhere as long as
it stays within what could be built at all.
"""

from collections.abc import Mapping

from supernode_opt.problem.variables import EVERY_CHOICE, Choice, Variable
from supernode_opt.record import get
from supernode_opt.system.design import SERVING_NUMBERS
from supernode_opt.system.scenario import Scenario

# Requests of a group beyond these are not counted.
MOST = 65536.0
# Machines beyond this size are not supernodes but campuses.
MOST_CHIPS = 65536.0
CELSIUS = 273.15


def options(name: str, scenario: Scenario) -> tuple[str, ...]:
    """Return every alternative of the choice `name`, in the order of its weights."""
    return EVERY_CHOICE[name] or tuple(link.name for link in scenario.links)


def usual_options(name: str, scenario: Scenario) -> tuple[str, ...]:
    """Return the alternatives of the choice `name` that `free` stands for.

    Of recompute, what differs from the others in `scenario`.
    """
    every = options(name, scenario)
    if name != "recompute":
        return every
    left = set() if scenario.model.attention == "mla" else {"mla_up"}
    if not any(vars(scenario.recompute).values()):
        left.add("listed")
    return tuple(option for option in every if option not in left)


def default_variable(
    name: str, scenario: Scenario, fixed: Mapping[str, float | str]
) -> Variable | Choice:
    """Return the box of a design field or freed constant that a study leaves free.

    Args:
      name: `Design` field, or dotted path of a positive constant below `Scenario`.
      scenario: what is given.
      fixed: frozen fields; a frozen chip count bounds the domain.

    Raises:
      ValueError: `name` is neither.
    """
    if name in EVERY_CHOICE:
        return Choice(name, usual_options(name, scenario))
    if "." in name:
        value = float(get(scenario, name))
        if value <= 0.0:
            raise ValueError(f"`{name}` is {value}: give it bounds to free it")
        return Variable(name, value / 2.0, value * 2.0)
    boxes = {**_counts(scenario, fixed), **_hardware(scenario)}
    if name not in boxes:
        raise ValueError(f"`{name}` is no design variable")
    return boxes[name]


def possible(
    name: str, scenario: Scenario, fixed: Mapping[str, float | str]
) -> tuple[float, float]:
    """Return the least and greatest value of a design field that could be built."""
    chip, flow = scenario.chip, float(scenario.cooling.reference_flow)
    switch = scenario.scale_up_switch
    wide = {
        "chips": (1.0, 16.0 * MOST_CHIPS),
        # Three tiers of switches; more would be a network, not a domain.
        "scale_up_domain": (
            1.0,
            max(float(switch.first_tier_chips * switch.radix**2), 1.0),
        ),
        # Where more tokens stand in one pass, or more requests in a batch, than any
        # machine has memory for.
        "decode_batch": (0.0, MOST),
        "prefill_tokens": (1.0, 2.0**24),
        "draft_tokens": (0.0, 16.0),
        # Of models with fewer experts than ranks: as many copies as there are ranks.
        "redundant_experts": (0.0, 16.0 * MOST_CHIPS),
        "scale_up_bandwidth": (1e6, 1e14),
        "scale_out_bandwidth": (1e6, 1e14),
        "oversubscription": (1.0, 64.0),
        "clock": (0.05, float(chip.maximum_clock)),
        "coolant_flow": (flow / 1e3, flow * 1e2),
        "inlet_temperature": (CELSIUS - 20.0, float(chip.junction_limit) - 1.0),
    }
    if scenario.training is not None:
        wide |= {
            "context_parallel": (1.0, float(scenario.training.sequence_length)),
            "micro_batch": (1.0, float(scenario.training.global_batch)),
        }
    if name in wide:
        return wide[name]
    box = default_variable(name, scenario, fixed)
    if isinstance(box, Choice):
        raise ValueError(f"`{name}` is a choice, not a number")
    return box.low, box.high


def _counts(
    scenario: Scenario, fixed: Mapping[str, float | str]
) -> dict[str, Variable]:
    """Bound every count by what the model, the board and the switches can hold."""
    board = float(scenario.host.chips_per_board)
    most = max(float(fixed.get("chips", MOST_CHIPS)), board)
    switch = scenario.scale_up_switch
    domain = max(float(switch.first_tier_chips * switch.radix), board)
    ranks = most * scenario.chip.ranks_per_chip
    sizes = _training_sizes if scenario.serving is None else _serving_sizes
    boxes = sizes(scenario, ranks)
    boxes["chips"] = Variable("chips", board, max(MOST_CHIPS, board))
    boxes["scale_up_domain"] = Variable(
        "scale_up_domain", min(board, most), min(domain, most)
    )
    return boxes


def _training_sizes(scenario: Scenario, ranks: float) -> dict[str, Variable]:
    """Bound the sizes of a job of training."""
    model, training = scenario.model, scenario.training
    highs = {
        "tensor_parallel": float(model.heads),
        "pipeline_parallel": float(model.layers),
        # A rank with less than 1,024 tokens of a sequence computes nothing but latency.
        "context_parallel": max(float(training.sequence_length) // 1024.0, 1.0),
        "expert_parallel": max(float(model.experts), 1.0),
        "interleave": float(model.layers),
        "micro_batch": min(float(training.global_batch), 64.0),
    }
    return {name: Variable(name, 1.0, high) for name, high in highs.items()}


def _serving_sizes(scenario: Scenario, ranks: float) -> dict[str, Variable]:
    """Bound the sizes of both pools of a machine that serves.

    More ranks than experts hold copies of them.
    """
    model = scenario.model
    spread = ranks if model.experts else 1.0
    highs = {
        "tensor_parallel": float(model.heads),
        "pipeline_parallel": float(model.layers),
        "expert_parallel": spread,
        "attention_data_parallel": spread,
    }
    boxes = {name: Variable(name, 1.0, high) for name, high in highs.items()}
    boxes |= {
        f"prefill_{name}": Variable(f"prefill_{name}", 1.0, high)
        for name, high in highs.items()
    }
    counts = {
        "prefill_chips": ranks / scenario.chip.ranks_per_chip,
        "redundant_experts": float(model.experts),
        # Drafts beyond are hardly ever accepted.
        "draft_tokens": 4.0,
        # As many as memory and limits allow, which is solved inside.
        "decode_batch": SERVING_NUMBERS["decode_batch"],
    }
    boxes |= {n: Variable(n, 0.0, high, "linear") for n, high in counts.items()}
    boxes["prefill_tokens"] = Variable("prefill_tokens", 2048.0, 32768.0)
    return boxes


def _hardware(scenario: Scenario) -> dict[str, Variable]:
    """Bound bandwidths, clock and coolant around what the parts are sold with."""
    chip, cooling = scenario.chip, scenario.cooling
    up, out = float(chip.scale_up_bandwidth), float(chip.scale_out_bandwidth)
    flow, limit = float(cooling.reference_flow), float(chip.junction_limit)
    variables = (
        Variable("scale_up_bandwidth", up / 8.0, up * 4.0),
        Variable("scale_out_bandwidth", out / 8.0, out * 4.0),
        Variable("oversubscription", 1.0, 8.0),
        Variable("clock", 0.3, max(float(chip.maximum_clock), 0.3), "linear"),
        Variable("coolant_flow", flow / 4.0, flow * 4.0),
        Variable(
            "inlet_temperature",
            CELSIUS + 15.0,
            min(CELSIUS + 45.0, limit - 5.0),
            "linear",
        ),
    )
    return {variable.name: variable for variable in variables}
