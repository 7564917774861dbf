"""Draws of a machine that serves: its limits bind in every one of them.

A machine on which everything takes `f` times as long is the same machine with a unit of
time that is `f` times as long: in that unit its limits are `f` times as short, requests
arrive `f` times as often, and every rate counts `f` times as much.  So what no constant
explains of time is carried through limits and solved batches without a constant of its
own.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case
from supernode_opt.record import get, replace
from supernode_opt.system.reported import facts_of
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.reported import Serves

# What a machine that serves is asked for in time, and with which power.
_ASKED = {"tpot_limit": 1.0, "ttft_limit": 1.0, "arrival_rate": -1.0}
# Quantities of serving alone.
_OWN = facts_of(Serves)
RATE = "output_tokens_per_s"
# A stack that stands for none was calibrated nowhere.
GENERIC = "generic"
# What is left of the logarithm of a step's time once its level is known: 14 % of 13
# published rows of decode and 9 % of 10 of prefill, mean absolute errors after one
# scale per phase, whose larger one stands for both.
NOISE = 0.14


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


def calibrated(scenario: Scenario) -> bool:
    """Tell whether the software of a scenario was calibrated at all."""
    return scenario.software.name != GENERIC


def deviation(scenario: Scenario) -> float:
    """Return how far the logarithm of a step's time is off with known constants [1]."""
    return NOISE
