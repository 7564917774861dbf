"""Bus bandwidth of collectives: panels, labels, lines and points."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from supernode_opt.plot import draw_collectives
from supernode_opt.plot.bus_bandwidth import bus_bandwidth


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def made_up(machines, ranks, operations=("all_gather", "all_reduce", "prepare")):
    """A validation of one library in which every message is told 10 % too fast."""
    rows = [
        (machine, size, operation, payload)
        for machine in machines
        for size in ranks
        for operation in operations
        for payload in (1e3, 1e6, 1e9)
    ]
    names, sizes, kinds, payloads = (list(column) for column in zip(*rows, strict=True))
    payload = np.where(np.asarray(kinds) == "prepare", 0.0, payloads)
    measured = payload / (1e-5 + payload / 3e11)
    return xr.Dataset(
        {
            "library": ("row", ["made_up"] * len(rows)),
            "machine": ("row", names),
            "operation": ("row", kinds),
            "variant": ("row", [""] * len(rows)),
            "ranks": ("row", np.asarray(sizes, float)),
            "payload": ("row", payload),
            "measured_bandwidth": ("row", measured),
            "predicted_bandwidth": ("row", 1.1 * measured),
            "fitted": ("row", np.arange(len(rows)) % 2),
        }
    )


def panels(ax):
    return [panel for panel in ax.figure.axes if panel.lines and panel is not ax]


def test_one_panel_an_operation_and_one_series_a_group():
    ax = bus_bandwidth(made_up(["one"], [2, 8]))
    first, second = panels(ax)
    titles = [panel.get_title(loc="left") for panel in (first, second)]
    # What moves no message has no bandwidth.
    assert titles == ["all gather", "all reduce"]
    assert first.get_ylabel() == "bus bandwidth [GB/s]"
    assert first.get_xlabel() == second.get_xlabel() == "message [MB]"
    assert first.get_xscale() == first.get_yscale() == "log"
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["2 ranks", "8 ranks"]
    line = first.lines[0]
    np.testing.assert_allclose(line.get_xdata(), [1e-3, 1.0, 1e3])
    # Fitted points and the others together are all that was measured.
    points = sum(len(c.get_offsets()) for c in first.collections)
    assert points == 2 * 3


def test_several_machines_show_their_largest_group():
    ax = bus_bandwidth(made_up(["one", "other"], [2, 8]))
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["one, 8 ranks", "other, 8 ranks"]


def test_every_library_has_a_file(tmp_path):
    paths = draw_collectives(made_up(["one"], [2]), tmp_path)
    assert [path.name for path in paths] == ["bus_bandwidth_made_up.png"]
    assert paths[0].stat().st_size > 0
