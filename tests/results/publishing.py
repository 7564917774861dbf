"""Publishes a result and is stopped before each call of the system in turn.

Run by `test_publish.py` in a process without threads, which can be forked.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from supernode_opt.results import manifest
from supernode_opt.results.publish import publication

CALLS = {"open", "shutil.rmtree"}
CALLS |= {f"os.{name}" for name in ("mkdir", "rename", "symlink", "link", "remove")}
CALLS |= {"os.rmdir", "os.listdir", "os.scandir", "fcntl.flock"}
DONE, STOPPED, REFUSED = 0, 9, 4
OLD = ("design.nc", "report.txt", "figures/old.png")
NEW = ("design.nc", "report.txt", "figures/new.png", "more.txt")


def fill(folder, names, text):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def nothing(target):
    return {}


def result(target):
    """One that was published."""
    with publication(target) as folder:
        fill(folder, OLD, "old")
    return dict.fromkeys(OLD, "old")


def before(target):
    """One from before manifests, with a file of the user's."""
    target.mkdir(parents=True)
    fill(target, (*OLD, "figures/mine.png"), "old")
    return dict.fromkeys((*OLD, "figures/mine.png"), "old")


def followed(target):
    """One that was copied by a tool that follows links."""
    seen = result(target.parent / "other")
    shutil.copytree(target.parent / "other", target)
    shutil.rmtree(target.parent / "other")
    return seen


def edited(target):
    """One in which the user has replaced a file."""
    seen = result(target)
    (target / "report.txt").unlink()
    (target / "report.txt").write_text("mine")
    return seen | {"report.txt": "mine"}


def left(target):
    """One in which a killed process has left half a version, and links to it."""
    seen = result(target)
    fill(target, ["mine.txt"], "mine")
    fill(
        target / ".version-0" if (target / ".version-0").mkdir() is None else target,
        ["half.txt"],
        "half",
    )
    (target / "half.txt").symlink_to(".published/half.txt")
    return seen | {"mine.txt": "mine"}


STARTS = (nothing, result, before, followed, edited, left)


def view(target):
    """Return what someone sees who knows nothing of manifests."""
    found = [*target.glob("*"), *target.glob("figures/*")]
    return {
        p.relative_to(target).as_posix(): p.read_text()
        for p in found
        if p.is_file() and p.name != manifest.NAME
    }


def stopped_at(count, how):
    """Publish in a process of its own that is stopped at its call number `count`."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    calls = 0

    def hook(event, _):
        nonlocal calls
        if event in CALLS:
            calls += 1
            if calls == count:
                if how == STOPPED:
                    os._exit(STOPPED)
                raise OSError(28, "No space left on device")

    sys.addaudithook(hook)
    try:
        with publication(Path("results/x")) as folder:
            fill(folder, NEW, "new")
    except OSError as error:
        os._exit(REFUSED if str(error.filename) == "results/x" else 1)
    os._exit(DONE)


def versions(target):
    """Count the versions that are not published."""
    published = (target / ".published").resolve()
    return len([v for v in target.glob(".version-*") if v.resolve() != published])


def check(start, how, most=0):
    """Return how many calls there are, and what was wrong after a stop at each."""
    wrong, count, target = [], 0, Path("results/x")
    while True:
        count += 1
        shutil.rmtree("results", ignore_errors=True)
        old = start(target)
        gone = set(OLD) if (target / manifest.NAME).is_file() else set(NEW)
        new = {n: t for n, t in old.items() if n not in gone} | dict.fromkeys(
            NEW, "new"
        )
        there = versions(target)
        code, seen = stopped_at(count, how), view(target)
        if seen not in (old, new) or (code == DONE and seen != new):
            wrong.append((count, code, seen))
        if code == REFUSED and versions(target) > there:
            wrong.append((count, "left", sorted(map(str, target.glob("**/*")))))
        for name in seen if seen == new else ():
            manifest.content(target / name)
        # The next command: all is new, nothing is left.
        with publication(target) as folder:
            fill(folder, NEW, "third")
        kept = {n: t for n, t in new.items() if t != "new"}
        if view(target) != kept | dict.fromkeys(NEW, "third") or versions(target):
            wrong.append((count, "next", view(target), versions(target)))
        dangling = [p for p in target.rglob("*") if p.is_symlink() and not p.exists()]
        if dangling:
            wrong.append((count, "dangling", sorted(map(str, dangling))))
        if count == most or (code == DONE and how == STOPPED):
            return count, wrong


if __name__ == "__main__":
    # The disk itself is not under test, and slow.
    os.fsync = lambda handle: None
    found = {}
    for start in STARTS:
        if start.__name__ in sys.argv[1:]:
            most, wrong = check(start, STOPPED)
            found[start.__name__] = most, wrong + check(start, REFUSED, most)[1]
    print(json.dumps(found))
