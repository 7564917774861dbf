"""Blocks, padding and structures do not show in what comes out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.batch import engine as engine_of_blocks
from supernode_opt.batch.engine import (
    Engine,
    fitted,
    grouped,
    in_pieces,
    length,
    prepare,
    repeated,
    side_by_side,
)


@pytest.fixture
def traced():
    """Engine of `x^2 + given`, and the shapes that it was compiled for."""
    seen = []

    def square(row, given):
        seen.append(row["x"].shape)
        return {"square": row["x"] ** 2 + given, "both": jnp.stack([row["x"], given])}

    return Engine(square, block=4), seen


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 23])
def test_any_number_of_rows_is_answered_in_order(traced, count):
    engine, _ = traced
    x = np.arange(float(count))
    found = engine({"x": x}, np.asarray(2.0))
    np.testing.assert_array_equal(found["square"], x**2 + 2.0)
    assert found["both"].shape == (count, 2)


def test_one_program_serves_every_count(traced):
    engine, seen = traced
    prepare([(engine, {"x": np.ones(1)}, np.asarray(1.0))] * 2)
    for count in (1, 4, 9):
        engine({"x": np.ones(count)}, np.asarray(3.0))
    assert len(seen) == 1


def test_groups_of_one_structure_share_blocks_and_keep_their_place(traced):
    engine, _ = traced
    groups = [{"x": np.array([1.0, 2.0])}, {"x": np.array([5.0])}, {"x": np.ones(6)}]
    found = engine.many(groups, np.asarray(0.0))
    for rows, one in zip(groups, found, strict=True):
        np.testing.assert_array_equal(one["square"], rows["x"] ** 2)


def test_rows_of_different_structure_are_stacked_apart():
    cases = [{"a": 1.0}, {"b": 2.0}, {"a": 3.0}]
    first, second = grouped(cases)
    assert list(first.rows) == [0, 2]
    np.testing.assert_array_equal(first.cases["a"], [1.0, 3.0])
    assert list(second.rows) == [1]
    assert length(repeated(cases[0], 7)) == 7


def test_blocks_fit_the_kind_of_device(monkeypatch):
    assert fitted(4096) == 4096
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert fitted(4096) == 65536


def test_blocks_on_many_cores_are_those_of_one(monkeypatch, traced):
    engine, _ = traced
    rows, given = {"x": np.arange(41.0)}, np.asarray(1.0)
    found = []
    for cores in (1, 4):
        monkeypatch.setattr(engine_of_blocks, "_hands", lambda cores=cores: cores)
        found.append(engine(rows, given)["both"])
    np.testing.assert_array_equal(*found)


def test_a_failing_block_is_told(monkeypatch):
    monkeypatch.setattr(engine_of_blocks, "_hands", lambda: 4)

    def work(order):
        raise ValueError(f"block {order}")

    with pytest.raises(ValueError, match="block 0"):
        side_by_side(work, range(3))


def test_a_function_of_whole_blocks_sees_them():
    seen = []

    def function(rows, given):
        seen.append(rows["x"].shape)
        return rows["x"] * given

    found = Engine(function, block=4, whole=True)(
        {"x": np.arange(6.0)}, np.asarray(2.0)
    )
    assert seen == [(4,)]
    np.testing.assert_array_equal(found, 2.0 * np.arange(6.0))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_pieces_of_blocks_do_not_show(count):
    seen = []

    def function(rows, given):
        seen.append(rows["x"].shape)
        return {"times": rows["x"] * given}

    engine = Engine(function, block=4, whole=True, piece=2)
    found = engine({"x": np.arange(float(count))}, np.asarray(3.0))
    np.testing.assert_array_equal(found["times"], 3.0 * np.arange(float(count)))
    assert set(seen) == {(2,)}


def test_pieces_without_rows_are_not_done():
    def function(rows, given):
        return rows["x"] + given

    many = jax.jit(in_pieces(function, 2))
    found = many({"x": np.arange(6.0)}, np.asarray(1.0), np.int32(2))
    np.testing.assert_array_equal(found, [1.0, 2.0, 3.0, 4.0, 0.0, 0.0])
