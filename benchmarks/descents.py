"""Which rule and schedule of Optax suit the relaxed descent, at equal gradients.

    python -m benchmarks.descents --out results/descents

Every rule runs with some schedules and rates on some studies of `studies.yaml`: the
same starts, rounds and steps.  Told are the best nearly feasible relaxed objective, in
per cent short of the best that any of them found, and the share of starts that end
nearly feasible, and within one per cent of that best.  Steps are driven from Python, so
that slopes are compiled once a study's shape, not once a rule; what is computed is what
`search.lagrangian.descend` computes.
"""

import argparse
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contest.journal import Journal, Record
from benchmarks.contest.studies import study
from supernode_opt.batch.compiler import compiled
from supernode_opt.problem.problem import Problem
from supernode_opt.search import relaxed
from supernode_opt.search.lagrangian import State, begin
from supernode_opt.search.merit import STRUCTURE
from supernode_opt.search.rules import RULES
from supernode_opt.search.settings import Settings
from supernode_opt.search.stepping import size, transformation

STUDIES = ("moe_budget", "moe_tight", "moe_least_power", "dense_budget", "dense_loose")
RATES = {"sgd": (0.5, 1.5), "lbfgs": (0.3, 1.0), "lion": (0.05, 0.15)}
MORE: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9}, "rmsprop": {}}
PENALTIES = (2.0, 100.0)


class Slopes:
    """The augmented Lagrangian's slopes of one merit, compiled once."""

    def __init__(self) -> None:
        """Keep programs by merit."""
        self._programs: dict[Any, Any] = {}

    def __call__(self, merit: Any, *args: Any) -> Any:
        """Return f, g and the slope of every row."""
        if merit not in self._programs:

            def total(points: Any, multipliers: Any, penalty: Any, data: Any) -> Any:
                objective, values = merit(points, data)
                push = jnp.maximum(0.0, multipliers + penalty * values)
                added = jnp.sum(push**2 - multipliers**2) / (2.0 * penalty)
                return jnp.sum(objective) + added, (objective, values)

            self._programs[merit] = compiled(jax.value_and_grad(total, has_aux=True))
        (_, (objective, values)), slope = self._programs[merit](*args)
        return objective, values, slope


def descended(
    problem: Problem, settings: Settings, seed: int, slopes: Slopes
) -> tuple[State, float]:
    """Return where the descent ends, and the processor's seconds that it took."""
    merit = relaxed.relaxed_merit(problem)
    data = relaxed._data(problem, merit.names)
    starts = relaxed._starts(problem, merit, settings.starts, seed)
    slots = len(data["wanted"]["used"])
    state = begin(starts, slots + len(STRUCTURE))
    rule = transformation(settings.descent, settings.options)
    joint = RULES[settings.optimizer].joint
    move = jax.jit(lambda slope, memory, points: rule.update(slope, memory, points))
    began = time.process_time()
    points = state.points
    for index in range(settings.outer):
        done = index / max(settings.outer - 1, 1)
        data |= {
            "sharpness": relaxed._between(settings.sharpness, done),
            "temperature": relaxed._between(settings.temperature, done),
        }
        penalty = relaxed._between(PENALTIES, done)
        memory = rule.init(points)
        first, last = settings.rates
        for step in range(settings.inner):
            objective, values, slope = slopes(
                merit, points, state.multipliers, penalty, data
            )
            if step == settings.inner - 1:
                break
            slope = jnp.where(jnp.isfinite(slope), slope, 0.0)
            if not joint:
                length = jnp.linalg.norm(slope, axis=1, keepdims=True)
                slope = slope / jnp.maximum(length, 1.0)
            moves, memory = move(slope, memory, points)
            phase = jnp.minimum(step / max(settings.inner - 2, 1), 1.0)
            points = points - size(settings.schedule, phase, first, last) * moves
        raised = jnp.maximum(0.0, state.multipliers + penalty * values)
        state = State(
            points, jnp.where(jnp.isfinite(raised), raised, 0.0), objective, values
        )
    return state, time.process_time() - began


def trials(effort: dict[str, Any], rules: list[str]) -> Iterator[Settings]:
    """Yield what is compared."""
    for name in rules:
        rates = RATES.get(name, (0.05, 0.15, 0.4))
        for schedule, rate in itertools.product(("constant", "cosine"), rates):
            named: dict[str, Any] = {"optimizer": name, "schedule": schedule}
            yield Settings(**named, rate=rate, **MORE.get(name, {}), **effort)


def main() -> None:
    """Measure, and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("results/descents"))
    parser.add_argument("--studies", nargs="+", default=list(STUDIES))
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--starts", type=int, default=64)
    parser.add_argument("--outer", type=int, default=6)
    parser.add_argument("--inner", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    journal = Journal(asked.out / "journal.jsonl")
    slopes = Slopes()
    effort = {k: getattr(asked, k) for k in ("starts", "outer", "inner")}
    for name in asked.studies:
        problem = study(name).problem
        for settings in trials(effort, asked.rules):
            key = f"{name} {settings.descent} {settings.rates} {effort} {asked.seed}"
            if key in journal:
                continue
            state, seconds = descended(problem, settings, asked.seed, slopes)
            worst = np.nan_to_num(np.max(np.asarray(state.values), axis=1), nan=np.inf)
            cost = np.asarray(state.objective)[worst <= relaxed.NEARLY]
            record = {
                "study": name,
                "rule": settings.optimizer,
                "schedule": settings.schedule,
                "rate": settings.rates[0],
                "gradients": settings.starts * settings.outer * settings.inner,
                "seconds": seconds,
                "near": len(cost) / settings.starts,
                "costs": sorted(float(c) for c in cost),
            }
            journal.add(key, record)
            print(
                key, record["near"], record["costs"][:1], f"{seconds:.1f}", flush=True
            )
    text = table(list(journal.records.values()))
    (asked.out / "descents.md").write_text(text, encoding="utf-8")


def table(records: list[Record]) -> str:
    """Return what was measured as markdown, the best on average first."""
    names = sorted({record["study"] for record in records})
    best = {
        name: min(r["costs"][0] for r in records if r["study"] == name and r["costs"])
        for name in names
    }
    rows: dict[str, dict[str, tuple[float, float, float]]] = {}
    for one in records:
        short = np.expm1(np.asarray(one["costs"]) - best[one["study"]])
        close = float(np.mean(short < 0.01)) * one["near"] if len(short) else 0.0
        ends = (float(min(short, default=np.inf)), close, one["near"])
        setting = f"{one['rule']}, {one['schedule']}, {one['rate']:g}"
        rows.setdefault(setting, {})[one["study"]] = ends
    lines = [
        "# Rules of descent at equal gradients",
        "",
        f"Made by `python -m benchmarks.descents` on {time.strftime('%Y-%m-%d')}:"
        f" {records[0]['gradients']:,} gradients of every rule on every study. Of each:"
        " the best nearly feasible relaxed objective, short of the best that any rule"
        " found; starts that end within 1 % of that; starts that end nearly feasible.",
        "",
        "| rule, schedule, rate | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]

    def order(item: tuple[str, dict[str, tuple[float, float, float]]]) -> Any:
        ends = list(item[1].values())
        return -len(ends), float(np.mean([short for short, _, _ in ends]))

    for setting, found in sorted(rows.items(), key=order):
        cells = (
            "{:.2f} % / {:.0f} % / {:.0f} %".format(*(100 * x for x in found[name]))
            if name in found
            else ""
            for name in names
        )
        lines.append(f"| {setting} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
