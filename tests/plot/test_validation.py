"""Figures of a validation: every row with its range, every cell with its runs."""

import matplotlib.pyplot as plt
import pytest

from supernode_opt.plot import COLUMN, page, style
from supernode_opt.plot.evidence import evidence_map
from supernode_opt.plot.families import ratios_by_family
from supernode_opt.plot.verdicts import memory_verdicts
from tests.plot.drawn import check, legend, title


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_every_judged_row_has_its_range_and_hollow_marks_missed_it(validated):
    ax = ratios_by_family(validated)
    ends = [one.get_segments()[0][:, 0] for one in ax.collections]
    assert len(ends) == 5
    worst = max(ends, key=lambda end: end[0])
    # 3.0 over and under exp(1.645 x 0.1) = 1.1788.
    assert worst == pytest.approx([3.0 / 1.1788, 3.0 * 1.1788], rel=1e-4)
    faces = [
        line.get_markerfacecolor() for line in ax.lines if len(line.get_xdata()) == 1
    ]
    assert faces.count("white") == 2
    first, second = (text.get_text() for text in ax.get_yticklabels())
    assert (first, second) == ("fast A dense (3)", "slow B MoE (2)")
    assert "rows kept for validation" in title(ax)
    assert legend(ax) == ["near", "untested", "hollow: outside its range"]


def test_rows_that_nobody_keeps_for_judging_are_shown_all_the_same(validated):
    validated["judged"] = 0 * validated["judged"]
    assert "rows never fitted" in title(ratios_by_family(validated))
    validated["fitted"] = 0 * validated["fitted"] + 1
    assert "fitted rows" in title(ratios_by_family(validated))


def test_the_map_counts_runs_and_tells_the_error_of_rows_never_fitted(validated):
    ax = evidence_map(validated)
    said = {text.get_text() for text in ax.texts}
    # Errors of 10, 10 and 0 %, and of 200 and 20 %.
    assert said == {"1+3\n10 %", "0+2\n110 %", "1234\n+0"}
    chips = [label.get_text() for label in ax.get_yticklabels()]
    assert chips == ["b two", "a one"]
    (bar,) = (one for one in style.figure(ax).axes if "error" in one.get_ylabel())
    assert bar.get_ylabel().endswith("[%]")


def test_long_names_of_stacks_leave_room_for_the_axis(peaks):
    long = peaks["stack"].str.replace("core", "megatron_bridge_26")
    with page(COLUMN):
        check(memory_verdicts(peaks.assign(stack=long)))


def test_verdicts_of_jobs_whose_outcome_is_known(peaks):
    ax = memory_verdicts(peaks)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["core (3, 1 wrong)"]
    shown = sum(len(one.get_offsets()) for one in ax.collections)
    assert shown == 3
    assert "[%]" in ax.get_xlabel()
