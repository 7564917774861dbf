"""Objectives as people write them, and what is wrong with them in one line."""

import pytest
import yaml

from supernode_opt.pareto.run import read
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from tests.cli.conftest import STUDY

PLAIN = yaml.safe_load(STUDY)
PLAIN["design"] |= {"micro_batch": "free"}
BOTH = [{"maximize": "MFU"}, {"minimize": "Power"}]


def asked(pareto=None, words=(), **changes):
    made = PLAIN | changes
    if pareto is not None:
        made = made | {"pareto": pareto}
    made = {name: value for name, value in made.items() if value is not None}
    return read(document.parse(yaml.safe_dump(made), "study.yaml"), "x", words)


def test_objectives_of_file_and_shell():
    study, section = asked({"objectives": BOTH, "gap": "0.5 %", "searches": 7})
    assert section.goals.names == ("mfu", "power")
    assert section.goals.maximize == (True, False)
    assert section.gap == pytest.approx(5e-3)
    assert section.searches == 7
    words = ["minimize:cost_per_megatoken", "maximize:goodput", "maximize:mfu"]
    _, section = asked({"objectives": BOTH}, words)
    assert section.goals.names == ("cost_per_megatoken", "goodput", "mfu")
    # Without an objective of its own a study seeks the first.
    study, _ = asked({"objectives": BOTH}, objective=None)
    assert study.problem.objective.name == "mfu"


def test_what_is_written_is_read_again():
    given = {"mfu": 0.2, "power": "700 kW"}
    _, section = asked({"objectives": BOTH, "reference": given, "boxes": 0})
    assert section.reference == (0.2, 700e3)
    _, again = asked(section.plain())
    assert again == section


@pytest.mark.parametrize(
    ("pareto", "words", "said"),
    [
        (None, (), "has no objectives for a front"),
        ({"objectives": BOTH[:1]}, (), "must be two or three, but is one"),
        ({"objectives": BOTH * 2}, (), "but are 4"),
        ({"objectives": [BOTH[0], {"minimize": "mfu"}]}, (), "names `mfu` twice"),
        ({"objectives": [BOTH[0], {"minimize": "powr"}]}, (), "did you mean `power`"),
        ({"objectives": BOTH, "gap": "2 kW"}, (), "must be a share"),
        ({"objectives": BOTH, "gap": 2}, (), "between 0 and 100 %"),
        ({"objectives": BOTH, "searches": 0}, (), "at least 1"),
        ({"objectives": BOTH, "serches": 4}, (), "did you mean `searches`"),
        ({"objectives": BOTH, "reference": {"mfu": 0.1}}, (), "lacks `power`"),
        (None, ("mfu", "minimize:power"), "must be maximize:NAME"),
        (None, ("maximize:mfu",), "must be two or three"),
    ],
)
def test_one_clear_line(pareto, words, said):
    with pytest.raises(StudyError, match=said) as caught:
        asked(pareto, words)
    assert "\n" not in str(caught.value)


def test_nothing_free():
    with pytest.raises(StudyError, match="nothing is free"):
        asked({"objectives": BOTH}, design=yaml.safe_load(STUDY)["design"])
