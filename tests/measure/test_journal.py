"""The journal of measured points survives any stop and refuses what is not its own."""

import pytest

from supernode_opt.measure.journal import Journal
from supernode_opt.measure.plan import (
    BadMeasurement,
)
from tests.measure.conftest import HEADER, entry


def test_a_journal_survives_half_a_line(tmp_path):
    journal = Journal(tmp_path, HEADER)
    journal.add(entry("gemm", {"m": 1}, 2.0))
    journal.close()
    path = tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"section": "ge')
    again = Journal(tmp_path, {**HEADER, "created": "later"})
    assert again.entries.keys() == {"gemm m=1"}
    assert "created" not in again.header
    again.add(entry("gemm", {"m": 2}, 3.0))
    again.close()
    last = Journal(tmp_path, HEADER)
    last.close()
    assert [e.timing.seconds for e in last.entries.values()] == [2.0, 3.0]
    assert last.spent == 2.0
    assert path.read_bytes().startswith(whole)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "b"}, "the device was 'a' and is 'b' now"),
        ({"seed": 7}, "the seed was 0 and is 7 now"),
        ({"versions": {"jax": "9"}}, "the software was None and is jax 9 now"),
        ({"quick": True}, "--quick was None and is True now"),
    ],
)
def test_a_journal_of_something_else_is_refused(tmp_path, change, words):
    Journal(tmp_path, HEADER).close()
    before = (tmp_path / "journal.jsonl").read_bytes()
    with pytest.raises(BadMeasurement, match=words) as refused:
        Journal(tmp_path, {**HEADER, **change})
    assert "\n" not in str(refused.value)
    assert (tmp_path / "journal.jsonl").read_bytes() == before


def test_what_is_no_journal_is_refused(tmp_path):
    for text in ("[1]\n", "hello\n", '{"format": 1}\n[3]\n'):
        (tmp_path / "journal.jsonl").write_text(text)
        with pytest.raises(BadMeasurement, match="journal"):
            Journal(tmp_path, HEADER)


def test_a_journal_that_was_changed_is_refused(tmp_path):
    journal = Journal(tmp_path, HEADER)
    for size in range(3):
        journal.add(entry("gemm", {"m": size}, 2.0))
    journal.close()
    path = tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    for at in range(1, len(whole) - 1, 7):
        if whole[at] == ord("\n"):
            continue
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(BadMeasurement, match="journal"):
            Journal(tmp_path, HEADER)
