"""Kills and stops commands at random instants; readers see the old result or the new.

`make kills` runs it, in some 40 minutes on two cores: 50 kills and 20 signals, spread
over `run`, `compare` and `calibrate`, then publishing stopped at every call of the
system from every state that a folder may be in, then 50 kills of sweeps.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from supernode_opt.results import manifest  # noqa: E402
from tests.kill_sweeps import sweeps  # noqa: E402

CODE = "from supernode_opt.cli import main; main()"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
# A study and a comparison that take seconds; the seed of each run is another.
COMPARISON = """\
systems: [cloudmatrix384, dgx_h100]
models: [llama3_8b]
training: {sequence_length: 4096, global_batch: 768}
precisions: [bf16]
plan: {context_parallel: 1, pipeline_parallel: 1, micro_batch: 1}
"""
# What a result consists of, and which of its files say which seed it is of.
COMMANDS = {
    "run": ["run", "study.yaml"],
    "compare": ["compare", "compare.yaml"],
    "calibrate": ["calibrate", "--runs", "runs.csv", "--platform", "mine"],
}


def command(name: str, seed: int) -> list[str]:
    """Return the command line that writes a result of its own for every seed."""
    words = [sys.executable, "-c", CODE, *COMMANDS[name], "--out", f"out/{name}"]
    return [*words, "--seed", str(seed)]


def view(folder: Path) -> dict[str, bytes]:
    """Return every file that a user finds, read by its plain name."""
    found = [*folder.glob("[!.]*"), *folder.glob("figures/*")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.is_file()}


def whole(folder: Path) -> bool:
    """Tell whether what a user finds is one result, by the manifest he finds."""
    seen = view(folder)
    files = json.loads(seen.pop(manifest.NAME))["files"]
    return seen.keys() == files.keys() and all(
        manifest.same(folder / name, known) for name, known in files.items()
    )


def main() -> int:
    """Kill and stop; print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--signals", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as made:
        os.chdir(made)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.environ["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", f"{made}/cache")
        prepare()
        took = {name: first(name) for name in COMMANDS}
        print(
            "seconds:",
            {name: round(seconds, 1) for name, seconds in took.items()},
            flush=True,
        )
        faults = 0
        plan = [signal.SIGKILL] * asked.kills
        plan += [chance.choice(list(CODES)) for _ in range(asked.signals)]
        for count, number in enumerate(plan):
            name = list(COMMANDS)[count % len(COMMANDS)]
            # Half of all at the end, where files are written and published.
            late = count % 2 == 0
            # A calibration has no figures, and is written in no time.
            longest = 0.05 if name == "calibrate" else 2.0
            after = chance.uniform(0.0, longest if late else took[name])
            faults += not stop(name, count + 1, number, after, late)
        faults += publishing()
        faults += sweeps(chance, asked.kills)
        print(f"{len(plan)} stops, {faults} faults")
        return int(faults > 0)


def prepare() -> None:
    """Write the inputs into the current folder."""
    from tests.cli.conftest import STUDY

    study = yaml.safe_load(STUDY) | {"solver": {"outer": 0}}
    study["design"]["sequence_parallel"] = "on"
    Path("study.yaml").write_text(yaml.safe_dump(study))
    Path("compare.yaml").write_text(COMPARISON)
    data = ROOT / "supernode_opt" / "calibration" / "data" / "published_runs.csv"
    head, *rows = data.read_text().splitlines()
    kept = [row for row in rows if "megatron" in row.lower() and "A100" in row][:24]
    Path("runs.csv").write_text("\n".join([head, *kept]) + "\n")


def first(name: str) -> float:
    """Make the first result, compiled; return what a later one takes [s]."""
    for seed in (0, 0):
        began = time.monotonic()
        subprocess.run(command(name, seed), check=True, capture_output=True)
    return time.monotonic() - began


def writing(folder: Path) -> bool:
    """Tell whether a version that is not published has files."""
    published = (folder / ".published").resolve().name
    found = folder.glob(".version-*/*")
    return any(path.parent.name != published for path in found)


def stop(
    name: str, seed: int, number: signal.Signals, after: float, late: bool
) -> bool:
    """Start a command and stop it; tell whether all is as it must be.

    Args:
      name: of the command.
      seed: given to it.
      number: of the signal.
      after: when it is sent, from the start or from the first file written on [s].
      late: whether from the first file on.
    """
    folder = Path("out") / name
    before = view(folder)
    started = subprocess.Popen(
        command(name, seed), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while late and started.poll() is None and not writing(folder):
        time.sleep(0.01)
    time.sleep(after)
    started.send_signal(number)
    began = time.monotonic()
    _, err = started.communicate(timeout=60)
    ended = time.monotonic() - began
    now = view(folder)
    good = whole(folder)
    is_new = now != before
    code = started.returncode
    if code == 0:
        good &= is_new
    elif number is not signal.SIGKILL:
        good &= code == CODES[number] and " with: supernode-opt" in err.splitlines()[-1]
        good &= "Traceback" not in err
    print(
        f"{name} {number.name} {'writing, ' if late else ''}{after:.2f} s: exit {code}"
        f" {ended:.1f} s later, {'new' if is_new else 'old'} result,"
        f" {'good' if good else f'WRONG: {err!r}'}",
        flush=True,
    )
    return good


def publishing() -> int:
    """Stop publishing at every call; return the number of faults."""
    states = ["nothing", "result", "before", "followed", "edited", "left"]
    script = ROOT / "tests" / "results" / "publishing.py"
    ran = subprocess.run(
        [sys.executable, script, *states], check=True, capture_output=True, text=True
    )
    found = json.loads(ran.stdout)
    for name, (calls, wrong) in found.items():
        print(f"publishing, {name}: {calls} calls, {len(wrong)} faults {wrong[:2]}")
    return sum(len(wrong) for _, wrong in found.values())


if __name__ == "__main__":
    sys.exit(main())
