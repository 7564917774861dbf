"""Which uncertain constants a quantity hangs on: Sobol indices and elasticities.

The first index of a factor is the share of variance that knowing it would take away on
average, the total index the share that would be left if all else were known (Sobol
2001, doi:10.1016/S0378-4754(00)00270-6; estimators of Saltelli et al. 2010,
doi:10.1016/j.cpc.2009.09.018), both with 95 % intervals by bootstrap, by SALib.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from supernode_opt.config import resolve
from supernode_opt.config.study import Study
from supernode_opt.reading.node import StudyError, did_you_mean, shown
from supernode_opt.results.versions import stamp
from supernode_opt.sweep.factors import Factors, drawn, elasticities, ends, factors_of
from supernode_opt.sweep.subject import about
from supernode_opt.system.report import Report, scalars
from supernode_opt.uncertainty.worth import called
from supernode_opt.units import label, quantity_of

SAMPLES = 512
_RESAMPLES = 200


class Indices(NamedTuple):
    """Shares of variance, with half-widths of 95 % intervals [factor] [1]."""

    names: tuple[str, ...]
    first: NDArray
    first_half: NDArray
    total: NDArray
    total_half: NDArray


def sobol_indices(
    groups: Sequence[str],
    quantity: Callable[[NDArray], NDArray],
    samples: int,
    seed: int,
) -> Indices:
    """Return the Sobol indices of a quantity.

    Args:
      groups: the factor that each column belongs to.
      quantity: from points of the unit cube [point, column] to values [point].
      samples: base samples, a power of two; there are (factors + 2) times as many.
      seed: of samples and of the bootstrap.
    """
    from SALib.analyze import sobol as analyzing
    from SALib.sample import sobol as sampling

    columns = [f"x{index}" for index in range(len(groups))]
    asked: dict[str, Any] = {
        "num_vars": len(groups),
        "names": columns,
        "bounds": [[0.0, 1.0]] * len(groups),
        "groups": list(groups),
    }
    with warnings.catch_warnings():
        # Of SALib's own use of pandas and SciPy.
        warnings.simplefilter("ignore")
        points = sampling.sample(asked, samples, calc_second_order=False, seed=seed)
        found = analyzing.analyze(
            asked,
            quantity(points),
            calc_second_order=False,
            num_resamples=_RESAMPLES,
            seed=seed,
        )
    names = tuple(dict.fromkeys(groups))
    first, first_half, total, total_half = (
        np.asarray(found[name]) for name in ("S1", "S1_conf", "ST", "ST_conf")
    )
    return Indices(names, first, first_half, total, total_half)


def sensitivity(
    study: Study, quantity: str, samples: int = SAMPLES, seed: int | None = None
) -> xr.Dataset:
    """Tell which uncertain constants a quantity of the one design of a study hangs on.

    Args:
      study: nothing in it is free.
      quantity: field of `Report`.
      samples: base samples of the Sobol indices, a power of two.
      seed: of them; the study's if not given.

    Returns:
      Dimension `factor`: `first_order` and `total` indices, and half-widths of their
      95 % intervals.  Dimension `constant`: `elasticity`, and the relative change of
      the quantity at the `low` and the `high` end of the constant's range.

    Raises:
      StudyError: there is no such quantity, or something is free.
    """
    known = scalars(study.problem.scenario)
    if quantity not in known:
        near = did_you_mean(quantity, known)
        raise StudyError(f"{shown(quantity)} is no reported quantity{near}")
    if study.free:
        free = ", ".join(study.free)
        raise StudyError(f"sensitivity needs every variable frozen; free are: {free}")
    if samples < 2 or samples & (samples - 1):
        raise StudyError(f"--samples must be a power of two, but is {samples}")
    factors, seed = factors_of(study), study.seed if seed is None else seed
    groups = factors.groups

    def values(points: NDArray) -> NDArray:
        # Sobol points may lie on the edge of the cube, which no normal does.
        inside = np.clip(points, 1e-12, 1.0 - 1e-12)
        return drawn(factors, quantity, ndtri(inside))

    found = sobol_indices(groups, values, samples, seed)
    dataset = _with_constants(_with_indices(found), factors, quantity)
    return dataset.assign_attrs(
        kind="sensitivity",
        quantity=quantity,
        quantity_units=quantity_of(Report, quantity).unit or "1",
        subject=", ".join(about(study)),
        study=resolve.text(study),
        samples=samples,
        evaluations=samples * (len(found.names) + 2),
        seed=seed,
        **stamp(),
    )


def _with_indices(found: Indices) -> xr.Dataset:
    order = np.argsort(-found.total, kind="stable")
    names = np.asarray(found.names, dtype=object)[order]
    dataset = xr.Dataset(coords={"factor": ("factor", names)})
    for name, values, words in (
        ("first_order", found.first, "share of variance explained alone"),
        ("first_order_half", found.first_half, "half-width of its 95 % interval"),
        ("total", found.total, "share of variance with what it shares"),
        ("total_half", found.total_half, "half-width of its 95 % interval"),
    ):
        told = {"units": "1", "long_name": words}
        dataset[name] = ("factor", values[order], told)
    return dataset


def _with_constants(dataset: xr.Dataset, factors: Factors, quantity: str) -> xr.Dataset:
    """Add elasticities and the changes at both ends, the largest change first."""
    slopes, told = elasticities(factors, quantity), ends(factors, quantity)
    value, low, high = told[0], told[1::2] / told[0] - 1.0, told[2::2] / told[0] - 1.0
    order = np.argsort(-np.maximum(np.abs(low), np.abs(high)), kind="stable")
    every = list(factors.known.items())
    names = np.asarray([called(one) for one, _ in every], dtype=object)[order]
    dataset = dataset.assign_coords(constant=("constant", names))
    ranges = np.asarray([[c.value, c.low, c.high] for _, c in every]).reshape(-1, 3)
    for name, values, words in (
        ("elasticity", slopes, f"d ln {label(quantity, '')} / d ln constant"),
        ("low", low, "relative change at the low end"),
        ("high", high, "relative change at the high end"),
        ("constant_value", ranges[:, 0], "value of the constant, SI"),
        ("constant_low", ranges[:, 1], "low end of its range, SI"),
        ("constant_high", ranges[:, 2], "high end of its range, SI"),
    ):
        dataset[name] = ("constant", values[order], {"units": "1", "long_name": words})
    unit = quantity_of(Report, quantity).unit or "1"
    dataset["value"] = ((), value, {"units": unit, "long_name": label(quantity, "")})
    return dataset
