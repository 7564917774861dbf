"""Small random studies, as the text a user would write.

A study is drawn from a seed or by hypothesis.  Its machine and its split exist and fit;
one to four things are free around them; limits are drawn from what random designs of
that very study attain, so that some are barely feasible and some are not.
"""

import random

import numpy as np
import yaml
from hypothesis import strategies

from supernode_opt import catalog
from supernode_opt.problem.constraints import always
from supernode_opt.system.report import FACTS, SCALARS, Report
from supernode_opt.units import quantity_of
from supernode_opt.workload.model import Training
from supernode_opt.workload.split import SIZES, SWITCHES, enumerate_splits
from tests.oracle.boxes import (
    ALTERNATIVES,
    CONSTANTS,
    COUNTS,
    HARDWARE,
    constant_box,
    count_box,
    hardware_box,
    written,
)
from tests.oracle.exact import reports
from tests.oracle.program import read
from tests.oracle.space import COUNTED, space
from tests.oracle.truth import violation

MOST_DISCRETE = 20_000
MOST_WITH_AXES = 2_500
MOST_WITH_MANY = 60
MOST_AXES = 3
# Models small enough for small machines come often, the others now and then.
_MODELS = ("llama3_8b", "llama3_8b", "mixtral_8x7b", "llama3_70b", "qwen3_235b_a22b")
# Goals people have, with the direction in which they have them.
_GOALS = (
    ("tokens_per_s", True),
    ("mfu", True),
    ("tokens_per_joule", True),
    ("tokens_per_dollar", True),
    ("goodput_tokens_per_s", True),
    ("step_time", False),
    ("power", False),
    ("average_power", False),
    ("cost", False),
    ("cost_per_megatoken", False),
    ("memory", False),
)


