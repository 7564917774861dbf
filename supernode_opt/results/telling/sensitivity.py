"""What a sensitivity says: whose variance it is, and what the ends of ranges change."""

import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results.telling.parts import Grid, Part, facts, grid
from supernode_opt.system.report import is_share
from supernode_opt.words import spoken

_SHOWN = 12


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a sensitivity."""
    name = str(dataset.attrs["quantity"])
    value = spoken(float(dataset["value"]), dataset["value"].units, is_share(name))
    asked = [("subject", str(dataset.attrs["subject"])), (spelled(name), value)]
    asked.append(("evaluations", f"{int(dataset.attrs['evaluations']):,}"))
    return [
        Part("asked", "Asked", (), (facts(asked),)),
        Part("answer", "Whose variance it is", (), (_shares(dataset, everything),)),
        Part("why", "What a constant changes", (), (_changes(dataset, everything),)),
    ]


def _shares(dataset: xr.Dataset, everything: bool) -> Grid:
    count = dataset.sizes["factor"]
    rows = [
        (
            str(dataset["factor"].values[place]),
            _share(dataset, "first_order", place),
            _share(dataset, "total", place),
        )
        for place in range(count if everything else min(_SHOWN, count))
    ]
    heads = ("uncertain", "first order", "total order")
    title = "Sobol indices: shares of variance, with 95 % intervals"
    return grid(heads, rows, title, (1, 2))


def _changes(dataset: xr.Dataset, everything: bool) -> Grid:
    count = dataset.sizes["constant"]
    rows = [
        (
            str(dataset["constant"].values[place]),
            f"{float(dataset['elasticity'][place]):+.3f}",
            f"{100.0 * float(dataset['low'][place]):+.2f} %",
            f"{100.0 * float(dataset['high'][place]):+.2f} %",
        )
        for place in range(count if everything else min(_SHOWN, count))
    ]
    heads = ("constant", "elasticity", "at its low end", "at its high end")
    return grid(heads, rows, "", (1, 2, 3))


def _share(dataset: xr.Dataset, name: str, place: int) -> str:
    value, half = (float(dataset[n][place]) for n in (name, f"{name}_half"))
    return f"{100.0 * value:.1f} +/- {100.0 * half:.1f} %"
