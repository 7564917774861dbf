"""Time and watts of a table of GEMMs from fitted constants."""

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from supernode_opt.calibration.gemm.table import Table
from supernode_opt.catalog import gemm_kernels, gemm_residuals
from supernode_opt.hardware.gemm import GemmCost, GemmKernel, Package, Shape, gemm
from supernode_opt.hardware.gemm_residual import Residual, work_factor

Key = tuple[str, str]
_UNNAMED: dict[str, Any] = dict.fromkeys(("name", "architecture", "precision"), "")


class Constants(NamedTuple):
    """What predicts GEMMs: kernels by architecture and precision, and networks."""

    kernels: dict[Key, GemmKernel]
    residuals: tuple[Residual, ...] = ()


def shipped() -> Constants:
    """Return the constants of the catalog, the user's own first."""
    return Constants(gemm_kernels(), gemm_residuals())


class Predicted(NamedTuple):
    """Cost of every row, NaN where no kernel was fitted, each [row].

    Attributes:
      time: of one GEMM [s].
      power: mean of the package [W].
      clock: over boost clock [1].
    """

    time: np.ndarray
    power: np.ndarray
    clock: np.ndarray


def predict(table: Table, constants: Constants) -> Predicted:
    """Return the cost of every row."""
    found = Predicted(*(np.full(len(table), np.nan) for _ in Predicted._fields))
    for kernel, rows in kernel_rows(table, constants):
        part = table.take(rows)
        work = _work(kernel, part, constants.residuals)
        # Names would make every kernel a program of its own to compile.
        bare = dataclasses.replace(kernel, residual=False, **_UNNAMED)
        cost = _costs(bare, part.shape, part.package, part.repeat, work)
        for whole, piece in zip(found, cost[:3], strict=True):
            whole[rows] = piece
    return found


def kernel_rows(
    table: Table, constants: Constants
) -> list[tuple[GemmKernel, np.ndarray]]:
    """Return the kernels of a table, each with a mask of its rows."""
    masks = [
        (kernel, (table.architecture == family) & (table.precision == precision))
        for (family, precision), kernel in constants.kernels.items()
    ]
    return [(kernel, mask) for kernel, mask in masks if mask.any()]


def _work(
    kernel: GemmKernel, part: Table, residuals: tuple[Residual, ...]
) -> np.ndarray:
    """Return the networks' factor on one kernel's rows; packages unseen have none."""
    ones = np.ones(len(part))
    if not kernel.residual:
        return ones
    names = [f"{kernel.name} {chip}" for chip in part.chip]
    for residual in residuals:
        series = places(residual, names)
        if (series >= 0).any():
            return np.asarray(work_factor(residual, part.shape, series))
    return ones


def places(residual: Residual, names: Iterable[str]) -> np.ndarray:
    """Return the places of "kernel chip" names in a network's series, -1 for none."""
    known = {name: index for index, name in enumerate(residual.series)}
    return np.asarray([known.get(name, -1) for name in names])


@jax.jit
def _costs(
    kernel: GemmKernel,
    shape: Shape,
    package: Package,
    repeat: ArrayLike,
    work: ArrayLike,
) -> GemmCost:
    return gemm(kernel, shape, package, repeat=repeat, work=work)
