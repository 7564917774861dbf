"""Kills sweeps at random instants; what goes on is the same file, and repeats nothing.

`tests/kills.py` runs it.  By itself: `python tests/kill_sweeps.py --kills 50`.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CODE = "from supernode_opt.cli import main; main()"
SECTION = """\
sweep:
  axes:
    scale_up_bandwidth: {from: 50 GB/s, to: 800 GB/s, count: 300, scale: log}
    inlet_temperature: {from: 10 degC, to: 40 degC, count: 200}
    tensor_parallel: [1, 2, 4, 8]
  quantities: [mfu, power, cost, goodput]
"""
OUT, LEFT = Path("out/sweep"), Path("out/.sweep.resume")
# One in so many has two workers.
PARALLEL = 5


def command(*more: str) -> list[str]:
    """Return the command line of the sweep."""
    words = ["sweep", "sweep.yaml", "--json", "--out", str(OUT), *more]
    return [sys.executable, "-c", CODE, *words]


def done() -> int:
    """Return how many evaluations are kept of what was stopped."""
    marks = (LEFT / "done").glob("*.json")
    return sum(json.loads(mark.read_text())["evaluations"] for mark in marks)


def whole() -> tuple[bytes, int, float]:
    """Sweep without a stop; return the file, its evaluations and how long it wrote."""
    started = subprocess.Popen(command(), stdout=subprocess.PIPE, text=True)
    wait(started)
    began = time.monotonic()
    out, _ = started.communicate()
    took = time.monotonic() - began
    content = (OUT / "sweep.nc").read_bytes()
    shutil.rmtree("out")
    return content, json.loads(out)["evaluated_now"], took


def wait(started: subprocess.Popen) -> None:
    """Wait until a sweep has made its folder, or has ended."""
    while started.poll() is None and not LEFT.exists():
        time.sleep(0.005)


def killed(wanted: bytes, count: int, after: float, workers: int) -> bool:
    """Kill a sweep some time after its folder is made, and go on with it.

    Returns:
      Whether all is as it must be.
    """
    several = ("--workers", str(workers))
    started = subprocess.Popen(
        command(*several), stdout=subprocess.PIPE, start_new_session=True
    )
    wait(started)
    time.sleep(after)
    # With its workers, as a machine that loses its power.
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()
    kept, published = done(), (OUT / "sweep.nc").exists()
    resumed = subprocess.run(
        command("--resume", *several), capture_output=True, text=True
    )
    good = resumed.returncode == 0
    now = json.loads(resumed.stdout)["evaluated_now"] if good else -1
    if published:
        good &= now == 0
    else:
        good &= kept + now == count
    good &= (OUT / "sweep.nc").read_bytes() == wanted and not LEFT.exists()
    print(
        f"sweep, {workers} workers, killed after {after:.2f} s: {kept} of {count}"
        f" evaluations kept, {now} made, {'good' if good else resumed.stderr}",
        flush=True,
    )
    shutil.rmtree("out", ignore_errors=True)
    return good


def sweeps(chance: random.Random, kills: int) -> int:
    """Kill sweeps in the current folder; return the number of faults."""
    from tests.cli.conftest import STUDY

    Path("sweep.yaml").write_text(STUDY + SECTION)
    # Compiled first, so that most kills meet a sweep under way.
    whole()
    wanted, count, took = whole()
    print(f"a sweep writes for {took:.1f} s", flush=True)
    faults = 0
    for index in range(kills):
        workers = 2 if index % PARALLEL == PARALLEL - 1 else 1
        # Early ones more often: what is written takes a part of the time alone.
        after = chance.random() ** 2 * (1.0 if workers == 1 else 2.0) * took
        faults += not killed(wanted, count, after, workers)
    return faults


def main() -> int:
    """Kill sweeps alone; print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        os.chdir(made)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.environ["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", f"{made}/cache")
        faults = sweeps(random.Random(asked.seed), asked.kills)
        print(f"{asked.kills} kills of sweeps, {faults} faults")
        return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
