"""How long people wait, by `python benchmarks/latency.py --json`: medians in seconds.

Every command is a process of its own, on the README's first study.  "Warm" are all
after a first call that fills the folder of what was compiled, which lies in a temporary
one here; "cold" is a call with an empty one.  The times of a library are taken inside
one process, after its import: the first result, and then `set` with another number and
`evaluate`.  Searches are timed by `searching`, whose table `--report FILE` writes;
`--searches` times nothing else.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
# As a file this has its own folder to import from, not the one above.
sys.path.insert(0, str(ROOT))

from benchmarks.searching import WANTED as SEARCHES  # noqa: E402
from benchmarks.searching import report, searched  # noqa: E402
from supernode_opt.results.versions import versions  # noqa: E402

STUDY = ROOT / "experiments/pangu_ultra/as_trained.yaml"
QUESTION = ROOT / "experiments/pangu_ultra/question.yaml"
# What each may take, where one was asked for [s].
WANTED = {
    "evaluate_warm": 2.0,
    "evaluate_cold": 6.0,
    "explain": 1.5,
    "plot": 1.5,
    "check": 3.0,
    "notebook_first": 5.0,
    "set_evaluate": 0.02,
    **SEARCHES,
}
_COMMAND = "from supernode_opt.cli import main; main()"
_LIBRARY = """
import json, sys, time
import supernode_opt as so
began = time.perf_counter()
study = so.load(sys.argv[1])
repr(study.evaluate())
times = [time.perf_counter() - began]
for step in range(int(sys.argv[2])):
    began = time.perf_counter()
    study.set(scale_up_bandwidth=(150.0 + step) * 1e9).evaluate()
    times.append(time.perf_counter() - began)
print(json.dumps(times))
"""


class Process:
    """Python processes with one folder of what was compiled."""

    def __init__(self, folder: Path) -> None:
        """Keep what is compiled in `folder`."""
        self.folder = folder

    def run(self, program: str, *words: object) -> str:
        """Run a program with arguments and return what it prints."""
        own = {"PYTHONPATH": str(ROOT), "SUPERNODE_OPT_CACHE": str(self.folder)}
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            env=os.environ | own,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout

    def seconds(self, program: str, *words: object) -> float:
        """Return how long it takes [s]."""
        began = time.perf_counter()
        self.run(program, *words)
        return time.perf_counter() - began


def measured(folder: Path, runs: int) -> dict[str, float]:
    """Return the medians of `runs` calls by name [s]."""
    warm = Process(folder / "warm")
    answer = folder / "answer"
    calls: dict[str, Callable[[], float]] = {
        "evaluate_warm": lambda: warm.seconds(_COMMAND, "evaluate", STUDY),
        "explain": lambda: warm.seconds(_COMMAND, "explain", answer),
        "plot": lambda: warm.seconds(_COMMAND, "plot", answer),
        "check": lambda: warm.seconds(_COMMAND, "check", QUESTION),
        "help": lambda: warm.seconds(_COMMAND, "--help"),
        "import": lambda: warm.seconds("import supernode_opt"),
        "validate": lambda: warm.seconds(_COMMAND, "validate"),
    }
    warm.run(_COMMAND, "evaluate", STUDY, "--out", answer)
    found = {}
    for name, call in calls.items():
        call()
        found[name] = statistics.median(call() for _ in range(runs))
    found["evaluate_cold"] = statistics.median(
        Process(folder / f"cold{run}").seconds(_COMMAND, "evaluate", STUDY)
        for run in range(runs)
    )
    every = [json.loads(warm.run(_LIBRARY, STUDY, runs)) for _ in range(runs + 1)]
    # The first one compiled what the others found.
    found["notebook_first"] = statistics.median(times[0] for times in every[1:])
    again = [time for times in every[1:] for time in times[1:]]
    found["set_evaluate"] = statistics.median(again)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="calls of each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--searches", action="store_true", help="time searches alone")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found = {} if asked.searches else measured(place, asked.runs)
        calls, plans = searched(place / "searches", asked.runs)
    found |= {name: call.seconds for name, call in calls.items()}
    found["plan_search_compiled"] = plans["seconds"]
    if asked.report:
        asked.report.write_text(report(calls, plans), encoding="utf-8")
    if asked.json:
        more = {f"{name}_peak_bytes": call.peak for name, call in calls.items()}
        more |= {f"{name}_compile": call.compiling for name, call in calls.items()}
        more |= {"plans": plans["candidates"], "runs": asked.runs}
        print(json.dumps(found | more | {"versions": versions()}))
        return
    for name, seconds in found.items():
        most = f", at most {WANTED[name]:g} s wanted" if name in WANTED else ""
        print(f"{name}: {seconds:.3f} s{most}")


if __name__ == "__main__":
    main()
