"""What a sensitivity says: which uncertain constants a quantity hangs on."""

import numpy as np
import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results.telling.parts import Grid, Part, facts, grid

# Constants that are named; the others move the quantity less.
_MOST = 12


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a sensitivity."""
    attrs = dataset.attrs
    asked = [
        ("subject", str(attrs["subject"])),
        ("quantity", spelled(str(attrs["quantity"]))),
        ("evaluations", f"{int(attrs['evaluations'])}"),
    ]
    order = np.argsort(-dataset["total"].values, kind="stable")
    indices = [
        (
            str(dataset["factor"].values[i]),
            *(_share(dataset, name, int(i)) for name in ("first_order", "total")),
        )
        for i in order
    ]
    heads = ("uncertain", "share of variance alone", "with what it shares")
    shares = grid(heads, indices, "Sobol indices, with 95 % intervals", (1, 2))
    return [
        Part("asked", "Asked", (), (facts(asked),)),
        Part("answer", "Answer", (), (shares,)),
        Part("why", "Why", (), (_elasticities(dataset),)),
    ]


def _share(dataset: xr.Dataset, name: str, place: int) -> str:
    value, half = (float(dataset[n][place]) for n in (name, f"{name}_half"))
    return f"{value:.2f} +- {half:.2f}"


def _elasticities(dataset: xr.Dataset) -> Grid:
    size = np.abs(dataset["elasticity"].values)
    order = np.argsort(-np.nan_to_num(size), kind="stable")[:_MOST]
    rows = [
        (
            str(dataset["constant"].values[i]),
            f"{float(dataset['elasticity'][i]):+.3g}",
            *(f"{100.0 * float(dataset[end][i]):+.2g} %" for end in ("low", "high")),
        )
        for i in order
    ]
    heads = ("constant", "% per %", "at its low end", "at its high end")
    return grid(heads, rows, "Elasticities, largest first", (1, 2, 3))
