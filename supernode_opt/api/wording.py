"""What studies and answers are called in a few plain lines of at most 80 columns."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from supernode_opt.answer.asked import subject
from supernode_opt.answer.verdict import ROUNDING
from supernode_opt.names import spelled
from supernode_opt.reading.node import StudyError
from supernode_opt.search.solution import ConstraintState
from supernode_opt.system.design import EVERY_NUMBER, holder_of
from supernode_opt.system.report import FACTS, Report, is_share
from supernode_opt.units import quantity_of
from supernode_opt.words import figures, spoken

if TYPE_CHECKING:
    from supernode_opt.api.study import Study

WIDTH = 80


def said(name: str, value: float) -> str:
    """Write a reported quantity in the unit that people say it in.

    >>> said("mfu", 0.4123), said("power", 559e3)
    ('41.23 %', '559 kW')
    """
    return spoken(float(value), quantity_of(Report, name).unit, is_share(name))


def range_said(name: str, low: float, high: float) -> str:
    """Write the ends of a range, a unit that both have once.

    >>> range_said("power", 523e3, 634.7e3), range_said("mfu", 0.25, 0.5)
    ('523 to 634.7 kW', '25 to 50 %')
    """
    first, last = said(name, low), said(name, high)
    unit = last.partition(" ")[2]
    return f"{first.removesuffix(unit).rstrip()} to {last}"


def words(name: str) -> str:
    """Return what people call a reported quantity or a field of a design.

    >>> words("tokens_per_s"), words("mfu")
    ('tokens per s', 'MFU')
    """
    facts = FACTS.get(name)
    return (facts.label if facts else "") or spelled(name)


def field_said(name: str, value: float | str) -> str:
    """Write the value of a design field with its unit."""
    known = name in EVERY_NUMBER
    return spoken(value, quantity_of(holder_of(name), name).unit if known else "")


def left(limit: ConstraintState) -> str:
    """Say how far a design is from a limit: "tight", "broken" or what is left of it."""
    if limit.margin < -ROUNDING:
        return "broken"
    return "tight" if limit.tight else f"{figures(100.0 * limit.margin, 3)} % left"


def values_said(values: Mapping[str, float | str]) -> str:
    """Write fields of a design with their values."""
    return ", ".join(f"{words(k)} {field_said(k, v)}" for k, v in values.items())


def wrapped(lines: Iterable[str], hanging: str = "  ") -> list[str]:
    """Return lines broken at `WIDTH` columns, what goes on set in by `hanging`."""
    return [
        part
        for line in lines
        for part in textwrap.wrap(
            line,
            WIDTH,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [""]
    ]


def asked(study: "Study") -> str:
    """Say machine, model, precision and what of the split is decided, in one line."""
    problem = study.problem
    return subject(study.system, problem.scenario, problem.fixed)


def study_lines(study: "Study") -> list[str]:
    """Say what is asked, what is free and what is wanted."""
    try:
        problem, name = study.problem, study.name
    except StudyError as error:
        return wrapped([f"study that cannot be used: {error}"])
    goal = problem.objective
    wanted = f"{'maximize' if goal.maximize else 'minimize'} {words(goal.name)}"
    limits = ", ".join(
        f"{words(one.name)} at {'most' if one.at_most else 'least'}"
        f" {said(one.name, one.limit)}"
        for one in problem.constraints
    )
    lines = [f"study {name}: {asked(study)}"]
    lines += [f"  {study.question}"] if study.question else []
    lines += [f"  wanted: {wanted}" + (f"; {limits}" if limits else "")]
    free = ", ".join(words(one) for one in study.free)
    lines += [f"  free: {free}" if free else "  nothing is free"]
    return wrapped(lines, "    ")
