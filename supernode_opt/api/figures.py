"""Which figures an answer has, of those that the room `plot` draws."""

from collections.abc import Callable, Mapping
from typing import Any

import xarray as xr

from supernode_opt import plot


def figures_of(kind: str, dataset: xr.Dataset) -> Mapping[str, Callable[..., Any]]:
    """Return the figures that `dataset`, an answer of `kind`, has the numbers for."""
    if kind == "design":
        return {name: plot.FIGURES[name] for name in plot.drawable(dataset)}
    known: dict[str, Mapping[str, Callable[..., Any]]] = {
        "comparison": {"comparison": plot.comparison},
        "inversion": {"inversion": plot.inversion},
        "crossover": {"crossover": plot.crossover},
        "validation_runs": plot.VALIDATION,
        "validation_gemm": plot.GEMM,
        "validation_memory": plot.MEMORY,
        "validation_collectives": {"bus_bandwidth": plot.bus_bandwidth},
    }
    return known.get(kind, {})


def drawn(kind: str, dataset: xr.Dataset, folder: Any) -> None:
    """Draw every figure of an answer into `folder` as PNG."""
    from supernode_opt.plot import style

    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in figures_of(kind, dataset).items():
        style.figure(draw(dataset)).savefig(folder / f"{name}.png", dpi=150)
