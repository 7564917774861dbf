"""Say how many small faults in the physics and the search the tests catch.

Run `python -m benchmarks.mutate`.  Sixty lines are drawn by a seed, and one fault on
each is planted in a copy of the tree; the test files that run the line are tried, the
quickest first, until one fails.  What was found is kept, so that a run
that was stopped goes on; what runs which line is kept as long as a test file and the
package stay as they are.  Faults that change nothing that could be observed are listed
in `equivalent.toml` with the reason and do not count.

The status is 0 if at least 85 per cent are caught, 1 if fewer are, and 2 if time ran
out or a test fails without any fault.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

from benchmarks.mutate.mutants import Mutant, draw
from benchmarks.mutate.trees import copy, pytest

ROOT = Path(__file__).parents[2]
ENOUGH = 0.85
# Statuses of pytest that say nothing of a fault: internal error, usage, no tests.
_NO_ANSWER = (3, 4, 5)
# Test folders that run formulas without going through files and commands.
TESTS = ("hardware", "workload", "system", "problem", "search", "published", "catalog")


class Kept:
    """Results in a file of one JSON object per line, by key."""

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.found: dict[str, Any] = dict(map(json.loads, lines))

    def put(self, key: str, value: Any) -> None:
        """Add one result."""
        self.found[key] = value
        with self.path.open("a") as file:
            file.write(json.dumps([key, value]) + "\n")


def fingerprint(root: Path, *folders: str) -> str:
    """Return a hash of every module below `folders`."""
    made = hashlib.sha256()
    for folder in folders:
        for file in sorted((root / folder).rglob("*.*")):
            if file.suffix in (".py", ".yaml", ".csv"):
                made.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return made.hexdigest()[:16]


def _key(file: Path) -> str:
    """Return the name of a test file with a hash of what it says."""
    said = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return f"{file.relative_to(ROOT)} {said}"


def _files(names: list[str]) -> list[Path]:
    """Return the test files of folders, or files, below `tests`."""
    found: list[Path] = []
    for place in (ROOT / "tests" / name for name in names):
        found += sorted(place.rglob("test_*.py")) if place.is_dir() else [place]
    return found


def tests_of(mutant: Mutant, lines: dict[str, Any], budget: float) -> list[str]:
    """Choose the files that run the mutant's line, within `budget` seconds.

    What stands outside functions is run by every file that runs the module.
    """
    importing = {n: f for n, f in lines.items() if mutant.path in f["lines"]}
    statement = set(mutant.statement)
    running = [
        (file["seconds"], name)
        for name, file in importing.items()
        if statement & set(file["lines"][mutant.path])
    ]
    if not running and not mutant.inside:
        running = [(file["seconds"], name) for name, file in importing.items()]
    chosen, spent = [], 0.0
    for seconds, name in sorted(running):
        spent += seconds
        if chosen and spent > budget:
            break
        chosen.append(name)
    return chosen


def equivalents() -> dict[tuple[str, str, str], str]:
    """Return the reason for every (path, before, after) that changes nothing."""
    with Path(__file__).with_name("equivalent.toml").open("rb") as file:
        listed = tomllib.load(file).get("mutant", [])
    return {(e["path"], e["before"], e["after"]): e["reason"] for e in listed}


class Run:
    """Trees, time and what is known."""

    def __init__(self, asked: argparse.Namespace, scratch: Path) -> None:
        """Copy the tree once for each job."""
        self.asked = asked
        self.end = time.monotonic() + 60.0 * asked.minutes
        self.trees: Queue[Path] = Queue()
        for place in range(asked.jobs):
            copy(ROOT, scratch / str(place))
            self.trees.put(scratch / str(place))
        self.package = fingerprint(ROOT, "supernode_opt")
        kept = ROOT / asked.kept
        self.lines = Kept(kept / f"lines-{self.package}.jsonl")
        tests = fingerprint(ROOT, "tests")
        self.results = Kept(kept / f"results-{self.package}-{tests}.jsonl")

    def watch(self, file: Path) -> str:
        """Find out which lines a test file runs; return what went wrong, or nothing."""
        name = str(file.relative_to(ROOT))
        key = _key(file)
        if key in self.lines.found or time.monotonic() > self.end:
            return ""
        tree = self.trees.get()
        try:
            seen = tree / "seen.json"
            extra = ("-p", "benchmarks.mutate.seen")
            outcome = pytest(tree, [name], 1800.0, *extra, SEEN=str(seen))
            if outcome.code:
                return f"{name} fails without a fault: {outcome.first}"
            found = json.loads(seen.read_text())
        finally:
            self.trees.put(tree)
        self.lines.put(key, {"seconds": outcome.seconds, "lines": found})
        print(f"watched {name} ({outcome.seconds:.0f} s)", file=sys.stderr, flush=True)
        return ""

    def known(self, files: list[Path]) -> dict[str, Any]:
        """Return seconds and lines by test file."""
        keys = set(map(_key, files))
        return {k.split()[0]: v for k, v in self.lines.found.items() if k in keys}

    def judge(self, mutant: Mutant, lines: dict[str, Any]) -> None:
        """Plant one fault and try the tests that could notice."""
        key = str(mutant)
        if key in self.results.found or time.monotonic() > self.end:
            return
        files = tests_of(mutant, lines, self.asked.budget)
        if not files:
            self.results.put(key, {"caught": False, "by": "no test runs this line"})
            return
        tree = self.trees.get()
        module = tree / mutant.path
        source = module.read_text()
        usual = sum(lines[name]["seconds"] for name in files)
        try:
            module.write_text(mutant.planted(source))
            outcome = pytest(tree, files, 120.0 + 3.0 * usual)
        finally:
            module.write_text(source)
            self.trees.put(tree)
        if outcome.code in _NO_ANSWER:
            raise RuntimeError(f"pytest gave no answer for {mutant}: {outcome.first}")
        caught = outcome.code != 0
        self.results.put(key, {"caught": caught, "by": outcome.first})
        word = "caught  " if caught else "SURVIVED"
        print(f"{word} {mutant.path}:{mutant.line}", file=sys.stderr, flush=True)


def main() -> int:
    """Draw, plant, count."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutate")
    rooms = ("hardware", "workload", "system", "search")
    parser.add_argument("--mutants", type=int, default=60)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--rooms", nargs="+", default=rooms)
    parser.add_argument(
        "--tests", nargs="+", default=TESTS, help="folders or files of tests/"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument(
        "--budget", type=float, default=300.0, help="seconds of tests for one fault"
    )
    parser.add_argument("--kept", default=".mutate", help="folder of what is kept")
    asked = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="supernode-opt-mutate-"))
    try:
        return _count(Run(asked, scratch / "tree"))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _count(run: Run) -> int:
    asked = run.asked
    drawn = draw(ROOT, list(asked.rooms), asked.mutants, asked.seed)
    same = equivalents()
    left = [m for m in drawn if (m.path, m.before, m.after) not in same]
    files = _files(asked.tests)
    with ThreadPoolExecutor(asked.jobs) as pool:
        wrong = [problem for problem in pool.map(run.watch, files) if problem]
        if wrong:
            print("\n".join(wrong))
            return 2
        lines = run.known(files)
        list(pool.map(lambda mutant: run.judge(mutant, lines), left))
    results = [(m, run.results.found.get(str(m))) for m in left]
    done = [(m, result) for m, result in results if result]
    survivors = [(m, result) for m, result in done if not result["caught"]]
    for mutant, result in survivors:
        print(f"{mutant}\n    {result['by']}")
    caught = len(done) - len(survivors)
    print(
        f"seed {asked.seed}: {caught} of {len(done)} faults caught,"
        f" {len(survivors)} survived, {len(drawn) - len(left)} change nothing,"
        f" {len(left) - len(done)} not tried"
    )
    if len(done) < len(left):
        return 2
    return 0 if caught >= ENOUGH * len(done) else 1


if __name__ == "__main__":
    sys.exit(main())
