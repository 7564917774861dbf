"""The map of a crossover has a column per step, its crossing and its limits."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.patches import Rectangle

from supernode_opt.plot.crossover import crossover
from tests.plot.drawn import legend, title


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def found():
    """Return a made-up map: 32 and 64 across, energies up, equal at 10 pJ/b of 64."""
    up = np.geomspace(1.0, 100.0, 21) * 8e-12
    axes = ("across", "up")
    ratio = np.stack([np.full(21, 0.9), np.geomspace(1.2, 1.0 / 1.2, 21)])
    kept = np.ones((2, 21), np.int8)
    kept[1, -4:] = 0
    made = xr.Dataset(
        {
            "tokens_per_joule": (axes, ratio, {"units": "token/J"}),
            "ratio": (axes, ratio),
            "kept": (axes, kept),
            "rival_kept": (
                ("rival_across", "up"),
                np.repeat(np.array([[1], [0]], np.int8), 21, axis=1),
            ),
            "catalog": ("known", np.array([10.0, 7.5, 12.5]) * 8e-12),
            "crossing": ("across", np.array([np.nan, 80e-12])),
            "crossing_low": ("across", np.array([0.0, 40e-12])),
            "crossing_high": ("across", np.array([0.0, np.inf])),
        },
        coords={
            "across": ("across", [32.0, 64.0], {"long_name": "scale_up_domain"}),
            "up": ("up", up, {"long_name": "links.lpo.energy"}),
            "rival_across": [32.0, 64.0],
            "machine": np.array(["light", "metal"], dtype=object),
        },
        attrs={
            "quantity": "tokens_per_joule",
            "sign": 1.0,
            "own_unit": "pJ/b",
            "factor": 8e-12,
            "across_own_unit": "1",
            "across_factor": 1.0,
            "marks": json.dumps({"cpo": 48e-12, "dsp": 160e-12, "sr8": 168e-12}),
        },
    )
    return made


def test_names_units_and_steps(found):
    ax = crossover(found)
    assert ax.get_xlabel() == "scale-up domain"
    assert ax.get_ylabel() == "energy of LPO links [pJ/b]"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["32", "64"]
    assert ax.get_ylim() == pytest.approx((1.0, 100.0))
    notes = [text.get_text() for text in ax.texts]
    assert "- DSP, SR8" in notes
    assert "metal reaches this far" in legend(ax)
    assert "light" in title(ax)


def test_only_what_cannot_be_built_is_hatched(found):
    ax = crossover(found)
    (patch,) = (p for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch())
    up = found["up"].values / 8e-12
    assert patch.get_y() == pytest.approx(np.sqrt(up[-5] * up[-4]))
    assert patch.get_y() + patch.get_height() == pytest.approx(100.0)
    assert patch.get_x() == pytest.approx(0.5)


def test_a_column_without_a_crossing_has_no_line(found):
    ax = crossover(found)
    segments = [s for c in ax.collections if hasattr(c, "get_segments")
                for s in c.get_segments()]  # fmt: skip
    levels = [s[0][1] for s in segments if s[0][1] == s[1][1]]
    assert levels == pytest.approx([10.0])
    assert "equal" in legend(ax)
    assert "cannot be built" in legend(ax)


def test_a_range_that_goes_on_beyond_the_axis_ends_in_an_arrow(found):
    # The range of the column of 64 has no upper end.
    arrows = [
        line for line in crossover(found).lines if line.get_marker() in ("^", "v")
    ]
    assert [line.get_marker() for line in arrows] == ["^"]
    assert arrows[0].get_xydata() == pytest.approx(np.array([[1.0, 100.0]]))


def test_better_has_one_colour_whether_more_or_less_is_better(found):
    maps = [crossover(found).collections[0].get_cmap().name]
    found.attrs["sign"] = -1.0
    maps.append(crossover(found).collections[0].get_cmap().name)
    assert maps == ["PuOr", "PuOr_r"]
