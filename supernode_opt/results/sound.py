"""Whether a dataset holds what a result holds: names, shapes, kinds and notes."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from pydantic import BaseModel, TypeAdapter, ValidationError

from supernode_opt.reading import document
from supernode_opt.reading.node import InputError
from supernode_opt.results import served
from supernode_opt.units import UnitError, parse

_CONSTRAINT = ("value", "limit", "margin", "multiplier", "at_most", "tight")
# Beyond any quantity of a machine, in any unit; figures raise numbers to powers.
_VAST = 1e60
_OPERATOR = ("flops", "bytes", "time")


class _Evidence(BaseModel):
    sentence: str


class _Alternative(BaseModel):
    objective: float
    design: dict[str, float | str]
    loses: list[str] = []
    wins: str = ""


class _Extreme(BaseModel):
    words: str
    what: str
    value: float
    best: float
    objective: float
    design: dict[str, float | str]
    differs: str = ""


class _Requests(BaseModel):
    input_length: float
    output_length: float
    arrival_rate: float
    concurrency: float
    cached_share: float
    ttft_limit: float
    tpot_limit: float
    ttft_percentile: float
    tpot_percentile: float
    ranks_per_chip: float
    experts: float
    weight_precision: str
    expert_precision: str
    activation_precision: str
    cache_precision: str


_REQUESTS = TypeAdapter(_Requests)
# Every note of a result and what it is.
_NOTES: dict[str, TypeAdapter[Any]] = {
    "status": TypeAdapter(str),
    "message": TypeAdapter(str),
    "certificate": TypeAdapter(dict | None),
    "alternatives": TypeAdapter(list[_Alternative] | None),
    "prices": TypeAdapter(list[str] | None),
    "relaxation": TypeAdapter(list[tuple[str, float]] | None),
    "evaluations": TypeAdapter(float),
    "wall_s": TypeAdapter(float),
}


# Notes that results of older versions lack.
_LATER: dict[str, TypeAdapter[Any]] = {
    "assumed": TypeAdapter(list[str]),
    "evidence": TypeAdapter(_Evidence | None),
    "narrows": TypeAdapter(dict[str, float]),
    "extremes": TypeAdapter(list[_Extreme]),
}
_TEXTS = ("precision", "chip", "model", "system", "software", "stack", "subject")
_COUNTS = ("parameters", "active_parameters")


class Unsound(ValueError):
    """What a dataset lacks to be a result."""


def check_requests(dataset: xr.Dataset) -> None:
    """Refuse a dataset whose machine serves something that cannot be read.

    Raises:
      Unsound: it is so.
    """
    text = dataset.attrs.get(served.NAME)
    if text is None:
        return
    try:
        known = _REQUESTS.validate_json(text, strict=True)
    except (TypeError, ValueError):
        said = "what it serves cannot be read"
        raise Unsound(f"its attribute `{served.NAME}`: {said}") from None
    positive = known.input_length > 0.0 and known.ranks_per_chip > 0.0
    _require(positive, "what it serves has no length")
    for name in served.NEEDED:
        _require(_is_scalar(dataset, name), f"it lacks the number `{name}`")


def check(
    dataset: xr.Dataset,
    parts: Iterable[str],
    headline: Iterable[str],
    totals: Iterable[str],
) -> None:
    """Refuse a dataset that is no whole result.

    Args:
      dataset: as read.
      parts: variables that divide a total.
      headline: scalars that every result has.
      totals: those that are printed with their parts.

    Raises:
      Unsound: something is missing or of another kind.
    """
    _check_question(dataset)
    later = {name: kind for name, kind in _LATER.items() if name in dataset.attrs}
    for name, kind in {**_NOTES, **later}.items():
        _require(name in dataset.attrs, f"it lacks the note `{name}`")
        try:
            kind.validate_json(dataset.attrs[name], strict=True)
        except (TypeError, ValueError) as error:
            wrong = isinstance(error, ValidationError) and error.errors()[0]["type"]
            kept = wrong and not str(wrong).startswith("json")
            said = "of another kind" if kept else "no JSON"
            raise Unsound(f"its note `{name}` is {said}") from None
    objective = dataset.attrs.get("objective")
    _require(isinstance(objective, str), "it lacks the objective")
    _require(_is_number(dataset.attrs.get("seed")), "it lacks the seed")
    for word in _TEXTS:
        known = dataset.attrs.get(word, "")
        _require(isinstance(known, str), f"its attribute `{word}` is no text")
    for word in _COUNTS:
        number = _is_number(dataset.attrs.get(word, 0.0))
        _require(number, f"its attribute `{word}` is no number")
    _require(
        len({*_COUNTS} & dataset.attrs.keys()) != 1, "it has one count of parameters"
    )
    if "interval_low" in dataset or "interval_high" in dataset:
        _check_rows(dataset, "quantity", ("low", "high"), "interval")
    for name in (*headline, str(objective), "chip_peak", "chip_peak_bandwidth"):
        _require(_is_scalar(dataset, name), f"it lacks the number `{name}`")
    for name in map(str, dataset.data_vars):
        numeric = dataset[name].dtype.kind == "f"
        _require(numeric or _is_text(dataset[name]), f"`{name}` is of another kind")
        if name.startswith("design_"):
            _require(not dataset[name].dims, f"`{name}` has another shape")
        if not dataset[name].dims:
            units = dataset[name].attrs.get("units")
            _require(isinstance(units, str), f"`{name}` lacks its unit")
    for name in parts:
        _check_part(dataset, name)
    for whole in totals:
        total = float(dataset[whole])
        _require(0.0 < total < _VAST, f"`{whole}` is {total}")
    for roof in ("chip_peak", "chip_peak_bandwidth"):
        _require(0.0 < float(dataset[roof]) < _VAST, f"`{roof}` is beyond all roofs")
    _check_rows(dataset, "constraint", _CONSTRAINT)
    _require(
        "constraint_unit" in dataset
        and dataset["constraint_unit"].dims == ("constraint",)
        and _is_text(dataset["constraint_unit"]),
        "it lacks `constraint_unit`",
    )
    if any(f"operator_{name}" in dataset for name in _OPERATOR):
        _check_rows(dataset, "operator", _OPERATOR)
        for name in _OPERATOR:
            values = dataset[f"operator_{name}"].values
            sound = bool(((values >= 0.0) & (values < _VAST)).all())
            _require(sound, f"`operator_{name}` is not finite")
    _check_history(dataset)


def _require(so: bool, otherwise: str) -> None:
    if not so:
        raise Unsound(otherwise)


def _check_question(dataset: xr.Dataset) -> None:
    text = dataset.attrs.get("study")
    _require(isinstance(text, str), "it lacks the study")
    try:
        top = document.parse(str(text), "study").plain()
    except InputError:
        raise Unsound("its study is no study") from None
    for word in ("name", "question"):
        _require(isinstance(top.get(word, ""), str), f"the {word} of its study")
    _require("name" in top, "its study has no name")
    design = top.get("design")
    _require(isinstance(design, dict), "its study has no design")
    for name, asked in design.items():
        if isinstance(asked, dict):
            unit = dataset.get(f"design_{name}", xr.DataArray()).attrs.get("units")
            sound = all(_is_bound(asked.get(word), unit) for word in ("low", "high"))
            sound = sound and all(_is_bound(bound, unit) for bound in asked.values())
        elif isinstance(asked, list):
            sound = all(isinstance(word, str) for word in asked)
        else:
            sound = _is_number(asked) or isinstance(asked, str)
        _require(sound, f"`{name}` of its study is of another kind")


def _check_part(dataset: xr.Dataset, name: str) -> None:
    _require(name in dataset, f"it lacks `{name}`")
    part = dataset[name]
    _require(part.ndim == 1 and part.dtype.kind == "f", f"`{name}` has another shape")
    labels = dataset.get(part.dims[0])
    _require(labels is not None and _is_text(labels), f"the parts of `{name}`")
    sound = bool((np.abs(part.values) < _VAST).all())
    _require(sound, f"`{name}` is not finite")
    _require(isinstance(part.attrs.get("units"), str), f"`{name}` lacks its unit")


def _check_rows(
    dataset: xr.Dataset, row: str, columns: tuple[str, ...], start: str = ""
) -> None:
    known = dataset.coords.get(row)
    if known is None or known.dims != (row,):
        raise Unsound(f"it lacks `{row}`")
    _require(not known.size or _is_text(known), f"`{row}` are no names")
    for column in columns:
        name = f"{start or row}_{column}"
        sound = name in dataset and dataset[name].dims == (row,)
        _require(sound and dataset[name].dtype.kind == "f", f"it lacks `{name}`")


def _check_history(dataset: xr.Dataset) -> None:
    if "best_objective" not in dataset:
        return
    for name in ("best_objective", "worst_violation", "worst_constraint"):
        sound = name in dataset and dataset[name].dims == ("iteration",)
        _require(sound, f"it lacks `{name}`")
    numeric = all(
        dataset[name].dtype.kind == "f"
        for name in ("best_objective", "worst_violation")
    )
    steps = dataset.coords.get("iteration")
    sound = numeric and steps is not None and steps.dtype.kind in "iu"
    _require(sound and _is_text(dataset["worst_constraint"]), "its history")
    units = dataset["best_objective"].attrs.get("units")
    _require(isinstance(units, str), "`best_objective` lacks its unit")


def _is_number(value: Any) -> bool:
    kinds = (int, float, np.integer, np.floating)
    return isinstance(value, kinds) and not isinstance(value, bool)


def _is_bound(value: Any, unit: Any) -> bool:
    if not isinstance(value, str) or not isinstance(unit, str):
        return _is_number(value)
    try:
        return math.isfinite(parse(value, unit))
    except UnitError:
        return False


def _is_scalar(dataset: xr.Dataset, name: str) -> bool:
    found = dataset.get(name)
    return found is not None and not found.dims and found.dtype.kind == "f"


def _is_text(array: xr.DataArray) -> bool:
    return array.dtype.kind in "OUT" and all(
        isinstance(v, str) for v in array.values.flat
    )
