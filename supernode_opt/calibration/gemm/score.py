"""Predicted against measured time and watts of GEMMs, and what costs nothing beside."""

from typing import Any, NamedTuple

import numpy as np
import xarray

from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.gemm.fit import CAPPED, SETTLED
from supernode_opt.calibration.gemm.predict import Constants, kernel_rows, predict
from supernode_opt.calibration.gemm.table import Table, held_out
from supernode_opt.hardware.gemm import cast_time, traffic


class Scored(NamedTuple):
    """A table with predictions.

    Attributes:
      table: rows that a kernel was fitted for.
      time, power, regime: predicted [row] [s], [W], and what decides the time [row].
      unseen: rows of the half of all shapes that no fit sees [row].
      baselines: time [s] and watts [W] of a constant fraction of peak and of limit per
        series, medians of the other half [2, row].
      elasticities: what a higher power limit buys on unseen shapes.
      refused: series without a kernel, and how many rows they have.
    """

    table: Table
    time: np.ndarray
    power: np.ndarray
    regime: np.ndarray
    unseen: np.ndarray
    baselines: np.ndarray
    elasticities: tuple["Elasticity", ...]
    refused: dict[str, int]


class Elasticity(NamedTuple):
    """What a higher power limit buys on shapes capped at both limits.

    Attributes:
      kernel: name of the constants.
      shapes: how many.
      limit: ratio of the limits [1].
      measured: median ratio of times, low limit over high [1].
      predicted: the same, of the predictions [1].
    """

    kernel: str
    shapes: int
    limit: float
    measured: float
    predicted: float


@precisely
def score(table: Table, constants: Constants) -> Scored:
    """Predict every row that a kernel was fitted for."""
    known = np.isfinite(predict(table, constants).time)
    names, counts = np.unique(table.series[~known], return_counts=True)
    table = table.take(known)
    cost = predict(table, constants)
    unseen = held_out(table)
    elasticities = [
        _elasticity(kernel.name, table.take(rows & unseen), cost.time[rows & unseen])
        for kernel, rows in kernel_rows(table, constants)
    ]
    return Scored(
        table,
        cost.time,
        cost.power,
        _regimes(table, constants),
        unseen,
        _baselines(table, unseen),
        tuple(one for one in elasticities if one is not None),
        dict(zip(map(str, names), map(int, counts), strict=True)),
    )


def _regimes(table: Table, constants: Constants) -> np.ndarray:
    """Name what decides the time of each row [row].

    Launch and cast of half the time come first, then memory that takes longer than
    arithmetic at boost clock; measured watts tell "capped" from "below limit", and
    those of kernels too short for a power sensor are "brief".
    """
    capped = table.power > CAPPED * table.limit
    regime = np.where(capped, "capped", "below limit").astype("<U12")
    regime[~capped & (table.time < SETTLED)] = "brief"
    for kernel, rows in kernel_rows(table, constants):
        part = table.take(rows)
        own, named = part.package, regime[rows]
        memory = np.asarray(traffic(kernel, part.shape)) / own.bandwidth
        rate = kernel.array_efficiency * np.asarray(own.peak)
        named[memory > part.flops / rate] = "memory"
        before = kernel.launch_time + np.asarray(cast_time(kernel, part.shape, own))
        named[before > 0.5 * part.time] = "launch, cast"
        regime[rows] = named
    return regime


def _baselines(table: Table, unseen: np.ndarray) -> np.ndarray:
    """Return time and watts from one fraction per series [2, row]."""
    told = np.full((2, len(table)), np.nan)
    peak = np.asarray(table.package.peak)
    for name in set(table.series):
        rows = table.series == name
        seen = rows & ~unseen if (rows & ~unseen).any() else rows
        reached = np.median(table.flops[seen] / table.time[seen] / peak[seen])
        read = seen & np.isfinite(table.power)
        drawn = np.median(table.power[read] / table.limit[read]) if read.any() else 0.0
        told[0, rows] = table.flops[rows] / (reached * peak[rows])
        told[1, rows] = drawn * table.limit[rows]
    return told


