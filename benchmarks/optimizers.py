"""The search against other optimizers: how near the best design, after how long.

    python -m benchmarks.optimizers --out results/optimizers [--quick]

The studies are those of `studies.yaml`.  Everybody searches the same designs, whole
lanes included, scored by the same batched exact model (`contest/space.py`,
`contest/referee.py`).  The others run with three settings each and the best of them
counts; programs are compiled before their clock starts.  What was run is in
`journal.jsonl`, so that the same command goes on where it was stopped, and a larger
budget replaces a smaller one.  Processor's seconds are compared, which other work on
the machine hardly moves; the wall's are kept beside them.  With `--cold` the search
also runs in processes that find nothing compiled.
"""

import argparse
from pathlib import Path

import jax
import numpy as np

from benchmarks.contest import contestants, report, search, studies
from benchmarks.contest.journal import Journal
from benchmarks.contest.referee import BLOCKS, Budget, Referee, score
from benchmarks.contest.space import Space
from supernode_opt.search.inner import continuous, exact_merit
from supernode_opt.search.slsqp import polish

QUICK = ("gpt3_on_512", "moe_budget", "dense_budget")
# Others may use so many times what the search needed to come within one per cent, and
# at least so long [s].
_PATIENCE, _LEAST = 10.0, 3.0


def main() -> None:
    """Run what is missing, then write the report and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("results/optimizers"))
    parser.add_argument("--quick", action="store_true", help="three studies, small")
    parser.add_argument("--studies", nargs="+", choices=studies.names())
    parser.add_argument("--methods", nargs="+", choices=list(contestants.CONTESTANTS))
    parser.add_argument("--seconds", type=float, help="of every run of the others")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cold", action="store_true", help="search uncompiled as well")
    parser.add_argument("--only-report", action="store_true")
    asked = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    journal = Journal(asked.out / "journal.jsonl")
    names = asked.studies or (QUICK if asked.quick else studies.names())
    methods = asked.methods or list(contestants.CONTESTANTS)
    seconds = asked.seconds or (2.0 if asked.quick else None)
    if not asked.only_report:
        for name in names:
            for seed in range(asked.seeds):
                _searched(journal, name, seed)
            if asked.cold:
                _searched_cold(journal, name)
            _others(journal, name, methods, seconds, asked.seeds)
            report.write(journal.records, asked.out)
    report.write(journal.records, asked.out)
    print(f"{asked.out / 'optimizers.md'}: {len(journal.records)} runs")


def _searched(journal: Journal, name: str, seed: int) -> None:
    key = f"{name} {search.NAME} {seed}"
    if key not in journal:
        journal.add(key, search.warm(name, seed))
        record = journal.records[key]
        print(f"{key}: {record['status']}, {record['seconds']:.1f} s", flush=True)


def _searched_cold(journal: Journal, name: str) -> None:
    key = f"{name} {search.NAME} cold"
    if key not in journal:
        journal.add(key, search.cold(name, 0) | {"setting": "cold"})
        print(f"{key}: {journal.records[key]['seconds']:.1f} s", flush=True)


def _others(
    journal: Journal,
    name: str,
    methods: list[str],
    seconds: float | None,
    seeds: int,
) -> None:
    """Run every other optimizer on one study, as far as that was not done."""
    if seconds is None:
        own = report.reached(journal.records[f"{name} {search.NAME} 0"], None)
        seconds = max(_PATIENCE * own.seconds, _LEAST)
    space: Space | None = None
    for method in methods:
        for setting in contestants.CONTESTANTS[method][1]:
            for seed in range(seeds):
                key = f"{name} {method} {setting} {seed}"
                if journal.records.get(key, {}).get("budget", 0.0) >= seconds:
                    continue
                if space is None:
                    space = _ready(name)
                referee = Referee(space, Budget(seconds))
                contestants.play(method, setting, referee, seed)
                used, wall = referee.clock()
                record = {
                    "method": method,
                    "setting": str(setting),
                    "study": name,
                    "seed": seed,
                    "budget": seconds,
                    "trace": referee.trace,
                    "evaluations": referee.evaluations,
                    "seconds": used,
                    "wall": wall,
                }
                journal.add(key, record)
                print(f"{key}: {referee.best:.5f} of {referee.evaluations}", flush=True)


def _ready(name: str) -> Space:
    """Return the space of a study once every program it needs is compiled."""
    space = Space(studies.study(name).problem)
    for block in BLOCKS:
        score(space.problem, space.rows(np.full((block, space.size), 0.5)))
    if continuous(space.problem):
        row = space.rows(np.full((1, space.size), 0.5))
        middle = np.full(len(exact_merit(space.problem).names), 0.5)
        polish(space.problem, row, middle)
    return space


if __name__ == "__main__":
    main()
