"""Measured collectives against the catalog's constants and a plain baseline."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray

from supernode_opt.batch.precise import precisely
from supernode_opt.calibration.collectives.constants import FLAGS, NAMES
from supernode_opt.calibration.collectives.fit import arrays
from supernode_opt.calibration.collectives.table import Measurement
from supernode_opt.calibration.data.runs import BadRuns
from supernode_opt.calibration.step_time.score import Errors, errors
from supernode_opt.catalog import UnknownEntry
from supernode_opt.catalog.collectives import collective
from supernode_opt.hardware.collective import Collective, collective_time


class Judged(NamedTuple):
    """A table with its predictions.

    Attributes:
      rows: what was measured.
      predicted: [row] [s].
      measured: [row] [s].
      baseline: latency and bandwidth, one of each per library and machine [row] [s].
      fitted: whether the row is of the half that calibrations fit [row].
    """

    rows: tuple[Measurement, ...]
    predicted: np.ndarray
    measured: np.ndarray
    baseline: np.ndarray
    fitted: np.ndarray


_time = jax.jit(collective_time)


@precisely
def judge(rows: Sequence[Measurement]) -> Judged:
    """Predict every row with the constants of the catalog.

    Raises:
      BadRuns: the catalog has none for a row.
    """
    fitted = np.asarray([row.is_fitted for row in rows])
    measured = np.asarray([row.seconds for row in rows])
    ranks, payload, rate, items, *_ = arrays(rows)
    predicted = np.asarray(_time(_constants(rows), ranks, payload, rate, items))
    return Judged(tuple(rows), predicted, measured, baseline(rows, fitted), fitted)


def _constants(rows: Sequence[Measurement]) -> Collective:
    """Stack the constants of all rows [row]."""
    fields = (*NAMES, *FLAGS)
    found: dict[tuple[str, str, str], list[float]] = {}
    table = []
    for row in rows:
        key = (row.library, row.operation, row.machine.fabric)
        if key not in found:
            try:
                one = collective(*key)
            except UnknownEntry as error:
                raise BadRuns(f"line {row.line}: {error}") from None
            found[key] = [float(getattr(one, field)) for field in fields]
        table.append(found[key])
    columns = np.asarray(table).T
    return Collective(**dict(zip(fields, columns, strict=True)), name="")


def bus_bytes(rows: Sequence[Measurement]) -> np.ndarray:
    """Return what every port must carry at least [row] [B] (nccl-tests)."""
    given = arrays(rows)
    return given.rounds * (given.ranks - 1.0) / given.ranks * given.payload


def baseline(rows: Sequence[Measurement], fitted: np.ndarray) -> np.ndarray:
    """Predict with one latency and one bandwidth per library and machine [row] [s].

    The two are taken from the `fitted` rows alone, where there are any.
    """
    keys = [(row.library, row.machine.name) for row in rows]
    measured = np.asarray([row.seconds for row in rows])
    moved = bus_bytes(rows)
    told = np.zeros(len(rows))
    for key in sorted(set(keys)):
        mine = np.asarray([other == key for other in keys])
        seen = mine & fitted if (mine & fitted).any() else mine
        latency, bandwidth = _line(moved[seen], measured[seen])
        told[mine] = latency + moved[mine] / bandwidth
    return told


def _line(moved: np.ndarray, measured: np.ndarray) -> tuple[float, float]:
    """Fit latency [s] and bandwidth [B/s] robustly in logarithms."""
    from scipy.optimize import least_squares

    start = np.log([measured.min(), max((moved / measured).max(), 1.0)])

    def residual(logs: np.ndarray) -> np.ndarray:
        return np.log(np.exp(logs[0]) + moved / np.exp(logs[1])) - np.log(measured)

    found = least_squares(residual, start, loss="soft_l1", f_scale=0.1)
    return float(np.exp(found.x[0])), float(np.exp(found.x[1]))


def errors_of(
    rows: Sequence[Measurement], predicted: np.ndarray, mask: np.ndarray
) -> Errors:
    """Return the errors of predictions [row] [s] on the rows of `mask`."""
    chosen = [row for row, used in zip(rows, mask, strict=True) if used]
    measured = np.asarray([row.seconds for row in chosen])
    return errors(predicted[mask], measured, [row.name for row in chosen])


def summary(seen: Judged, mask: np.ndarray) -> dict[str, Any]:
    """Return the errors of some rows as plain numbers, all relative [1]."""
    found = errors_of(seen.rows, seen.predicted, mask)._asdict()
    plain = np.abs(seen.baseline[mask] / seen.measured[mask] - 1.0)
    found["baseline_median"] = float(np.median(plain))
    found["baseline_mape"] = float(plain.mean())
    return found


def grouped(
    seen: Judged, label: Callable[[Measurement], str], mask: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Summarise the rows of `mask` by label."""
    labels = np.asarray([label(row) for row in seen.rows])
    return {
        str(name): summary(seen, mask & (labels == name))
        for name in sorted(set(labels[mask]))
    }


def report(seen: Judged) -> dict[str, Any]:
    """Return everything `validate --json` prints."""

    def machine_operation(row: Measurement) -> str:
        return f"{row.library} {row.machine.name} {row.operation}"

    everything = np.ones(len(seen.rows), bool)
    parts = {"fitted": seen.fitted, "never_fitted": ~seen.fitted, "all": everything}
    return {
        "kind": "collectives",
        "groups": {
            part: {
                "operation": grouped(seen, machine_operation, mask),
                "library": grouped(seen, lambda row: row.library, mask),
                "overall": summary(seen, mask) if mask.any() else None,
            }
            for part, mask in parts.items()
        },
        "rows": [_row(seen, row) for row in range(len(seen.rows))],
    }


def _row(seen: Judged, row: int) -> dict[str, Any]:
    one = seen.rows[row]
    told, real = float(seen.predicted[row]), float(seen.measured[row])
    return {
        "line": one.line,
        "library": one.library,
        "machine": one.machine.name,
        "operation": one.operation,
        "ranks": one.ranks,
        "bytes": one.payload,
        "tokens": one.items,
        "predicted_s": told,
        "measured_s": real,
        "error": told / real - 1.0,
        "baseline_s": float(seen.baseline[row]),
        "fitted": bool(seen.fitted[row]),
    }


def dataset(seen: Judged) -> xarray.Dataset:
    """Return the predictions as labelled arrays, ready for a file and for figures."""
    second, rate = {"units": "s"}, {"units": "B/s"}
    moved = bus_bytes(seen.rows)
    columns = {"library": {}, "operation": {}, "variant": {}}
    columns |= {"ranks": {}, "payload": {"units": "B"}, "items": {}}
    return xarray.Dataset(
        {
            "predicted": ("row", seen.predicted, second),
            "measured": ("row", seen.measured, second),
            "baseline": ("row", seen.baseline, second),
            "predicted_bandwidth": ("row", moved / seen.predicted, rate),
            "measured_bandwidth": ("row", moved / seen.measured, rate),
            "fitted": ("row", seen.fitted.astype(np.int8)),
            "machine": ("row", [row.machine.name for row in seen.rows]),
            **{
                name: ("row", [getattr(row, name) for row in seen.rows], units)
                for name, units in columns.items()
            },
        }
    )
