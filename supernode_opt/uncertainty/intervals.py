"""What is not known well, carried to every quantity of a report.

Constants are drawn from their catalog ranges, the fitted ones with the correlations
that the calibration found, and the whole machine is evaluated for every draw.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from supernode_opt import catalog
from supernode_opt.calibration.step_time import intervals, shipped
from supernode_opt.calibration.step_time.constants import INDEX
from supernode_opt.calibration.step_time.platforms import SHIPPED
from supernode_opt.catalog.systems import FOLLOWS, PARTS
from supernode_opt.record import get, replace
from supernode_opt.system.design import Design
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.package import settled_clock
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import quantities, quantity_of

DRAWS = 512
_FIVE_TO_NINETY_FIVE = (5.0, 95.0)
# Normal draws beyond these would leave what a catalog range was meant to say.
TAIL = 2.5
# What the time of a step enters, and with which power.
TIMED = {
    "step_time": 1.0,
    "tokens_per_s": -1.0,
    "mfu": -1.0,
    "tokens_per_joule": -1.0,
    "tokens_per_dollar": -1.0,
    "goodput_tokens_per_s": -1.0,
    "cost_per_megatoken": 1.0,
}


class Uncertain(NamedTuple):
    """A constant of the scenario that has a range.

    Attributes:
      path: dotted path in the scenario.
      value, low, high: 5-95 % range around the value, base SI unit.
      most: greatest value that makes sense.
    """

    path: str
    value: float
    low: float
    high: float
    most: float


def uncertain(scenario: Scenario) -> tuple[Uncertain, ...]:
    """List the constants whose catalog entry gives a range, unless the study set them.

    A number that differs from its catalog entry was decided by the user and is exact.
    """
    parts = [(name, kind, getattr(scenario, name)) for name, kind in PARTS.items()]
    parts += [(f"links.{i}", "link", one) for i, one in enumerate(scenario.links)]
    found = []
    for path, kind, part in parts:
        if part.name not in catalog.names(kind):
            continue
        for field, known in catalog.provenance(kind, part.name).items():
            value = getattr(part, field)
            if value == known.value and known.low < known.high:
                most = quantity_of(type(part), field).high
                found.append(
                    Uncertain(
                        f"{path}.{field}",
                        value,
                        known.low,
                        known.high,
                        np.inf if most is None else most,
                    )
                )
    return tuple(found)


def _normals(
    ranges: tuple[Uncertain, ...], scenario: Scenario, seed: int, count: int
) -> np.ndarray:
    """Draw standard normals [draw, constant]; fitted constants are correlated."""
    random = np.random.default_rng(seed)
    normal = random.standard_normal((count, len(ranges)))
    platform = next((p for p in SHIPPED if p.name == scenario.software.name), None)
    fitted = {
        column: INDEX[one.path.removeprefix("software.")]
        for column, one in enumerate(ranges)
        if one.path.startswith("software.")
        and one.path.removeprefix("software.") in INDEX
    }
    if platform is not None and fitted:
        known = shipped.posterior()
        _, covariance = intervals.constants_of(known, platform.family, platform.stack)
        rows = list(fitted.values())
        part = covariance[np.ix_(rows, rows)]
        deviation = np.sqrt(np.diag(part))
        level, axes = np.linalg.eigh(part / np.outer(deviation, deviation))
        root = axes * np.sqrt(np.maximum(level, 0.0))
        normal[:, list(fitted)] = normal[:, list(fitted)] @ root.T
    return np.clip(normal, -TAIL, TAIL)


def drawn_value(one: Uncertain, normal: np.ndarray) -> np.ndarray:
    """Bend normals so that 5 and 95 % lie at low and high, in logs where possible."""
    share = normal / intervals.NINETY
    side = np.where(share > 0.0, one.high, one.low)
    if one.low > 0.0:
        value = one.value * (side / one.value) ** np.abs(share)
    else:
        value = np.maximum(one.value + np.abs(share) * (side - one.value), 0.0)
    return np.minimum(value, one.most)


class Drawn(NamedTuple):
    """Reports of one design under constants drawn from their ranges.

    Attributes:
      ranges: the constants that were drawn.
      normal: standard normals behind the draws [draw, constant].
      report: of every draw.
    """

    ranges: tuple[Uncertain, ...]
    normal: np.ndarray
    report: Report


def drawn_reports(
    design: Design, scenario: Scenario, seed: int, count: int = DRAWS
) -> Drawn:
    """Evaluate `design` under `count` draws of the scenario's constants."""
    ranges = uncertain(scenario)
    normal = _normals(ranges, scenario, seed, count)
    values = {one.path: drawn_value(one, normal[:, i]) for i, one in enumerate(ranges)}
    varied, axes = scenario, jax.tree.map(lambda _: None, scenario)
    for path, drawn in values.items():
        varied = replace(varied, path, jnp.asarray(drawn))
        axes = replace(axes, path, 0)
    # A design that takes a part as it is sold takes it as it is drawn, too: chips at
    # their sustained clock, plates at their reference flow, ports of the data sheet.
    followed = {
        field: (part, source)
        for field, (part, source) in FOLLOWS.items()
        if float(getattr(design, field)) == float(get(scenario, f"{part}.{source}"))
    }
    told = float(design.clock) != float(settled_clock(design, scenario))

    def once(where: Scenario) -> Report:
        held = design
        for field, (part, source) in followed.items():
            held = replace(held, field, get(where, f"{part}.{source}"))
        # Chips at their sustained clock are at a limit, whichever comes first.
        clock = held.clock if told else settled_clock(held, where)
        return evaluate(replace(held, "clock", clock), where)

    report = jax.jit(jax.vmap(once, in_axes=(axes,)))(varied)
    return Drawn(ranges, normal, report)


def report_intervals(
    design: Design, scenario: Scenario, seed: int
) -> dict[str, tuple[float, float]]:
    """Return the 5-95 % range of every quantity of the report, base SI units.

    Args:
      design: one design.
      scenario: what is given; its constants are drawn around their values.
      seed: of the draws.
    """
    report = drawn_reports(design, scenario, seed).report
    platform = next((p for p in SHIPPED if p.name == scenario.software.name), None)
    kind = "moe" if float(scenario.model.experts) else "dense"
    stack = "" if platform is None else platform.stack
    noise = intervals.noise_of(shipped.posterior(), stack, kind)
    blur = np.random.default_rng(seed + 1).standard_normal(DRAWS)
    slower = np.exp(noise * blur)
    found = {}
    for name, _ in quantities(Report):
        drawn = np.asarray(getattr(report, name)) * slower ** TIMED.get(name, 0.0)
        low, high = np.percentile(drawn, _FIVE_TO_NINETY_FIVE)
        found[name] = (float(low), float(high))
    return found
