"""Figures of a result; each is `f(dataset, ax=None) -> Axes` and reads nothing else."""

import functools
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import style
from supernode_opt.plot.bus_bandwidth import bus_bandwidth
from supernode_opt.plot.comparison import comparison
from supernode_opt.plot.convergence import convergence
from supernode_opt.plot.crossover import crossover
from supernode_opt.plot.evidence import evidence_map
from supernode_opt.plot.families import ratios_by_family
from supernode_opt.plot.gemm import gemm_time, gemm_watts
from supernode_opt.plot.inversion import inversion
from supernode_opt.plot.peaks import predicted_peaks
from supernode_opt.plot.power_stack import power_stack
from supernode_opt.plot.roofline import roofline
from supernode_opt.plot.step_waterfall import step_waterfall
from supernode_opt.plot.validation import error_by_parallelism, predicted_measured
from supernode_opt.plot.verdicts import memory_verdicts

FIGURES: dict[str, Callable[..., Axes]] = {
    "step_waterfall": step_waterfall,
    "power_stack": power_stack,
    "roofline": roofline,
    "convergence": convergence,
}
VALIDATION: dict[str, Callable[..., Axes]] = {
    "predicted_measured": predicted_measured,
    "error_by_parallelism": error_by_parallelism,
    "ratios_by_family": ratios_by_family,
    "evidence_map": evidence_map,
}
GEMM: dict[str, Callable[..., Axes]] = {
    "gemm_time": gemm_time,
    "gemm_watts": gemm_watts,
}
MEMORY: dict[str, Callable[..., Axes]] = {
    "predicted_peaks": predicted_peaks,
    "memory_verdicts": memory_verdicts,
}
# What a dataset must hold for a figure that not every result has.
NEEDS = {"roofline": "operator_time", "convergence": "best_objective"}


# Those of each kind of saved result.
FIGURES_OF: dict[str, dict[str, Callable[..., Axes]]] = {
    "design": FIGURES,
    "comparison": {"comparison": comparison},
    "inversion": {"inversion": inversion},
    "crossover": {"crossover": crossover},
    "validation": VALIDATION,
    "collectives": {"bus_bandwidth": bus_bandwidth},
    "gemm": GEMM,
    "memory": MEMORY,
}


def figures_of(
    dataset: xr.Dataset, kind: str = "design"
) -> dict[str, Callable[..., Axes]]:
    """Return the figures of a result of this kind that `dataset` has numbers for."""
    return {
        name: figure
        for name, figure in FIGURES_OF.get(kind, {}).items()
        if NEEDS.get(name, next(iter(dataset.data_vars), "")) in dataset
    }


def drawable(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the names of the figures that `dataset` has the numbers for."""
    return tuple(name for name in FIGURES if NEEDS.get(name, "step") in dataset)


def draw_all(dataset: xr.Dataset, folder: Path | str) -> list[Path]:
    """Draw every figure that `dataset` has the numbers for into `folder` as PNG."""
    return _draw(dataset, folder, {name: FIGURES[name] for name in drawable(dataset)})


def draw_collectives(dataset: xr.Dataset, folder: Path | str) -> list[Path]:
    """Draw bus bandwidth of every library of a validation into `folder` as PNG."""
    libraries = sorted(set(dataset["library"].values))
    paths = []
    for name in libraries:
        part = dataset.sel(row=dataset["library"] == name)
        paths += _draw(part, folder, {f"bus_bandwidth_{name}": bus_bandwidth})
    return paths


def _draw(
    dataset: xr.Dataset, folder: Path | str, figures: dict[str, Callable[..., Axes]]
) -> list[Path]:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in figures.items():
        figure = style.figure(draw(dataset))
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=150)
        plt.close(figure)
        paths.append(path)
    return paths


# Each draws a dataset of its kind into a folder.
draw_validation = functools.partial(_draw, figures=VALIDATION)
draw_gemm = functools.partial(_draw, figures=GEMM)
draw_peaks = functools.partial(_draw, figures=MEMORY)
draw_comparison = functools.partial(_draw, figures={"comparison": comparison})
draw_inversion = functools.partial(_draw, figures={"inversion": inversion})
draw_crossover = functools.partial(_draw, figures={"crossover": crossover})
