"""Parameters of a model by its shape, against what people say that it has."""

import re

from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import embedding_parameters, parameters

# A stated count agrees within this share; model cards give three figures.
AGREES = 0.02
# A size in a name is rounded: "70B" of 70.6 billion, "7B" of 7.6, "9B" of 9.24.
ROUNDED = 0.1
_SIZES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
# Not the experts of "8x7B" nor the active part of "A3B".
_NAMED = re.compile(r"(?<![\dxXA.])(\d+(?:\.\d+)?) ?([mMbBtT])(?![A-Za-z\d])")


def named_size(name: str) -> tuple[float, float] | None:
    """Return the parameters that a name tells and one unit of its last digit [1].

    >>> named_size("Llama-3.1-70B"), named_size("Mixtral-8x7B")
    ((70000000000.0, 1000000000.0), None)
    """
    found = _NAMED.search(name)
    if found is None:
        return None
    size = _SIZES[found[2].lower()]
    digits = len(found[1].partition(".")[2])
    return float(found[1]) * size, size / 10**digits


def doubt(model: Model, name: str, stated: float | None = None) -> str | None:
    """Say that a shape has another number of parameters than it should.

    Args:
      model: the shape.
      name: may tell its size.
      stated: parameters that it must have [1].

    Returns:
      `None` where they agree: within 2 % of what is stated; of a name within 10 % or
      one unit of its last digit, the tables of the vocabulary counted or not.
    """
    count = float(parameters(model))
    if stated is not None:
        off = count / stated - 1.0
        return None if abs(off) <= AGREES else _said(count, stated, off, "stated")
    told = named_size(name)
    if told is None:
        return None
    wanted, unit = told
    tables = float((2.0 - model.tied) * embedding_parameters(model))
    off = min((count, count - tables), key=lambda n: abs(n - wanted)) / wanted - 1.0
    if abs(off) <= max(ROUNDED, unit / wanted):
        return None
    return _said(count, wanted, count / wanted - 1.0, f"that {name!r} tells")


def spoken_count(count: float) -> str:
    """Write a number of parameters as people do.

    >>> spoken_count(70.554e9), spoken_count(1.0264e12), spoken_count(494e6)
    ('70.55 B', '1026 B', '494 M')
    """
    size, letter = (1e9, "B") if count >= 0.9995e9 else (1e6, "M")
    return f"{count / size:.4g} {letter}"


def _said(count: float, wanted: float, off: float, why: str) -> str:
    more = "more" if off > 0.0 else "fewer"
    return (
        f"has {spoken_count(count)} parameters by its shape, {100.0 * abs(off):.0f} %"
        f" {more} than the {spoken_count(wanted)} {why}"
    )
