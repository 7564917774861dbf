"""The figure of a front shows designs, what is attainable, the knee and the gap."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from supernode_opt import plot
from tests.results.kinds import front


def test_a_front_is_drawn_with_knee_and_attainable_designs():
    ax = plot.figures_of(front(), "front")["pareto"](front())
    labels = {line.get_label(): line for line in ax.lines}
    assert labels["front (4 designs)"].get_ydata().tolist() == [20.0, 35.0, 36.0, 40.0]
    assert labels["searched"].get_xdata().tolist() == [10.0, 20.0, 40.0]
    assert labels["knee"].get_xdata().tolist() == [20.0]
    assert ax.get_ylabel().startswith("MFU [%]")
    assert "power [kW]" in ax.get_xlabel()
    # What is not excluded reaches 0.5 % above the third design: 36.18 %.
    band = ax.collections[-1].get_paths()[0].vertices[:, 1]
    assert np.isclose(band, 36.0 * 1.005).any()
    plt.close("all")


def test_objectives_by_name():
    with pytest.raises(ValueError, match="`goodput` is no objective"):
        plot.figures_of(front(), "front")["pareto"](front(), x="goodput")


def test_three_objectives_have_a_colour():
    flat = front()
    wide = xr.Dataset(
        {
            **{n: v for n, v in flat.data_vars.items() if "objective" not in v.dims},
            "goodput": ("point", np.linspace(0.9, 0.8, 4), {"units": "1"}),
        },
        coords={
            "objective": np.array(["mfu", "power", "goodput"], object),
            "sense": ("objective", np.array(["maximize", "minimize", "maximize"])),
        },
        attrs=flat.attrs,
    )
    ax = plot.figures_of(wide, "front")["pareto"](wide)
    assert len(ax.figure.axes) == 2
    assert ax.figure.axes[1].get_ylabel().startswith("goodput")
    plt.close("all")


def test_nothing_is_drawn_of_nothing():
    assert not plot.figures_of(front().isel(point=[]), "front")
