"""What a validation says: how far predictions lie from what was measured."""

import json
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from supernode_opt.names import proper, spelled
from supernode_opt.results.telling.parts import STRONG, Grid, Part, Row, facts

# Half the width of a 90 % interval of a normal, in deviations.
_NINETY = 1.645


class _Table(NamedTuple):
    """Where a kind of validation holds what.

    Attributes:
      signs: variable that only it has.
      predicted, measured: what is compared.
      deviation: of the logarithm of what is predicted, "" where it is not known.
      judged: flag of rows that were never fitted, "" where there is none.
      fitted: the opposite flag, "" where there is none.
      groups: variables by whose values errors are told.
      words: what is compared, for people.
    """

    signs: str
    predicted: str
    measured: str
    deviation: str
    judged: str
    fitted: str
    groups: tuple[str, ...]
    words: str


_TABLES = (
    _Table(
        "measured_bandwidth",
        "predicted",
        "measured",
        "",
        "",
        "fitted",
        ("library", "operation", "machine"),
        "times of collectives",
    ),
    _Table(
        "measured_time",
        "predicted_time",
        "measured_time",
        "",
        "held_out",
        "",
        ("series", "regime"),
        "times of matrix products",
    ),
    _Table(
        "fit_probability",
        "predicted",
        "measured",
        "spread",
        "",
        "",
        ("stack",),
        "peaks of memory",
    ),
    _Table(
        "roofline",
        "predicted",
        "measured",
        "deviation",
        "",
        "fitted",
        ("quantity", "family", "machine", "model"),
        "rates and latencies of machines that serve",
    ),
    _Table(
        "deviation",
        "predicted",
        "measured",
        "deviation",
        "judged",
        "",
        ("accelerator", "stack", "grade"),
        "step times of training runs",
    ),
)
_HEADS = ("", "rows", "mean error", "median", "90th", "bias", "in 90 % range")


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a validation of any kind."""
    table = next(one for one in _TABLES if one.signs in dataset)
    known = np.isfinite(dataset[table.predicted].values)
    known &= np.isfinite(dataset[table.measured].values)
    parts = _parts(dataset, table, known)
    refused = json.loads(dataset.attrs.get("refused", "[]"))
    rows = [
        ("compared", table.words),
        *((name, f"{int(mask.sum())} rows") for name, mask in parts.items()),
        ("refused", f"{len(refused)} rows" if refused else ""),
        ("program", str(dataset.attrs.get("version", ""))),
    ]
    answer = Grid(
        _HEADS,
        tuple(
            Row(_cells(dataset, table, mask, name), STRONG)
            for name, mask in parts.items()
            if mask.any()
        ),
        numbers=tuple(range(1, len(_HEADS))),
    )
    # Where nothing could be predicted there is nothing to group either.
    judged = next((mask for mask in parts.values() if mask.any()), known)
    grids = [_by(dataset, table, judged, name) for name in table.groups]
    reasons = [str(why) for _, why in refused]
    lines = [f"{reasons.count(why)}: {why}" for why in dict.fromkeys(reasons)]
    return [
        Part("asked", "Asked", (), (facts(rows),)),
        Part("answer", "Error of predictions over measurements", (), (answer,)),
        Part("why", "Where the errors lie", (), tuple(g for g in grids if g.rows)),
        Part("refused", "Rows that could not be used", tuple(lines)),
    ]


def _parts(dataset: xr.Dataset, table: _Table, known: NDArray) -> dict[str, NDArray]:
    """Return which rows were never fitted, and which were."""
    if not table.judged and not table.fitted:
        return {"all rows": known}
    flags = dataset[table.judged or table.fitted].values.astype(bool)
    unseen = flags if table.judged else ~flags
    return {"never fitted": known & unseen, "fitted": known & ~unseen}


def _by(dataset: xr.Dataset, table: _Table, mask: NDArray, name: str) -> Grid:
    """Return errors by the values of one variable."""
    labels = dataset[name].values.astype(str)
    rows = [
        Row(_cells(dataset, table, mask & (labels == one), proper(one) or "-"))
        for one in sorted({*labels[mask]})
    ]
    heads = (spelled(name), *_HEADS[1:])
    title = f"By {spelled(name)}, {int(mask.sum())} rows"
    return Grid(heads, tuple(rows), title, tuple(range(1, len(heads))))


def _cells(
    dataset: xr.Dataset, table: _Table, mask: NDArray, name: str
) -> tuple[str, ...]:
    guess, real = (
        dataset[one].values[mask] for one in (table.predicted, table.measured)
    )
    error = guess / real - 1.0
    size = np.abs(error)
    cells = [
        name,
        str(len(error)),
        *(_percent(x) for x in (size.mean(), np.median(size))),
        _percent(np.percentile(size, 90.0)),
        f"{100.0 * error.mean():+.1f} %",
    ]
    if not table.deviation:
        return (*cells, "-")
    half = _NINETY * dataset[table.deviation].values[mask]
    inside = np.abs(np.log(guess / real)) <= half
    return (*cells, f"{100.0 * inside.mean():.0f} %")


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f} %"