def _elasticity(name: str, table: Table, time: np.ndarray) -> Elasticity | None:
    """Compare the lowest and highest limit; `None` without shapes capped at both."""
    if not len(table):
        return None
    limits = float(np.min(table.limit)), float(np.max(table.limit))
    capped = table.power > CAPPED * table.limit
    sides = list(zip(table.m, table.n, table.k, strict=True))
    found = [
        {sides[row]: row for row in np.flatnonzero(capped & (table.limit == limit))}
        for limit in limits
    ]
    both = sorted(set(found[0]) & set(found[1]))
    if limits[0] == limits[1] or not both:
        return None
    low, high = (np.asarray([rows[shape] for shape in both]) for rows in found)
    return Elasticity(
        name,
        len(both),
        limits[1] / limits[0],
        float(np.median(table.time[low] / table.time[high])),
        float(np.median(time[low] / time[high])),
    )


def report(seen: Scored) -> dict[str, Any]:
    """Return everything `validate --json` prints about a table of GEMMs."""
    return {
        "kind": "gemm",
        "groups": groups(seen),
        "elasticities": [one._asdict() for one in seen.elasticities],
        "refused": [
            {"series": name, "rows": count, "why": "no kernel was fitted for it"}
            for name, count in seen.refused.items()
        ],
        "rows": _rows(seen),
    }


def groups(seen: Scored) -> dict[str, list[dict[str, Any]]]:
    """Return the errors of either half, per package, precision and regime."""
    halves = {"held_out": seen.unseen, "fit_half": ~seen.unseen}
    return {name: _groups(seen, mask) for name, mask in halves.items()}


def _groups(seen: Scored, mask: np.ndarray) -> list[dict[str, Any]]:
    found = []
    time, watts = seen.baselines
    for name in sorted(set(seen.table.series[mask])):
        own = mask & (seen.table.series == name)
        for regime in ("all", *sorted(set(seen.regime[own]))):
            rows = own if regime == "all" else own & (seen.regime == regime)
            chip, precision = name.split()
            found.append(
                {
                    "chip": chip,
                    "precision": precision,
                    "regime": regime,
                    "rows": int(rows.sum()),
                    "time": _sizes(seen.time, seen.table.time, rows, time),
                    "watts": _sizes(seen.power, seen.table.power, rows, watts),
                }
            )
    return found


def _sizes(
    told: np.ndarray, real: np.ndarray, rows: np.ndarray, baseline: np.ndarray
) -> dict[str, float] | None:
    """Summarise relative errors; `None` where nothing was measured."""
    rows = rows & np.isfinite(real)
    if not rows.any():
        return None
    error = told[rows] / real[rows] - 1.0
    return {
        "median": float(np.median(np.abs(error))),
        "p90": float(np.quantile(np.abs(error), 0.9)),
        "bias": float(np.median(error)),
        "baseline": float(np.median(np.abs(baseline[rows] / real[rows] - 1.0))),
    }


def _rows(seen: Scored) -> list[dict[str, Any]]:
    table, read = seen.table, np.isfinite(seen.table.power)
    columns = {
        "series": table.series,
        **{side: getattr(table, side) for side in "mnk"},
        "regime": seen.regime,
        "held_out": seen.unseen,
        "predicted_time_s": seen.time,
        "measured_time_s": table.time,
        "predicted_power_w": seen.power,
        "measured_power_w": np.where(read, table.power, np.asarray(None)),
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def dataset(seen: Scored) -> xarray.Dataset:
    """Return the predictions as labelled arrays, ready for a file and for figures."""
    table, second, watt = seen.table, {"units": "s"}, {"units": "W"}
    return xarray.Dataset(
        {
            "predicted_time": ("gemm", seen.time, second),
            "measured_time": ("gemm", table.time, second),
            "predicted_power": ("gemm", seen.power, watt),
            "measured_power": ("gemm", table.power, watt),
            "limit": ("gemm", table.limit, watt),
            "series": ("gemm", table.series),
            "regime": ("gemm", seen.regime),
            "held_out": ("gemm", np.asarray(seen.unseen, np.int8)),
            **{side: ("gemm", getattr(table, side)) for side in "mnk"},
        }
    )
