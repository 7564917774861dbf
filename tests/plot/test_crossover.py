"""The map of a crossover has a column per step, its crossing and its limits."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from supernode_opt.plot.crossover import crossover
from tests.plot.drawn import legend, title


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_names_units_and_steps(crossed):
    ax = crossover(crossed)
    assert ax.get_xlabel() == "scale-up domain"
    assert ax.get_ylabel() == "energy of LPO links [pJ/b]"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["32", "64"]
    assert ax.get_ylim() == pytest.approx((1.0, 100.0))
    notes = [text.get_text() for text in ax.texts]
    assert "- DSP, SR8" in notes
    assert "metal reaches this far" in legend(ax)
    assert "light" in title(ax)


def test_only_what_cannot_be_built_is_hatched(crossed):
    ax = crossover(crossed)
    (patch,) = (p for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch())
    up = crossed["up"].values / 8e-12
    assert patch.get_y() == pytest.approx(np.sqrt(up[-5] * up[-4]))
    assert patch.get_y() + patch.get_height() == pytest.approx(100.0)
    assert patch.get_x() == pytest.approx(0.5)


def test_a_column_without_a_crossing_has_no_line(crossed):
    ax = crossover(crossed)
    segments = [s for c in ax.collections if hasattr(c, "get_segments")
                for s in c.get_segments()]  # fmt: skip
    levels = [s[0][1] for s in segments if s[0][1] == s[1][1]]
    assert levels == pytest.approx([10.0])
    assert "equal" in legend(ax)
    assert "cannot be built" in legend(ax)


def test_a_range_that_goes_on_beyond_the_axis_ends_in_an_arrow(crossed):
    # The range of the column of 64 has no upper end.
    arrows = [
        line for line in crossover(crossed).lines if line.get_marker() in ("^", "v")
    ]
    assert [line.get_marker() for line in arrows] == ["^"]
    assert arrows[0].get_xydata() == pytest.approx(np.array([[1.0, 100.0]]))


def test_better_has_one_colour_whether_more_or_less_is_better(crossed):
    maps = [crossover(crossed).collections[0].get_cmap().name]
    crossed.attrs["sign"] = -1.0
    maps.append(crossover(crossed).collections[0].get_cmap().name)
    assert maps == ["PuOr", "PuOr_r"]
