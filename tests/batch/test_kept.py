"""Programs on disk: found again, checked, bounded, and never in the way."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.batch import kept
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precise
from supernode_opt.catalog import files
from supernode_opt.reading import folder
from supernode_opt.workload import operators


@pytest.fixture
def programs(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "place", lambda: tmp_path)
    return tmp_path


def counted():
    """Return a function and how often it was traced."""
    traced = []

    def function(pair, factor):
        traced.append(1)
        return {"sum": factor * (pair[0] + pair[1])}

    return function, traced


def test_a_program_is_traced_once_for_all_processes(programs):
    first, traced = counted()
    rows = (np.arange(3.0), np.ones(3))
    answer = Kept(first, "sum")(rows, 2.0)
    assert len(traced) == 1
    second, again = counted()
    program = Kept(second, "sum")
    np.testing.assert_array_equal(program(rows, 2.0)["sum"], answer["sum"])
    np.testing.assert_array_equal(program(rows, 3.0)["sum"], [3.0, 6.0, 9.0])
    assert not again
    # Another shape, another precision and another name are other programs.
    program((np.ones(4), np.ones(4)), 2.0)
    with jax.enable_x64(False):
        assert program(rows, 2.0)["sum"].dtype == jnp.float32
    Kept(second, "another sum")(rows, 2.0)
    assert len(again) == 3
    assert len(list(programs.iterdir())) == 4


def test_equal_types_are_one_program_and_a_ready_one_is_not_asked_for(programs):
    function, traced = counted()
    program = Kept(function, "sum")
    # NumPy has several types of 64 bits that are equal, with other hashes.
    for kind in ("l", "q"):
        rows = (np.arange(3, dtype=kind), np.ones(3, dtype=kind))
        program(rows, 2.0)
    assert len(traced) == 1
    ready = program.ready(rows, 2.0)
    np.testing.assert_array_equal(ready(rows, 5.0)["sum"], [5.0, 10.0, 15.0])
    assert len(traced) == 1


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_a_damaged_file_is_made_anew(programs, damage):
    first, _ = counted()
    rows = (np.arange(3.0), np.ones(3))
    Kept(first, "sum")(rows, 2.0)
    (file,) = programs.iterdir()
    whole = file.read_bytes()
    flipped = bytes([whole[-1] ^ 1])
    file.write_bytes(whole[:-1] + flipped if damage is None else damage)
    second, traced = counted()
    np.testing.assert_array_equal(Kept(second, "sum")(rows, 2.0)["sum"], [2, 4, 6])
    assert len(traced) == 1
    assert file.stat().st_size > 100


def test_inside_another_program_it_is_the_function(programs):
    function, _ = counted()
    program = Kept(function, "sum")
    slope = jax.jit(jax.grad(lambda x: program((x, x), 2.0)["sum"]))
    assert slope(1.0) == 4.0
    assert not list(programs.iterdir())


def test_who_replaces_a_constant_asks_for_another_program(programs, monkeypatch):
    function, traced = counted()
    Kept(function, "sum")((1.0, 2.0), 3.0)
    monkeypatch.setattr(operators, "RESIDUAL_TRAFFIC", 30.0)
    Kept(function, "sum")((1.0, 2.0), 3.0)
    monkeypatch.setattr(operators, "query_width", lambda model: 1.0)
    Kept(function, "sum")((1.0, 2.0), 3.0)
    assert len(traced) == 3


def test_no_folder_no_file_and_a_folder_that_is_gone_is_no_error(programs, monkeypatch):
    function, _ = counted()
    monkeypatch.setattr(kept, "place", lambda: programs / "gone")
    assert Kept(function, "sum")((1.0, 2.0), 3.0)["sum"] == 9.0
    monkeypatch.setattr(kept, "place", lambda: None)
    with precise():
        assert Kept(function, "sum")((1.0, 2.0), 3.0)["sum"] == 9.0


def test_the_folder_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.delenv("SUPERNODE_OPT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert folder.cache_folder("x") == tmp_path / "xdg" / "supernode_opt" / "x"
    monkeypatch.setenv("SUPERNODE_OPT_CACHE", str(tmp_path / "own"))
    assert folder.cache_folder("x") == tmp_path / "own" / "x"
    monkeypatch.setenv("SUPERNODE_OPT_CACHE", "")
    assert folder.cache_folder("x") is None


def test_what_was_parsed_is_remembered_and_a_damaged_memory_is_not(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SUPERNODE_OPT_CACHE", str(tmp_path))
    asked = []

    def parse(content):
        asked.append(content)
        return {"value": [0.1, None, "1"]}

    for _ in range(2):
        assert folder.remembered(b"text", parse) == {"value": [0.1, None, "1"]}
    assert asked == [b"text"]
    (file,) = (tmp_path / "parsed").iterdir()
    file.write_bytes(b'{"value')
    assert folder.remembered(b"text", parse) == {"value": [0.1, None, "1"]}
    assert len(asked) == 2


def test_catalogs_are_what_json_can_hold():
    for kind in files.KINDS:
        shipped = files.shipped(kind)
        assert json.loads(json.dumps(shipped)) == shipped


def test_a_folder_is_bounded_by_what_was_used_last(tmp_path):
    for age, name in enumerate(("new", "middle", "old", "killed.part")):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1e9 - 7200 * age,) * 2)
    folder.bound(tmp_path, 1000)
    assert {file.name for file in tmp_path.iterdir()} == {"new", "middle", "old"}
    folder.bound(tmp_path, 250)
    assert {file.name for file in tmp_path.iterdir()} == {"new", "middle"}
