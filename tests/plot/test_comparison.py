"""Machines side by side: a panel for every quantity, a range for every machine."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from supernode_opt.plot import style
from supernode_opt.plot.comparison import comparison
from supernode_opt.system.report import COMPARED
from tests.plot.drawn import legend


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def panels(ax):
    return [one for one in style.figure(ax).axes if one.get_xlabel()]


def test_every_quantity_has_a_panel_with_its_unit(compared):
    words = [panel.get_xlabel() for panel in panels(comparison(compared))]
    assert len(words) == len(COMPARED)
    assert "power [mW]" in words
    assert "goodput [%]" in words


def test_units_suit_the_size(compared):
    compared["power"] = compared["power"] * 2e6
    compared["tokens_per_s"] = compared["tokens_per_s"] * 2e7
    words = [panel.get_xlabel() for panel in panels(comparison(compared))]
    assert "power [MW]" in words
    assert "million tokens/s" in words


def test_values_and_ranges_are_drawn_in_the_unit_of_the_panel(compared):
    panel = next(p for p in panels(comparison(compared)) if "MFU" in p.get_xlabel())
    line = panel.lines[0].get_xdata()
    assert line[0] == pytest.approx(50.0)
    assert np.isnan(line[1])
    ((start, stop), *_) = (s for c in panel.collections for s in c.get_segments())
    assert (start[0], stop[0]) == pytest.approx((45.0, 60.0))
    names = [
        text.get_text() for text in panels(comparison(compared))[0].get_yticklabels()
    ]
    assert names == ["one", "two"]


def test_a_precision_that_a_machine_lacks_is_not_drawn_twice(compared):
    ax = comparison(compared)
    assert legend(ax) == ["BF16", "FP8"]
    panel = next(p for p in panels(ax) if "MFU" in p.get_xlabel())
    # The first machine trains in BF16 whatever is asked for.
    first, second = (line.get_xdata() for line in panel.lines[:2])
    assert first[0] == pytest.approx(50.0)
    assert np.isnan(second[0])


def test_models_are_told_apart_by_name_where_there_are_several(compared):
    other = compared.assign_coords(model=["llama3_70b"])
    both = xr.concat([compared, other], "model", data_vars="all")
    words = legend(comparison(both.transpose("precision", "model", "system")))
    assert words[::2] == ["Llama 3 8B, BF16", "Llama 3 70B, BF16"]
