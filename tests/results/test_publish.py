"""A result is published at once and whole, whatever happens."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from supernode_opt.results import locking, manifest
from supernode_opt.results.publish import publication, state, tidy

ROOT = Path(__file__).resolve().parents[2]


def put(target, text, **options):
    with publication(target, **options) as folder:
        (folder / "design.nc").write_text(text)


# The other states that a folder may be in: tests/kills.py.
@pytest.mark.parametrize("start", ["result"])
def test_a_reader_sees_the_old_result_or_the_new_one(start, tmp_path):
    """Stopped and refused at every call of the system in turn."""
    ran = subprocess.run(
        [sys.executable, ROOT / "tests" / "results" / "publishing.py", start],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for calls, wrong in json.loads(ran.stdout).values():
        assert calls > 30
        assert wrong == []


def test_a_damaged_file_is_refused_and_a_copied_result_is_checked(tmp_path):
    put(tmp_path / "x", "good")
    (tmp_path / "alone.nc").write_bytes(manifest.content(tmp_path / "x" / "design.nc"))
    assert manifest.content(tmp_path / "alone.nc") == b"good"
    (tmp_path / "x" / "design.nc").resolve().write_text("gone")
    with pytest.raises(manifest.Damaged, match=r"x/design.nc: is damaged"):
        manifest.content(tmp_path / "x" / "design.nc")
    (tmp_path / "x" / "manifest.json").resolve().write_text("{}")
    with pytest.raises(manifest.Damaged, match="is no manifest"):
        manifest.content(tmp_path / "x" / "design.nc")


def test_what_is_amended_keeps_the_rest(tmp_path):
    put(tmp_path, "data")
    with publication(tmp_path, amend=True) as folder:
        (folder / "figures").mkdir()
        (folder / "figures" / "a.png").write_text("drawn")
    assert manifest.content(tmp_path / "design.nc") == b"data"
    assert manifest.read(tmp_path).keys() == {"design.nc", "figures/a.png"}
    assert (tmp_path / "figures" / "a.png").read_text() == "drawn"


def test_a_failure_leaves_nothing(tmp_path):
    target = tmp_path / "made" / "x"
    with pytest.raises(ZeroDivisionError), publication(target):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_take_turns(tmp_path):
    """A version that another process fills is not swept; both results were whole."""
    with publication(tmp_path) as first:
        (first / "design.nc").write_text("first")
        put(tmp_path, "second")
        assert (tmp_path / "design.nc").read_text() == "second"
        tidy(tmp_path)
    assert (tmp_path / "design.nc").read_text() == "first"
    with locking.locked(tmp_path):
        waiting = threading.Thread(target=put, args=(tmp_path, "third"))
        waiting.start()
        time.sleep(0.1)
        assert (tmp_path / "design.nc").read_text() == "first"
    waiting.join()
    assert (tmp_path / "design.nc").read_text() == "third"


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    for target, words in (("file", "but is a file"), ("file/x", "Not a directory")):
        with pytest.raises(OSError, match=words) as caught:
            put(tmp_path / target, "x")
        assert caught.value.filename == str(tmp_path / target)


def test_leftovers_of_a_neighbour_go(tmp_path):
    left = tmp_path / "a" / ".version-0"
    left.mkdir(parents=True)
    put(tmp_path / "b", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert state(tmp_path / "b").parent == tmp_path
