"""Gap against seconds and evaluations: a small multiple for each study."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.contest.contestants import CONTESTANTS
from benchmarks.contest.report import NEAR, Standing, gap
from benchmarks.contest.search import NAME
from supernode_opt.plot.palette import COLOURS, DASHES, OUTLINES

# Gaps below this are drawn here: prices and lanes round differently [1].
_FLOOR = 1e-4
_COLUMNS = 3
_AXES = {
    "seconds": (1, "processor seconds"),
    "evaluations": (0, "evaluations"),
}


def draw(
    places: Mapping[str, Mapping[str, Standing]],
    best: Mapping[str, float],
    folder: Path,
) -> None:
    """Draw `optimizers_seconds.png` and `optimizers_evaluations.png`."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    order = (NAME, *CONTESTANTS)
    columns = max(min(len(places), _COLUMNS), 1)
    rows = max(-(-len(places) // columns), 1)
    for what, (column, label) in _AXES.items():
        figure, grid = plt.subplots(
            rows,
            columns,
            figsize=(7.2, 1.35 * max(rows, 2) + 0.9),
            squeeze=False,
            sharex=True,
            sharey=True,
            layout="constrained",
        )
        lines = {}
        for ax, name in zip(grid.flat, places, strict=False):
            for place, method in enumerate(order):
                standing = places[name].get(method)
                if standing is None or not standing.records[0]["trace"]:
                    continue
                record = standing.records[0]
                trace = np.asarray(record["trace"], float)
                end = record["seconds"] if column else record["evaluations"]
                x = np.append(trace[:, column], end)
                y = [max(gap(c, best[name]), _FLOOR) for c in trace[:, 3]]
                (lines[method],) = ax.step(
                    np.maximum(x, 1e-2 if column else 10.0),
                    100.0 * np.append(y, y[-1]),
                    where="post",
                    color=COLOURS[OUTLINES[place]],
                    linestyle=DASHES[place],
                    linewidth=1.8 if method == NAME else 1.0,
                    marker="o" if method == NAME else None,
                    markersize=3.0,
                    markevery=[0],
                    label=method,
                )
            ax.axhline(100.0 * NEAR, color=COLOURS["grey"], linewidth=0.5)
            ax.set(xscale="log", yscale="log", ylim=(50.0 * _FLOOR, 100.0))
            ax.set_title(name.replace("_", " "), fontsize=8, pad=2)
            ax.tick_params(labelsize=7)
        for ax in list(grid.flat)[len(places) :]:
            ax.set_axis_off()
        figure.supxlabel(label, fontsize=8)
        figure.supylabel("gap to the best found [%]", fontsize=8)
        shown = [method for method in order if method in lines]
        figure.legend(
            [lines[m] for m in shown],
            shown,
            loc="outside upper center",
            ncols=4,
            fontsize=7,
            frameon=False,
        )
        figure.savefig(folder / f"optimizers_{what}.png", dpi=200)
        plt.close(figure)
