"""The journal of a front survives any stop, and takes no other question's."""

import pytest

from supernode_opt.pareto.answers import Answer
from supernode_opt.pareto.journal import NAME, Journal
from supernode_opt.reading.node import StudyError

ASKED = {"asked": "a", "seed": 0}
FIRST = Answer(0, (None, 0.1), "proved", 1e-4, {"chips": 8.0}, (0.5,), (0.0, 0.3))
SECOND = Answer(1, (None, None), "infeasible", None, {"chips": 8.0}, (), (), "no")


def filled(folder):
    journal = Journal(folder, ASKED, False)
    journal.add(FIRST)
    journal.add(SECOND)
    journal.close()
    return folder / NAME


def test_what_is_finished_is_there_again(tmp_path):
    path = filled(tmp_path / "a")
    # As a process leaves it that was killed in the middle of a line.
    path.write_bytes(path.read_bytes() + b'{"main": 0, "limi')
    journal = Journal(tmp_path / "a", ASKED, True)
    assert journal.answers == {(0, (None, 0.1)): FIRST, (1, (None, None)): SECOND}
    journal.close(remove=True)
    assert not path.exists()


def test_strangers_are_refused(tmp_path):
    path = filled(tmp_path)
    with pytest.raises(StudyError, match="go on with --resume"):
        Journal(tmp_path, ASKED, False)
    with pytest.raises(StudyError, match="another question"):
        Journal(tmp_path, ASKED | {"seed": 1}, True)
    path.write_text(path.read_text().replace("proved", "provod"))
    with pytest.raises(StudyError, match="no journal"):
        Journal(tmp_path, ASKED, True)


def test_two_at_once_are_refused(tmp_path):
    filled(tmp_path)
    journal = Journal(tmp_path, ASKED, True)
    with pytest.raises(OSError, match="another process"):
        Journal(tmp_path, ASKED, True)
    journal.close()
