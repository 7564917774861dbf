"""The report of the contest: tables in markdown and two figures."""

import math
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.contest import studies
from benchmarks.contest.contestants import CONTESTANTS, SETTINGS
from benchmarks.contest.journal import Record
from benchmarks.contest.referee import BLOCKS, PENALTY
from benchmarks.contest.search import NAME
from supernode_opt.results.versions import versions
from supernode_opt.search.inner import ROUNDS, STEPS

# Within this of the best design that anybody found [1].
NEAR = 0.01
_COLD = "cold"
# From so many free continuous variables on the search has to be ten times as fast.
_MANY = 6


class Reached(NamedTuple):
    """When a run came near the best; infinite where it did not.

    Attributes:
      seconds: of the processor [s].
      wall: by the clock [s].
      evaluations: designs scored until then [1].
    """

    seconds: float
    wall: float
    evaluations: float


_NEVER = Reached(math.inf, math.inf, math.inf)


def gap(cost: float, best: float) -> float:
    """Return by how much of the best a design's objective is worse [1].

    >>> round(gap(math.log(1.02), 0.0), 3)
    0.02
    """
    return math.expm1(max(cost - best, 0.0))


def reached(record: Record, best: float | None) -> Reached:
    """Return when a run came within `NEAR` of `best`, or of its own best."""
    trace = record["trace"]
    if not trace:
        return _NEVER
    best = trace[-1][3] if best is None else best
    for evaluations, seconds, wall, cost in trace:
        if gap(cost, best) <= NEAR:
            return Reached(seconds, wall, evaluations)
    return _NEVER


class Standing(NamedTuple):
    """The best of the settings of one method on one study.

    Attributes:
      setting: which.
      reached: when it came near, by the median of its seeds.
      gap: where it ended [1].
      budget: what it was given [s].
      records: its runs.
    """

    setting: str
    reached: Reached
    gap: float
    budget: float
    records: list[Record]


def best_costs(records: Iterable[Record]) -> dict[str, float]:
    """Return the least cost that anybody found, by study."""
    found: dict[str, float] = {}
    for record in records:
        for *_, cost in record["trace"]:
            name = record["study"]
            found[name] = min(found.get(name, math.inf), cost)
    return found


