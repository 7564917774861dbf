"""Ask the program hundreds of small studies and compare with brute force.

    python -m tests.oracle.fuzz --from 0 --to 300

Every study has a number.  What was judged is written to a journal at once, so that the
same command goes on where it was stopped; `--rare` draws kinds that come seldom, into a
journal of its own.  A study that was answered wrongly is saved
beside the journal as a file for `supernode-opt run`.
"""

import argparse
import collections
import json
import sys
import time
import traceback
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

from tests.oracle import studies
from tests.oracle.judge import NONE_FOUND, judge, shortfall
from tests.oracle.program import answer, read
from tests.oracle.truth import seek
from tests.programs import forget_many

# Studies of which every one runs through the descent as well.
_DESCENDED = 4


def examine(seed, text):
    """Ask and judge one study; return a record for the journal."""
    study = read(text)
    began = time.monotonic()
    truth = seek(study.problem, whole_lanes=study.settings.whole_lanes)
    sought = time.monotonic() - began
    changes = {} if seed % _DESCENDED == 0 else {"outer": 0}
    solution = answer(study, **changes)
    faults = judge(study, solution, truth, whole_lanes=study.settings.whole_lanes)
    return {
        "status": solution.status,
        "exact": truth.exact,
        "feasible": truth.feasible,
        "candidates": truth.candidates,
        "behind": max(shortfall(study.problem, solution, truth), 0.0)
        if solution.status not in ("infeasible", NONE_FOUND)
        else None,
        "gap": solution.certificate.get("gap"),
        "doubtful": truth.doubtful,
        "faults": [list(fault) for fault in faults],
        "seconds": [round(sought, 1), round(time.monotonic() - began - sought, 1)],
    }


def _judged(journal):
    if not journal.exists():
        return {}
    lines = journal.read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            # Stopped while this line was written.
            continue
        found[record["seed"]] = record
    return found


def summary(records):
    """Return a few lines about all that was judged."""
    asked = [r for r in records if "status" in r]
    statuses = collections.Counter(r["status"] for r in asked)
    kinds = collections.Counter(kind for r in asked for kind, _ in r["faults"])
    answered = [r for r in asked if r["behind"] is not None]
    near = sum(r["behind"] <= 0.01 for r in answered)
    hopeless = [r for r in asked if not r["feasible"]]
    called = sum(r["status"] == "infeasible" for r in hopeless)
    return "\n".join(
        (
            f"{len(asked)} studies: {dict(statuses)}",
            f"within 1 % of brute force: {near} of {len(answered)}",
            f"infeasible, as far as is known: {len(hopeless)}, so called: {called}",
            f"faults: {dict(kinds) or 'none'}",
        )
    )


def main():
    """Run the studies that the command line asks for."""
    parse = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parse.add_argument("--from", dest="first", type=int, default=0)
    parse.add_argument("--to", dest="last", type=int, default=300)
    parse.add_argument("--out", type=Path, default=Path("results/fuzz"))
    parse.add_argument("--rare", action="store_true", help="kinds seldom drawn")
    parse.add_argument("--minutes", type=float, default=float("inf"))
    asked = parse.parse_args()
    asked.out = asked.out / "rare" if asked.rare else asked.out
    asked.out.mkdir(parents=True, exist_ok=True)
    journal = asked.out / "journal.jsonl"
    known = _judged(journal)
    began = time.monotonic()
    for seed in range(asked.first, asked.last):
        if seed in known:
            continue
        if time.monotonic() - began > 60.0 * asked.minutes:
            print("time is up; the same command goes on from here")
            break
        if not asked.rare:
            # Rare ones share their programs.
            forget_many()
        record = {"seed": seed}
        text = None
        try:
            draw = studies.draw_rare if asked.rare else studies.draw
            text = draw(studies.Seeded(seed))
            record |= {"skipped": True} if text is None else examine(seed, text)
        except Exception:
            last = traceback.format_exc()
            record |= {"status": "crashed", "exact": False, "feasible": False}
            record |= {"behind": None, "faults": [["crash", last]], "seconds": []}
        known[seed] = record
        with journal.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        if record.get("faults"):
            path = asked.out / f"fuzz_{seed}.yaml"
            path.write_text(text or "", encoding="utf-8")
            print(f"--- {path}\n{text}")
            for kind, said in record["faults"]:
                print(f"{kind}: {said}")
        elif "status" in record:
            print(f"{seed}: {record['status']} {record['seconds']}", flush=True)
    chosen = [r for s, r in known.items() if asked.first <= s < asked.last]
    print(summary(chosen))
    sys.exit(any(r.get("faults") for r in chosen))


if __name__ == "__main__":
    main()
