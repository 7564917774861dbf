"""Figures of measured GEMMs: axes, labels and which rows are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from supernode_opt.plot import GEMM
from tests.plot.drawn import legend, title


def drawn(ax):
    """Return the points of every mark that is not only in the legend."""
    return [c.get_offsets().data for c in ax.collections if c.get_rasterized()]


@pytest.mark.parametrize("name", GEMM)
def test_axes_say_what_they_show(gemms, name):
    ax = GEMM[name](gemms)
    assert "never fitted" in title(ax)
    assert "measured" in ax.get_xlabel()
    assert "predicted" in ax.get_ylabel()
    assert {"B200 BF16", "H200 SXM BF16"} <= set(legend(ax))
    plt.close(ax.figure)


def test_only_rows_kept_from_the_fit_are_drawn(gemms):
    ax = GEMM["gemm_time"](gemms)
    points = np.concatenate(drawn(ax))
    np.testing.assert_allclose(points[:, 0], [11.0, 200.0, 2900.0])
    np.testing.assert_allclose(points[:, 1], [1.0 / 1.1, 1.0, 3.0 / 2.9])
    plt.close(ax.figure)


def test_brief_rows_are_grey_among_the_watts(gemms):
    ax = GEMM["gemm_watts"](gemms)
    first, *others = drawn(ax)
    np.testing.assert_allclose(first, [[250.0 / 700.0, 600.0 / 700.0]])
    assert sum(len(points) for points in others) == 2
    assert "too short for the sensor" in legend(ax)
    # Of the two others one was not measured and one is told exactly.
    assert "1 GEMMs, median error 0 %" in title(ax)
    plt.close(ax.figure)
