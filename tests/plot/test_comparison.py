"""Machines side by side: a panel for every quantity, a range for every machine."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from supernode_opt.compare.program import QUANTITIES
from supernode_opt.plot import style
from supernode_opt.plot.comparison import comparison
from tests.plot.drawn import legend


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def found():
    """Return two machines in two precisions, the second of which fits nothing."""
    axes = ("precision", "model", "system")
    value = np.array([[[0.5, np.nan]], [[0.7, np.nan]]])
    made = xr.Dataset(
        coords={
            "precision": ["bf16", "fp8"],
            "model": ["llama3_8b"],
            "system": ["one", "two"],
        }
    )
    for name in QUANTITIES:
        made[name] = (axes, value)
        made[f"{name}_low"] = (axes, 0.9 * value)
        made[f"{name}_high"] = (axes, 1.2 * value)
    trained = np.array([[["bf16", "bf16"]], [["bf16", "fp8"]]], dtype=object)
    made["trained_in"] = (axes, trained)
    return made


def panels(ax):
    return [one for one in style.figure(ax).axes if one.get_xlabel()]


def test_every_quantity_has_a_panel_with_its_unit(found):
    words = [panel.get_xlabel() for panel in panels(comparison(found))]
    assert len(words) == len(QUANTITIES)
    assert "power [mW]" in words
    assert "goodput [%]" in words


def test_units_suit_the_size(found):
    found["power"] = found["power"] * 2e6
    found["tokens_per_s"] = found["tokens_per_s"] * 2e7
    words = [panel.get_xlabel() for panel in panels(comparison(found))]
    assert "power [MW]" in words
    assert "million tokens/s" in words


def test_values_and_ranges_are_drawn_in_the_unit_of_the_panel(found):
    panel = next(p for p in panels(comparison(found)) if "MFU" in p.get_xlabel())
    line = panel.lines[0].get_xdata()
    assert line[0] == pytest.approx(50.0)
    assert np.isnan(line[1])
    ((start, stop), *_) = (s for c in panel.collections for s in c.get_segments())
    assert (start[0], stop[0]) == pytest.approx((45.0, 60.0))
    names = [text.get_text() for text in panels(comparison(found))[0].get_yticklabels()]
    assert names == ["one", "two"]


def test_a_precision_that_a_machine_lacks_is_not_drawn_twice(found):
    ax = comparison(found)
    assert legend(ax) == ["BF16", "FP8"]
    panel = next(p for p in panels(ax) if "MFU" in p.get_xlabel())
    # The first machine trains in BF16 whatever is asked for.
    first, second = (line.get_xdata() for line in panel.lines[:2])
    assert first[0] == pytest.approx(50.0)
    assert np.isnan(second[0])


def test_models_are_told_apart_by_name_where_there_are_several(found):
    other = found.assign_coords(model=["llama3_70b"])
    both = xr.concat([found, other], "model", data_vars="all")
    words = legend(comparison(both.transpose("precision", "model", "system")))
    assert words[::2] == ["Llama 3 8B, BF16", "Llama 3 70B, BF16"]