def standings(
    records: Iterable[Record], study: str, best: float
) -> dict[str, Standing]:
    """Return the best setting of every method on one study."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record["study"] == study and record["setting"] != _COLD:
            key = record["method"], record["setting"]
            groups.setdefault(key, []).append(record)
    found: dict[str, Standing] = {}
    for (method, setting), runs in groups.items():
        each = np.asarray([reached(run, best) for run in runs])
        ends = [gap(r["trace"][-1][3], best) if r["trace"] else math.inf for r in runs]
        made = Standing(
            setting,
            Reached(*(float(x) for x in np.median(each, axis=0))),
            float(np.median(ends)),
            max(run.get("budget", run["seconds"]) for run in runs),
            runs,
        )
        other = found.get(method)
        if other is None or _rank(made) < _rank(other):
            found[method] = made
    return found


def _rank(standing: Standing) -> tuple[float, float]:
    return standing.reached.seconds, standing.gap


def write(records: Mapping[str, Record], folder: Path) -> None:
    """Write `optimizers.md` and its figures into `folder`."""
    from benchmarks.contest import figure

    every = list(records.values())
    best = best_costs(every)
    names = [name for name in studies.names() if name in best]
    places = {name: standings(every, name, best[name]) for name in names}
    cold = {r["study"]: r for r in every if r["setting"] == _COLD}
    figure.draw(places, best, folder)
    text = "\n".join(
        [
            *_head(every),
            *_seconds(names, places, best),
            *_cold(names, cold, best),
            *_evaluations(names, places),
            *_settings(names, places),
        ]
    )
    (folder / "optimizers.md").write_text(text + "\n", encoding="utf-8")


def _head(records: Sequence[Record]) -> list[str]:
    known = ", ".join(f"{name} {v}" for name, v in versions().items())
    seeds = len({record["seed"] for record in records})
    return [
        "# The search against other optimizers",
        "",
        f"Made by `python -m benchmarks.optimizers` on {time.strftime('%Y-%m-%d')}:"
        f" {_processor()}, {known}. Seeds: {seeds}; medians of them.",
        "",
        "Everybody searches the same designs: points of a unit cube, taken to the"
        " nearest that can be built (legal split, domain that tiles, whole lanes, in"
        " time that nobody is charged for), scored by the same exact model in batches"
        f" of {', '.join(map(str, BLOCKS))}, compiled before. Limits count {PENALTY:g}"
        " times their violation in the logarithm of the objective, but for NSGA-II and"
        " one setting of TPE, which keep them by themselves. Of every other method the"
        " best of three settings counts, chosen for each study after the fact.",
        "",
        f"*Near* is within {NEAR:.0%} of the best feasible design that anybody found."
        " Seconds are the processor's, of all threads, with every program at hand.",
        "",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [
            line.partition(":")[2].strip() for line in lines if "model name" in line
        ]
        return f"{len(names)} cores of {names[0]}"
    except (OSError, IndexError):
        return platform.processor()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _told(standing: Standing | None) -> str:
    """Return seconds until near, or the gap that was left."""
    if standing is None:
        return ""
    if math.isfinite(standing.reached.seconds):
        return f"{standing.reached.seconds:.2f}"
    if not math.isfinite(standing.gap):
        return f"nothing in {standing.budget:.0f}"
    return f"{100 * standing.gap:.1f} % off after {standing.budget:.0f}"


def _best_other(places: Mapping[str, Standing]) -> Standing | None:
    others = [s for name, s in places.items() if name != NAME]
    return min(others, key=_rank, default=None)


def _ratio(places: Mapping[str, Standing]) -> str:
    own, other = places.get(NAME), _best_other(places)
    if own is None or other is None:
        return ""
    if not math.isfinite(own.reached.seconds):
        return "lost"
    if math.isfinite(other.reached.seconds):
        return f"{other.reached.seconds / own.reached.seconds:.2g}"
    return f"> {other.budget / own.reached.seconds:.2g}"


def _seconds(
    names: Sequence[str],
    places: Mapping[str, Mapping[str, Standing]],
    best: Mapping[str, float],
) -> list[str]:
    head = ("study", "free", "best", NAME, "answer", "gap", *CONTESTANTS, "ratio")
    rows = []
    for name in names:
        problem = studies.study(name).problem
        value = math.exp(-best[name] if problem.objective.maximize else best[name])
        own = places[name].get(NAME)
        rows.append(
            (
                name,
                str(studies.continuous_count(name)),
                f"{problem.objective.name} {value:.5g}",
                _told(own),
                "" if own is None else f"{own.records[0]['seconds']:.1f}",
                "" if own is None else f"{100 * own.gap:.3f} %",
                *(_told(places[name].get(method)) for method in CONTESTANTS),
                _ratio(places[name]),
            )
        )
    return [
        "## Seconds until near the best",
        "",
        "*free* counts continuous variables, *answer* is when the search ended with its"
        " certificate, *gap* is how far its answer is from the best found, *ratio* is"
        " the best other method's seconds over the search's.",
        "",
        *_table(head, rows),
        "![Gap against processor seconds](optimizers_seconds.png)",
        "",
    ]


def _cold(
    names: Sequence[str], cold: Mapping[str, Record], best: Mapping[str, float]
) -> list[str]:
    rows = []
    for name in names:
        if name in cold:
            record = cold[name]
            near = reached(record, best[name])
            rows.append((name, f"{near.seconds:.1f}", f"{record['seconds']:.1f}"))
    if not rows:
        return []
    return [
        "## Cold",
        "",
        "The search in a process that finds nothing compiled, from after the imports.",
        "",
        *_table(("study", "until near", "until its answer"), rows),
    ]


def _evaluations(
    names: Sequence[str], places: Mapping[str, Mapping[str, Standing]]
) -> list[str]:
    rows = []
    for name in names:
        own = places[name].get(NAME)
        if own is None:
            continue
        other = _best_other(places[name])
        record = own.records[0]
        inner = ROUNDS * STEPS if studies.continuous_count(name) else 1
        whole = record["bounded"] * inner
        near = "" if other is None else f"{other.reached.evaluations:,.0f}"
        rows.append(
            (
                name,
                f"{record['bounded']:,}",
                f"{record['evaluations']:,}",
                near.replace("inf", "never"),
                f"{whole:,}",
                f"{whole / max(record['evaluations'], 1):,.0f}",
            )
        )
    return [
        "## Evaluations",
        "",
        "*evaluations* are all that the search used until its answer (designs, slopes,"
        " polishing), *bounded* the candidates that it enumerated and excluded by"
        f" bounds; *exhaustive* is every candidate, with {ROUNDS * STEPS} slopes each"
        " where something continuous is free.",
        "",
        *_table(
            (
                *("study", "bounded", "evaluations", "best other until near"),
                *("exhaustive", "times fewer"),
            ),
            rows,
        ),
        "![Gap against evaluations](optimizers_evaluations.png)",
        "",
    ]


def _settings(
    names: Sequence[str], places: Mapping[str, Mapping[str, Standing]]
) -> list[str]:
    rows = []
    for method, (_, tried) in CONTESTANTS.items():
        chosen = [places[n][method].setting for n in names if method in places[n]]
        counts = ", ".join(f"{s}: {chosen.count(str(s))}" for s in tried)
        rows.append((method, SETTINGS[method], ", ".join(map(str, tried)), counts))
    head = ("method", "what is set", "tried", "best on so many studies")
    return ["## Settings", "", *_table(head, rows)]
