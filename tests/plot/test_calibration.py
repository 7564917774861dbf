"""Constants that were fitted, over what they were before."""

import matplotlib.pyplot as plt
import pytest

from supernode_opt.plot import figures_of
from supernode_opt.plot.calibration import fitted_constants
from tests.plot.drawn import title


def test_constants_are_drawn_over_their_values_before(calibrated):
    ax = fitted_constants(calibrated)
    names = [text.get_text() for text in ax.get_yticklabels()]
    # Of zero there is no ratio; what moved most is on top.
    assert names == ["GEMM efficiency", "launch time"]
    ends = [one.get_segments()[0][:, 0] for one in ax.collections]
    # 1.645 x 0.01 / 0.6 = 0.0274 around 0.9 / 0.6.
    assert ends[0] == pytest.approx([1.4726, 1.5274], abs=1e-4)
    faces = [
        line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"
    ]
    assert faces[0] != "white"
    assert faces[1] == "white"
    assert "MindSpeed 910C" in title(ax)
    plt.close("all")


def test_a_calibration_without_a_before_has_no_figure(calibrated):
    assert list(figures_of(calibrated, "calibration")) == ["fitted_constants"]
    unknown = calibrated.assign(before=calibrated["before"].where(False))
    assert not figures_of(unknown, "calibration")
    assert not figures_of(unknown, "measurement")
