"""Draws of a machine that serves: its limits bind in every one of them.

A machine on which everything takes `f` times as long is the same machine with a unit of
time that is `f` times as long: in that unit its limits are `f` times as short, requests
arrive `f` times as often, and every rate counts `f` times as much.  So what no constant
explains of time is carried through limits and solved batches without a constant of its
own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case
from supernode_opt.calibration.evidence.known import kind_of_model
from supernode_opt.calibration.serving import posterior as fits
from supernode_opt.calibration.serving.constants import CONSTANTS, INDEX
from supernode_opt.calibration.serving.stacks import GENERIC
from supernode_opt.record import get, replace
from supernode_opt.system.reported import facts_of
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.reported import Serves
from supernode_opt.uncertainty.constants import Identity

KIND = "serving_stack"
# What a machine that serves is asked for in time, and with which power.
_ASKED = {"tpot_limit": 1.0, "ttft_limit": 1.0, "arrival_rate": -1.0}
# Quantities of serving alone.
_OWN = facts_of(Serves)
RATE = "output_tokens_per_s"
# What the first token waits for beside a step.
_FIRST = ("ttft", "ttft_fraction")
# How kinds of models and machines are called where residuals are kept.
_KINDS = {"moe": "MoE", "dense": "dense"}


def stretched(rows: Case, slower: NDArray) -> Case:
    """Return rows of machines in units of time that are `slower` seconds [row]."""
    scenario = rows.scenario
    if scenario.serving is None:
        return rows
    for path, value in asked(scenario, slower).items():
        scenario = replace(scenario, path, value)
    return rows._replace(scenario=scenario)


def asked(scenario: Scenario, slower: NDArray) -> dict[str, Any]:
    """Return what is asked of a machine in units of time of `slower` seconds, by path.

    Args:
      scenario: one that serves, or rows of them.
      slower: unit of time [row] [s].
    """
    made = {}
    for name, power in _ASKED.items():
        path = f"serving.{name}"
        made[path] = get(scenario, path) / slower**power
    return made


def settled(
    names: Sequence[str], drawn: NDArray, held: NDArray, powers: NDArray
) -> NDArray:
    """Return quantities whose times are those of a chip as its entry has it.

    Args:
      names: what is reported, tokens a second among them.
      drawn: it, with constants of the chip drawn [draw, quantity].
      held: it, with the chip as in the catalog [draw, quantity].
      powers: of the time of a step in each quantity [quantity].
    """
    column = list(names).index(RATE)
    longer = drawn[:, column] / held[:, column]
    own = np.asarray([name in _OWN for name in names])
    return np.where(own, held, drawn * longer[:, None] ** powers)


def late(names: Sequence[str], values: NDArray, factor: NDArray) -> NDArray:
    """Return drawn quantities with what is unknown of the first token alone.

    Args:
      names: what is reported.
      values: of it [draw, quantity].
      factor: of the time to the first token [draw] [1].
    """
    first = np.asarray([name in _FIRST for name in names])
    return np.where(first, values * factor[:, None], values)


def calibrated(scenario: Scenario) -> bool:
    """Tell whether rows of the stack of a scenario were fitted."""
    stack = scenario.software.name
    return stack != GENERIC and stack in {
        who for _, scope, who in fits.shipped().names if scope == "stack"
    }


def together(every: Sequence[Identity], drawn: NDArray) -> NDArray:
    """Return standard normals of constants, with what the fit of stacks says of them.

    What all stacks share is drawn once for all of them.

    Args:
      every: the constants.
      drawn: independent standard normals [draw, constant].
    """
    fitted = [
        (column, entry, INDEX[field])
        for column, (kind, entry, field) in enumerate(every)
        if kind == KIND and field in INDEX
    ]
    if not fitted:
        return drawn
    known = fits.shipped()
    columns, entries, places = (list(part) for part in zip(*fitted, strict=True))
    stacks = list(dict.fromkeys(entries))
    wide = np.concatenate([fits.selection(known.names, one) for one in stacks])
    covariance = wide @ known.covariance @ wide.T
    # Of a stack of which no row was fitted nothing is known but how stacks scatter.
    alone = np.concatenate([_scatter(known, one) for one in stacks])
    covariance = covariance + np.diag(alone)
    at = [
        stacks.index(entry) * len(CONSTANTS) + place
        for entry, place in zip(entries, places, strict=True)
    ]
    covariance = covariance[np.ix_(at, at)]
    spread = np.sqrt(np.diag(covariance))
    level, axes = np.linalg.eigh(covariance / np.outer(spread, spread))
    root = axes * np.sqrt(np.maximum(level, 0.0))
    made = drawn.copy()
    made[:, columns] = drawn[:, columns] @ root.T
    return made


def _scatter(known: fits.Posterior, stack: str) -> NDArray:
    """Return variances of a stack of its own beside what is fitted [constant]."""
    if any(who == stack for _, scope, who in known.names if scope == "stack"):
        return np.zeros(len(CONSTANTS))
    return np.asarray([one.stack**2 for one in CONSTANTS])


def deviation(scenario: Scenario, split: Mapping[str, Any]) -> float:
    """Return how far the logarithm of a step's time is off with known constants [1].

    Of machines that keep prefill apart it is that of published deployments, of others
    that of benchmarks.
    """
    apart = float(np.max(np.asarray(split.get("prefill_chips", 0.0)))) > 0.0
    kind, noise = _KINDS[kind_of_model(scenario.model)], fits.shipped().noise
    known = f"rate {kind} decode" if apart else f"tpot {kind} mixed"
    return noise.get(known, noise.get("tpot", fits.USUAL_NOISE["tpot"]))


def deviation_of_first(scenario: Scenario, split: Mapping[str, Any]) -> float:
    """Return what `deviation` leaves of the logarithm of the first token's time [1]."""
    kind, noise = _KINDS[kind_of_model(scenario.model)], fits.shipped().noise
    whole = noise.get(f"ttft {kind} mixed", fits.USUAL_NOISE["ttft"])
    return float(np.sqrt(max(whole**2 - deviation(scenario, split) ** 2, 0.0)))
