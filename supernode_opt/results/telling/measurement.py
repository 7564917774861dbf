"""What a measurement of a machine says: the best rates, the fits and the notes."""

import json

import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results.telling.parts import Part, facts, grid
from supernode_opt.words import spoken


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a measurement."""
    device, fits = (json.loads(dataset.attrs[name]) for name in ("device", "fits"))
    rows = [
        ("machine", str(dataset.attrs["name"])),
        ("device", ", ".join(f"{spelled(k)} {v}" for k, v in device.items() if v)),
        ("measured", str(dataset.attrs["created"])),
        ("time spent", spoken(float(dataset.attrs["spent_s"]), "s")),
    ]
    rates = [
        (spelled(str(name)), spoken(float(one), one.attrs["units"]))
        for name, one in dataset.data_vars.items()
        if not one.dims
    ]
    errors = [
        (
            spelled(str(name)),
            str(fit["points"]),
            f"{100.0 * fit['median_error']:.1f} %",
            f"{100.0 * fit['p90_error']:.1f} %",
        )
        for name, fit in fits.items()
    ]
    heads = ("fit", "points", "median error", "90th percentile")
    fitted = grid(heads, errors, "", (1, 2, 3))
    return [
        Part("asked", "Asked", (), (facts(rows),)),
        Part("answer", "Best rates", (), (grid(("", "rate"), rates),)),
        Part("why", "How well they are fitted", (), (fitted,)),
        Part("notes", "Notes", tuple(map(str, json.loads(dataset.attrs["notes"])))),
    ]
