"""What an inversion says: the value at which a condition holds, and how surely."""

import json

import xarray as xr

from supernode_opt.names import practice_words, spelled, split_words
from supernode_opt.results.telling import machines
from supernode_opt.results.telling.parts import BAD, STRONG, Part, grid
from supernode_opt.words import both, figures, spoken


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of an inversion."""
    known = json.loads(dataset.attrs.get("lines", "[]"))
    sentence = f"{dataset.attrs['sentence']}."
    mark = STRONG if dataset.attrs["found"] else BAD
    # The question stands above, the sentence here.
    start = known.index(sentence) + 1 if sentence in known else len(known)
    why = Part("why", "Why", tuple(known[start:]))
    return [
        _asked(dataset),
        Part("answer", "Answer", (sentence,), mark=mark),
        why,
        _plans(dataset),
    ]


def _asked(dataset: xr.Dataset) -> Part:
    names = [str(name) for name in dataset["system"].values]
    attrs, quantity = dataset.attrs, str(dataset.attrs["quantity"])
    unit = dataset["at_solution"].attrs["units"]
    wanted = f"{spelled(quantity)} of {names[0]} equals"
    if len(names) > 1:
        wanted += f" that of {names[1]}"
    else:
        wanted += f" {spoken(float(attrs['target']), unit)}"
    constant = dataset["constant"]
    name = str(constant.attrs["long_name"])
    ends = (float(constant.values[0]), float(constant.values[-1]))
    more = [
        ("precision", machines.precision_of(dataset)),
        ("condition", wanted),
        ("sought", f"{spelled(name)}, {_within(dataset, *ends)}"),
    ]
    return machines.asked(dataset, names, [machines.model_of(dataset)], more)


def _within(dataset: xr.Dataset, low: float, high: float) -> str:
    """Write a bracket in the unit of the catalog."""
    unit = str(dataset.attrs["own_unit"])
    if unit == "K":
        return both(low, high, "K")
    factor = float(dataset.attrs["factor"])
    ends = " to ".join(figures(float(f"{end / factor:.4g}")) for end in (low, high))
    return ends if unit in ("", "1") else f"{ends} {unit}"


def _plans(dataset: xr.Dataset) -> Part:
    plans = json.loads(dataset.attrs.get("plans", "[]"))
    rows = []
    for name, plan in zip(dataset["system"].values, plans, strict=False):
        words = [split_words(plan), *practice_words(plan)]
        rows.append((str(name), ", ".join(filter(None, words))))
    table = grid(("machine", "split"), rows, numbers=())
    return Part("splits", "Split of each machine", (), (table,))
