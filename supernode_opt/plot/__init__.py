"""Figures of a result; each is `f(dataset, ..., ax=None) -> Axes` and reads no more.

Figures are drawn for a page: `with plot.page(3.5): plot.roofline(dataset)` makes one of
a column's width, and `plot.save` writes it as PNG, PDF or SVG.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import xarray as xr
from matplotlib.axes import Axes

from supernode_opt.plot import grid
from supernode_opt.plot.bus_bandwidth import bus_bandwidth
from supernode_opt.plot.calibration import fitted_constants
from supernode_opt.plot.comparison import comparison
from supernode_opt.plot.contour import contour
from supernode_opt.plot.convergence import convergence
from supernode_opt.plot.crossover import crossover
from supernode_opt.plot.evidence import evidence_map
from supernode_opt.plot.families import ratios_by_family
from supernode_opt.plot.feasible import feasible
from supernode_opt.plot.files import draw as draw_figures
from supernode_opt.plot.files import save
from supernode_opt.plot.fits import fits, sections
from supernode_opt.plot.front import front
from supernode_opt.plot.gemm import gemm_time, gemm_watts
from supernode_opt.plot.interactivity import interactivity
from supernode_opt.plot.interactivity import suits as serves
from supernode_opt.plot.inversion import inversion
from supernode_opt.plot.joint import course, joint_steps, shares
from supernode_opt.plot.memory_stack import memory_stack
from supernode_opt.plot.parallel import parallel_coordinates
from supernode_opt.plot.pareto import pareto
from supernode_opt.plot.peaks import predicted_peaks
from supernode_opt.plot.power_stack import power_stack
from supernode_opt.plot.regimes import regimes
from supernode_opt.plot.roofline import roofline
from supernode_opt.plot.stacks import power_stacks, step_stacks
from supernode_opt.plot.step_waterfall import prefill_waterfall, step_waterfall
from supernode_opt.plot.style import COLUMN, FULL, page
from supernode_opt.plot.subject import subject
from supernode_opt.plot.tornado import tornado
from supernode_opt.plot.validation import error_by_parallelism, predicted_measured
from supernode_opt.plot.verdicts import memory_verdicts

__all__ = ["COLUMN", "FULL", "interactivity", "page", "power_stacks", "save"]
__all__ += ["step_stacks", "subject"]

Figure = Callable[..., Axes]

FIGURES: dict[str, Figure] = {
    "step_waterfall": step_waterfall,
    "power_stack": power_stack,
    "roofline": roofline,
    "convergence": convergence,
    "tornado": tornado,
}
# Of a design that serves, beside these.
SERVING: dict[str, Figure] = {
    "prefill_waterfall": prefill_waterfall,
    "memory_stack": memory_stack,
}
VALIDATION: dict[str, Figure] = {
    "predicted_measured": predicted_measured,
    "error_by_parallelism": error_by_parallelism,
    "ratios_by_family": ratios_by_family,
    "evidence_map": evidence_map,
}
GEMM: dict[str, Figure] = {
    "gemm_time": gemm_time,
    "gemm_watts": gemm_watts,
}
MEMORY: dict[str, Figure] = {
    "predicted_peaks": predicted_peaks,
    "memory_verdicts": memory_verdicts,
}
# Of a sweep, each drawn where what was swept suits it.
SWEEP: dict[str, Figure] = {
    "contour": contour,
    "feasible": feasible,
    "regimes": regimes,
    "parallel_coordinates": parallel_coordinates,
    "front": front,
    "interactivity": interactivity,
}
# Of one machine for several jobs.
JOINT: dict[str, Figure] = {
    "shares": shares,
    "joint_steps": joint_steps,
    "course": course,
}
# The figures of every kind of saved result, each a function of its dataset alone.
FIGURES_OF: dict[str, dict[str, Figure]] = {
    "design": {**FIGURES, **SERVING},
    "comparison": {"comparison": comparison},
    "joint": JOINT,
    "inversion": {"inversion": inversion},
    "crossover": {"crossover": crossover},
    "validation": VALIDATION,
    "calibration": {"fitted_constants": fitted_constants},
    "collectives": {"bus_bandwidth": bus_bandwidth},
    "gemm": GEMM,
    "memory": MEMORY,
    "sweep": SWEEP,
    "front": {"pareto": pareto, "interactivity": interactivity},
    "sensitivity": {"tornado": tornado},
    "measurement": {"fits": fits},
}


def figures_of(dataset: xr.Dataset, kind: str = "design") -> dict[str, Figure]:
    """Return the figures of a result of this kind that `dataset` has numbers for."""
    suits = {name: True for name in FIGURES_OF.get(kind, {})} | _suits(dataset, kind)
    known = FIGURES_OF.get(kind, {})
    return {name: draw for name, draw in known.items() if suits[name]}


def _suits(dataset: xr.Dataset, kind: str) -> dict[str, bool]:
    """Tell of figures that not every result has whether this one has them."""
    if kind == "calibration":
        # Of GEMMs and collectives nothing is known of what was before.
        return {"fitted_constants": bool(dataset["before"].notnull().any())}
    if kind == "measurement":
        return {"fits": bool(sections(dataset))}
    if kind == "design":
        return {
            "roofline": "operator_time" in dataset,
            "convergence": "best_objective" in dataset,
            "tornado": "elasticity" in dataset,
            **dict.fromkeys(SERVING, "prefill_step" in dataset),
        }
    if kind == "joint":
        answered = "share_of_own" in dataset
        falls = bool(((dataset["gap"] > 0.0) & (dataset["gap"] < 1e9)).any())
        return {"shares": answered, "joint_steps": answered, "course": falls}
    if kind == "sweep":
        axes, told = len(grid.swept(dataset)), len(grid.quantities(dataset))
        return {
            "contour": axes > 1,
            "feasible": axes > 1 and "binding" in dataset,
            "regimes": "point" not in dataset.dims,
            "parallel_coordinates": axes + told > 2,
            "front": told > 1,
            "interactivity": serves(dataset),
        }
    if kind == "front":
        some = bool(dataset.sizes.get("point"))
        return {"pareto": some, "interactivity": some and serves(dataset)}
    return {}


def drawable(dataset: xr.Dataset, kind: str = "design") -> tuple[str, ...]:
    """Return the names of the figures that `dataset` has the numbers for."""
    return tuple(figures_of(dataset, kind))


def draw_all(
    dataset: xr.Dataset,
    folder: Path | str,
    suffixes: Sequence[str] = ("png",),
    width: float = FULL,
    kind: str = "design",
) -> list[Path]:
    """Draw every figure that `dataset` has the numbers for into `folder`.

    Args:
      dataset: a saved result.
      folder: where the files go; made if it is missing.
      suffixes: formats, of "png", "pdf" and "svg".
      width: of the figures [in].
      kind: of the result, one of `FIGURES_OF`.
    """
    figures = figures_of(dataset, kind)
    return draw_figures(dataset, folder, figures, suffixes, width)


def draw_collectives(
    dataset: xr.Dataset,
    folder: Path | str,
    suffixes: Sequence[str] = ("png",),
    width: float = FULL,
) -> list[Path]:
    """Draw bus bandwidth of every library of a validation into `folder`."""
    libraries = sorted(set(dataset["library"].values))
    paths = []
    for name in libraries:
        part = dataset.sel(row=dataset["library"] == name)
        figures = {f"bus_bandwidth_{name}": bus_bandwidth}
        paths += draw_figures(part, folder, figures, suffixes, width)
    return paths


# Each draws a dataset of its kind into a folder.
draw_validation = functools.partial(draw_all, kind="validation")
draw_gemm = functools.partial(draw_all, kind="gemm")
draw_peaks = functools.partial(draw_all, kind="memory")
draw_comparison = functools.partial(draw_all, kind="comparison")
draw_joint = functools.partial(draw_all, kind="joint")
draw_inversion = functools.partial(draw_all, kind="inversion")
draw_crossover = functools.partial(draw_all, kind="crossover")
draw_sweep = functools.partial(draw_all, kind="sweep")
draw_front = functools.partial(draw_all, kind="front")
draw_sensitivity = functools.partial(draw_all, kind="sensitivity")
