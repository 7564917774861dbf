"""What a calibration says: constants, how well they are known, what is left over."""

import json

import numpy as np
import xarray as xr

from supernode_opt.names import spelled
from supernode_opt.results.telling.parts import Part, Row, facts, grid
from supernode_opt.words import spoken


def dataset_of(kind: str, answer: dict) -> xr.Dataset:
    """Make the dataset of a calibration of the answer that `calibrate` prints.

    Along `calibrated` lie the constants: `value`, `standard_error` and, of runs, what
    was known `before`, each in the constant's own unit.

    Args:
      kind: of measurements: runs, gemm or collectives.
      answer: as one JSON object.
    """
    rows = _constants(answer)
    columns = {
        name: ("calibrated", np.array([row.get(field) for row in rows], float))
        for name, field in (
            ("value", "value"),
            ("standard_error", "standard_error"),
            ("before", "prior"),
        )
    }
    names = np.array([row["name"] for row in rows], dtype=object)
    return xr.Dataset(
        columns,
        coords={"calibrated": names},
        attrs={
            "kind": "calibration",
            "of": kind,
            "platform": answer["platform"],
            "answer": json.dumps(answer),
        },
    )


def _constants(answer: dict) -> list[dict]:
    """Return every fitted constant of an answer by name."""
    found = list(answer.get("constants", ()))
    for one in (*answer.get("kernels", ()), *answer.get("libraries", ())):
        known = one.get("constants", {})
        rows = known.items() if isinstance(known, dict) else ()
        found += [{"name": f"{one['name']}: {key}", **row} for key, row in rows]
    return found


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a calibration."""
    answer = json.loads(dataset.attrs["answer"])
    rows = [
        ("platform", str(answer["platform"])),
        ("software stack", str(answer.get("stack", ""))),
        ("chip family", str(answer.get("family", ""))),
        ("fitted to", f"{answer['rows']} rows" if "rows" in answer else ""),
    ]
    errors = []
    for name, words in (
        ("before", "before the fit"),
        ("in_sample", "of the fitted rows"),
        ("cross_validated", "of rows left out in turn"),
    ):
        one = answer.get(name)
        if isinstance(one, dict) and "mape" in one:
            numbers = (one["mape"], one["median"], one["p90"])
            cells = (f"{100.0 * number:.1f} %" for number in numbers)
            errors.append((words, *cells))
    heads = ("error", "mean", "median", "90th percentile")
    lines = [str(one["says"]) for one in answer.get("left_over", ())]
    refused = [f"{one['run_id']}: {one['why']}" for one in answer.get("refused", ())]
    return [
        Part("asked", "Asked", (), (facts(rows),)),
        Part("answer", "How well it fits", (), (grid(heads, errors, "", (1, 2, 3)),)),
        _table(dataset, answer),
        Part("left", "Left over", tuple(lines)),
        Part("refused", "Rows that could not be used", tuple(refused)),
    ]


def _table(dataset: xr.Dataset, answer: dict) -> Part:
    columns = ("value", "standard_error", "before")
    known = [name for name in columns if np.isfinite(dataset[name].values).any()]
    said = {row["name"]: row.get("unit", "") for row in _constants(answer)}
    rows = [
        Row(
            (
                spelled(str(name)),
                *(
                    spoken(float(dataset[c].values[i]), said.get(name, ""))
                    for c in known
                ),
            )
        )
        for i, name in enumerate(dataset["calibrated"].values)
    ]
    heads = ("constant", *map(spelled, known))
    numbers = tuple(range(1, len(heads)))
    table = grid(heads, [], "", numbers)._replace(rows=tuple(rows))
    return Part("constants", "Constants", (), (table,))
