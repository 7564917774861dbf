"""How the relaxed descent takes its steps: rules of Optax, schedules, what each reads.

A rule turns slopes into moves, a schedule says how long they are in the course of a
round.  Both are named here, with the settings that they read: one that is not read
would have no effect, and whoever writes it is told so.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

Optimizer = Literal[
    "adam",
    "adamw",
    "amsgrad",
    "nadam",
    "yogi",
    "adabelief",
    "lion",
    "rmsprop",
    "sgd",
    "lbfgs",
]
Schedule = Literal["constant", "cosine", "linear", "exponential"]


@dataclass(frozen=True)
class Rule:
    """One rule of Optax.

    Attributes:
      transform: what it is called behind `optax.scale_by_`; "" for the plain slope.
      rate: first step that suits it, in unconstrained units [1].
      reads: settings that it reads.
      fixed: arguments that make it what it is.
      weight_decay: pull towards zero, where Optax has one [1].
      joint: whether one number's move depends on a row's other numbers.
    """

    transform: str
    reads: tuple[str, ...]
    rate: float = 0.05
    fixed: Mapping[str, Any] = field(default_factory=dict)
    weight_decay: float | None = None
    joint: bool = False


# Rates are the best of those that `benchmarks/descents.py` tried at a constant step.
_AVERAGES = ("averages",)
_DECAYED = ("averages", "weight_decay")
RULES: Mapping[str, Rule] = {
    "adam": Rule("adam", _AVERAGES),
    "adamw": Rule("adam", _DECAYED, weight_decay=1e-4),
    "amsgrad": Rule("amsgrad", _AVERAGES),
    "nadam": Rule("adam", _AVERAGES, fixed={"nesterov": True}),
    "yogi": Rule("yogi", _AVERAGES),
    "adabelief": Rule("belief", _AVERAGES),
    "lion": Rule("lion", _DECAYED, weight_decay=1e-3),
    "rmsprop": Rule("rms", ("momentum",)),
    "sgd": Rule("", ("momentum",), rate=0.5),
    "lbfgs": Rule("lbfgs", ("memory",), rate=1.0, joint=True),
}
# Settings that are one of these words.
WORDS = {"optimizer": tuple(RULES), "schedule": get_args(Schedule)}
# What is left of the first step at the end of a round, where it shrinks.
LAST_SHARE = 0.1
# Settings that some rules read, settings of the steps, and of how many there are.
OPTIONS = ("averages", "momentum", "weight_decay", "memory")
STEPS = ("optimizer", "schedule", "rate", "last_share", *OPTIONS)
EFFORT = ("starts", "inner", "sharpness", "temperature")


class Descent(NamedTuple):
    """What of a rule and its schedule is part of a program.

    Attributes:
      optimizer: name of the rule.
      schedule: name of the schedule.
      memory: moves and slopes that a quasi-Newton rule remembers [1].
    """

    optimizer: str = "adam"
    schedule: str = "cosine"
    memory: int = 10


def idle(written: Collection[str], values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the first setting that has no effect beside the others, and why.

    Args:
      written: names of settings that somebody chose.
      values: all settings.
    """
    rule = RULES[values["optimizer"]]
    for name in written:
        if not values["outer"] and name in (*STEPS, *EFFORT):
            return name, "`outer: 0` leaves the relaxed descent out"
        if name in OPTIONS and name not in rule.reads:
            others = [n for n, other in RULES.items() if name in other.reads]
            return name, (
                f"`{values['optimizer']}` does not read it ({', '.join(others)} do)"
                if len(others) > 1
                else f"only `{others[0]}` reads it"
            )
        if name == "last_share" and values["schedule"] == "constant":
            return name, "steps of `schedule: constant` do not shrink"
    return None
