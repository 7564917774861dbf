"""Studies on which a wrong verdict was once given, with what is true of them.

Small ones are searched by force each time.  Of others the truth was found once, by
exhaustion or by polishing from many starts, and stands here.
"""

from pathlib import Path

import pytest

from tests.oracle.judge import GRADES, PROVED, judge
from tests.oracle.program import answer, read
from tests.oracle.truth import Truth, seek

FOLDER = Path(__file__).parent / "found"
# What is known of studies that are too large for brute force here: the best value, and
# whether nothing better exists.
KNOWN = {
    "warm_return": (38_746.0, False),
    "least_memory": (9.186e9, True),
    "whole_racks": (1_862_548.8, False),
}
# Six continuous variables, and no truth to compare with: only that it is answered.
UNKNOWN = ("chip_to_design",)
# To how many digits the values above are known.
TOLD = {"warm_return": 2e-5, "least_memory": 1e-4, "whole_racks": 1e-6}


def study(name):
    return read((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), name)


def small():
    names = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    return [name for name in names if name not in (*KNOWN, *UNKNOWN)]


@pytest.mark.parametrize("name", small())
def test_what_was_found_is_mended(name):
    asked = study(name)
    whole = asked.settings.whole_lanes
    truth = seek(asked.problem, whole_lanes=whole)
    assert judge(asked, answer(asked, outer=0), truth, whole_lanes=whole) == []


@pytest.mark.long
@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_is_found(name):
    asked = study(name)
    best, exact = KNOWN[name]
    found = answer(asked, outer=0)
    truth = Truth(False, 0, best * (1.0 + TOLD[name]), None, -1.0, None)
    assert judge(asked, found, truth) == []
    if exact:
        assert found.status in PROVED
        assert found.objective == pytest.approx(best, rel=TOLD[name])


@pytest.mark.long
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_answered(name):
    asked = study(name)
    found = answer(asked, outer=0)
    assert found.status in GRADES
    # Any feasible design says at least that one exists; the judge re-evaluates it.
    anything = Truth(False, 0, None, None, -1.0, None)
    assert judge(asked, found, anything) == []