class Seeded:
    """Choices from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, options):
        return self.random.choice(list(options))

    def number(self, low, high):
        return self.random.uniform(low, high)


class Drawn:
    """Choices from hypothesis, given the `draw` of a composite strategy."""

    def __init__(self, draw):
        self.draw, self.kinds = draw, strategies

    def pick(self, options):
        return self.draw(self.kinds.sampled_from(list(options)))

    def number(self, low, high):
        return self.draw(self.kinds.integers(0, 1000)) / 1000 * (high - low) + low


def several(choose, options, most):
    """Pick up to `most` different options, at least one."""
    left, picked = list(dict.fromkeys(options)), []
    for _ in range(min(most, len(left))):
        picked.append(choose.pick(left))
        left.remove(picked[-1])
    return picked


def machine(choose, systems=None, models=None):
    """Draw a machine, a model, a batch and a frozen split that fits."""
    name = choose.pick(systems or catalog.names("system"))
    rare = () if models else (choose.pick(catalog.names("model")),)
    model = choose.pick((*(models or _MODELS), *rare))
    training = {
        "sequence_length": choose.pick((2048, 4096, 4096, 8192)),
        "global_batch": choose.pick((128, 192, 256, 512)),
        "precision": "bf16",
    }
    system = catalog.system(name)
    job = Training(
        **{k: v if k == "precision" else float(v) for k, v in training.items()}
    )
    scenario = catalog.scenario(system, model, job)
    board = int(scenario.host.chips_per_board)
    for boards in (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256):
        chips = board * boards
        base = _fitting(choose, system, scenario, chips)
        if base is not None:
            break
    else:
        return None
    if chips < 64 and choose.pick((True, False)):
        wider = _fitting(choose, system, scenario, 2 * chips)
        base = wider or base
    links = {
        side: choose.pick((system.design[side], choose.pick(system.links)))
        for side in ("scale_up_link", "scale_out_link")
    }
    top = {"system": name, "model": model, "training": training}
    return top, system, scenario, base | links


def _fitting(choose, system, scenario, chips):
    """Return a split of `chips` that keeps the limits that always hold, or `None`."""
    small = {
        "tensor_parallel": (1, 8),
        "pipeline_parallel": (1, 16),
        "context_parallel": (1, 2),
        "micro_batch": (1, 2),
        "interleave": (1, 2),
        "expert_parallel": (1, 64),
    }
    positions = {"recompute": (1, 2), "optimizer_sharding": (1,)}
    positions["sequence_parallel"] = (0, 1)
    rows = dict(
        enumerate_splits(
            scenario.model,
            scenario.training,
            [chips],
            small,
            positions,
            ranks=scenario.chip.ranks_per_chip,
        )
    )
    count = len(rows["chips"])
    if not count:
        return None
    if count > 512:
        chosen = [int(choose.number(0, count - 1)) for _ in range(8)]
        chosen = np.unique([(c + np.arange(64)) % count for c in chosen])
        rows = {name: column[chosen] for name, column in rows.items()}
        count = len(rows["chips"])
    numbers = {k: v for k, v in system.design.items() if not isinstance(v, str)}
    numbers["scale_up_domain"] = min(numbers["scale_up_domain"], chips)
    for side in ("scale_up_link", "scale_out_link"):
        numbers[side] = system.links.index(system.design[side])
    rows |= {k: np.full(count, v) for k, v in numbers.items() if k != "chips"}
    values = reports(scenario, rows)
    limits = [c for c in always(scenario) if c.name == "memory_fraction"]
    good = np.flatnonzero(violation(values, limits) <= 0.0)
    if not len(good):
        return None
    row = int(good[int(choose.number(0, len(good) - 1))])
    split = {name: int(rows[name][row]) for name in SIZES}
    split["scale_up_domain"] = int(numbers["scale_up_domain"])
    for name in SWITCHES:
        split[name] = ALTERNATIVES[name][int(rows[name][row])]
    return split


KINDS = ("count", "choice", "link", "hardware", "constant")


def design(choose, system, scenario, base, kinds=KINDS):
    """Draw the `design` section: one to four things free, all others frozen."""
    section = dict(base)
    axes = 0
    wanted = choose.pick((1, 2, 3, 3, 4))
    freed = []
    while len(freed) < wanted:
        kind = choose.pick(kinds)
        if kind == "count":
            name = choose.pick(COUNTS)
            box = count_box(choose, name, base, scenario)
        elif kind == "choice":
            name = choose.pick(ALTERNATIVES)
            box = list(ALTERNATIVES[name])
        elif kind == "link":
            name = choose.pick(("scale_up_link", "scale_out_link"))
            box = several(choose, (base[name], *system.links), choose.pick((2, 3, 6)))
        elif kind == "hardware":
            name = choose.pick(HARDWARE)
            box = hardware_box(choose, name, system)
        else:
            name = choose.pick(CONSTANTS)
            place = int(choose.number(0, len(system.links) - 1e-9))
            box = constant_box(choose, name.replace("LINK", str(place)), scenario)
            name = name.replace("LINK", system.links[place])
        axis = kind == "hardware" or (kind == "constant" and name not in COUNTED)
        if box is None or name in freed or (axis and axes == MOST_AXES):
            # Hypothesis may repeat itself for ever.
            wanted -= choose.pick((0, 1)) if len(freed) else 0
            continue
        axes += axis
        section[name] = box
        freed.append(name)
    return section


def sample(problem, where, seed, count=4000):
    """Return what random designs report."""
    chance = np.random.default_rng(seed)
    index = chance.integers(0, len(where.columns["chips"]), count)
    units = chance.uniform(size=(count, len(where.axes)))
    # A third of the points lie on an edge of the box, where answers often are.
    edge = chance.uniform(size=units.shape) < 1.0 / 3.0
    units = np.where(edge, np.round(units), units)
    return reports(problem.scenario, where.rows(index, units))


def limit(choose, values, alive):
    """Draw one limit that some of the `alive` designs keep; also return who does."""
    varying = [
        name
        for name in values
        if np.ptp(v := values[name][alive]) > 1e-4 * abs(np.max(v)) and np.min(v) >= 0.0
    ]
    name = choose.pick(varying)
    at_most = choose.pick((True, False))
    share = choose.pick((0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.0, 1.0))
    value = float(np.quantile(values[name][alive], share, method="nearest"))
    # Never at a design's own value, where a rounding would decide.
    value *= 1.0 + choose.pick((-1.0, 1.0)) * choose.number(1e-3, 5e-3)
    value = float(f"{value:.6g}")
    kept = values[name] <= value if at_most else values[name] >= value
    return (name, at_most, value), alive & kept


def draw(choose):
    """Draw the text of a study, or `None` where what was drawn cannot be one."""
    drawn = machine(choose)
    if drawn is None:
        return None
    top, system, scenario, base = drawn
    top["design"] = design(choose, system, scenario, base)
    return complete(choose, top)


def draw_alike(choose, axes):
    """Draw the text of a study whose programs others share: one machine, these axes.

    All else varies: model, batch, machine size, what else is free, goal and limits.
    """
    drawn = machine(choose, ("cloudmatrix384",), ("llama3_8b", "mixtral_8x7b"))
    if drawn is None:
        return None
    top, system, scenario, base = drawn
    section = design(choose, system, scenario, base, KINDS[:3])
    for name in axes:
        section[name] = hardware_box(choose, name, system)
    # Failures and prices would need programs of their own.
    names = [name for name in SCALARS if not FACTS[name].dear]
    return complete(choose, top | {"design": section}, names)


# What is asked of studies that are rare otherwise: floors on temperatures, windows that
# are narrow on both sides, boxes in which hardly anything is feasible.
_FLOORS = ("junction_temperature", "coolant_outlet_temperature", "optics_temperature")
RARE = ("axes", "axes", "floor", "window", "tiny", "constants", "uneven")


def draw_rare(choose):
    """Draw the text of a study of a kind that `draw` seldom or never draws.

    Six free numbers of the hardware; a floor on a temperature; a window between two
    limits on one quantity; limits that hardly any design keeps; several freed
    constants; chip counts that hardly divide the batch.
    """
    kind = choose.pick(RARE)
    drawn = machine(choose, ("cloudmatrix384",), ("llama3_8b", "mixtral_8x7b"))
    if drawn is None:
        return None
    top, system, scenario, base = drawn
    if kind == "uneven":
        top["training"]["global_batch"] = choose.pick((120, 180, 210, 336, 360))
        base["micro_batch"] = 1
    kinds = (
        ("count", "choice", "link", "constant") if kind == "constants" else KINDS[:3]
    )
    section = design(choose, system, scenario, base, kinds)
    if kind == "uneven":
        board = int(scenario.host.chips_per_board)
        most = choose.pick((12, 20, 30))
        section["chips"] = {"low": board, "high": most * board, "step": board}
        for name in ("tensor_parallel", "pipeline_parallel"):
            section[name] = {"low": 1, "high": 8}
    many = HARDWARE if kind == "axes" else several(choose, HARDWARE, 2)
    for name in many:
        section[name] = hardware_box(choose, name, system)
    names = [name for name in SCALARS if not FACTS[name].dear]
    made = complete(choose, top | {"design": section}, names, kind)
    return made


def complete(choose, top, names=SCALARS, kind=""):
    """Add objective and limits to a study; `None` where nothing would be decided."""
    bare = top | {"objective": {"minimize": "step_time"}}
    problem = read(yaml.safe_dump(bare)).problem
    where = space(problem, whole_lanes=True, most=MOST_DISCRETE)
    if where is None or not len(where.columns["chips"]):
        return None
    most = MOST_WITH_AXES if len(where.axes) <= MOST_AXES else MOST_WITH_MANY
    if where.axes and len(where.columns["chips"]) > most:
        return None
    values = sample(problem, where, seed=int(choose.number(0, 1000)))
    alive = violation(values, always(problem.scenario)) <= 0.0
    values = {name: values[name] for name in names}
    if not alive.any():
        return None
    moving = [n for n in names if np.ptp(values[n][alive]) > 1e-6 * values[n].max()]
    common = [goal for goal in _GOALS if goal[0] in moving]
    if not moving:
        return None
    unusual = (choose.pick(moving), choose.pick((True, False)))
    goal, maximize = choose.pick((*(common or [unusual])[:8], *[unusual] * 6))
    constraints = {}
    if kind in ("floor", "window"):
        options = [n for n in _FLOORS if n in moving] if kind == "floor" else moving
        if not options:
            return None
        constraints, alive = _squeezed(
            choose, choose.pick(options), values, alive, kind
        )
    for _ in range(4 if kind == "tiny" else choose.pick((1, 2, 2, 3))):
        count = int(alive.sum())
        if count < 2 or all(
            np.ptp(values[n][alive]) <= 1e-4 * values[n].max() for n in names
        ):
            break
        (name, at_most, value), kept = limit(choose, values, alive)
        unit = quantity_of(Report, name).unit
        word = "at_most" if at_most else "at_least"
        if value > 0.0 and name not in constraints:
            constraints[name] = {word: written(value, unit)}
            # Mostly the next limit is near what is possible with this one.
            sure = kind == "tiny" or choose.pick((1, 1, 0))
            alive = kept if kept.any() and sure else alive
    if not constraints:
        return None
    top["objective"] = {"maximize" if maximize else "minimize": goal}
    top["constraints"] = constraints
    return yaml.safe_dump(top, sort_keys=False)


def _squeezed(choose, name, values, alive, kind):
    """Return limits on one quantity that few designs keep, and who does."""
    unit, found = quantity_of(Report, name).unit, values[name]
    share = choose.pick((0.5, 0.8, 0.95))
    low = float(np.quantile(found[alive], share, method="nearest")) * 1.001
    high = low * choose.pick((1.003, 1.01, 1.05))
    limits = {"at_least": written(low, unit)}
    kept = alive & (found >= low)
    if kind == "window":
        limits["at_most"] = written(high, unit)
        kept &= found <= high
    return {name: limits}, kept if kept.any() else alive
