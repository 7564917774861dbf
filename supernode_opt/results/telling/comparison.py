"""What a comparison says: each machine with its best split, and which claims hold."""

import itertools
from collections.abc import Iterator

import xarray as xr

from supernode_opt.names import practice_words, proper, spelled, split_words
from supernode_opt.results.telling import machines
from supernode_opt.results.telling.parts import (
    FAINT,
    Grid,
    Part,
    Row,
    grid,
)
from supernode_opt.system.report import COMPARED, FACTS, SERVING_COMPARED, Report
from supernode_opt.units import quantity_of
from supernode_opt.words import figures

DIMENSIONS = ("precision", "model", "system")
# What to measure is a line of its own.
_NEXT = " Measure next: "
# Suffixes of a value and of the ends of its range.
ENDS = {"value": "", "low": "_low", "high": "_high"}
# Beyond this many claims only those that are open are worth a line.
MOST_SENTENCES = 16
FEASIBLE, OPEN, APART = "feasible", "depends", "not comparable"
_VERDICTS = {
    "holds": ("holds", "hold"),
    "fails": ("fails", "fail"),
    OPEN: ("depends on constants", "depend on constants"),
    APART: ("cannot be compared", "cannot be compared"),
}


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a comparison.

    Args:
      dataset: the result.
      everything: whether every claim is told, however many they are.
    """
    return [
        _asked(dataset),
        _answer(dataset),
        _claims(dataset, everything),
        _evidence(dataset),
    ]


def compared(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the quantities that machines are compared by, of training or serving."""
    serves = f"{SERVING_COMPARED[0]}_low" in dataset
    return SERVING_COMPARED if serves else COMPARED


def places(dataset: xr.Dataset) -> Iterator[dict[str, str]]:
    """Yield every machine with every model in every precision."""
    for one in itertools.product(*(dataset[name].values for name in DIMENSIONS)):
        yield dict(zip(DIMENSIONS, map(str, one), strict=True))


def _asked(dataset: xr.Dataset) -> Part:
    names = [str(name) for name in dataset["system"].values]
    models = [str(name) for name in dataset["model"].values]
    precisions = ", ".join(str(p).upper() for p in dataset["precision"].values)
    by = "output tokens per second" if _serves(dataset) else "tokens per second"
    split = f"the best legal split of each machine, by {by}"
    more = [("precision", precisions), ("split", split)]
    return machines.asked(dataset, names, models, more)


def _answer(dataset: xr.Dataset) -> Part:
    grids = []
    for model in dataset["model"].values:
        for precision in dataset["precision"].values:
            part = dataset.sel(model=model, precision=precision)
            grids.append(_table(part, str(model), str(precision)))
    lines = (
        "Below each value its 5-95 % range: the catalog's ranges and the covariance of"
        f" the calibration, {dataset.attrs['draws']} draws, in which what machines"
        " share is drawn once.",
        *_missing(dataset),
    )
    return Part("answer", "Answer", lines, tuple(grids))


def _missing(dataset: xr.Dataset) -> list[str]:
    """Say once which machine cannot be compared, and what is missing."""
    made: dict[tuple[str, str], list[str]] = {}
    for place in places(dataset):
        status = str(dataset["status"].sel(place).item())
        if status != FEASIBLE:
            where = f"{proper(place['model'])} in {place['precision'].upper()}"
            made.setdefault((place["system"], status), []).append(where)
    return [
        f"{system} has no design for {', '.join(where)}: {status}."
        for (system, status), where in made.items()
    ]


def _table(part: xr.Dataset, model: str, precision: str) -> Grid:
    """Return quantities down and machines across."""
    columns, heads = [], []
    for system in part["system"].values:
        one = part.sel(system=system)
        used = str(one["trained_in"].item())
        heads.append(str(system) if used == precision else f"{system} ({used.upper()})")
        columns.append(_column(one))
    names = ["chips", "split", *map(_heading, compared(part))]
    rows = [
        Row((name, *(column[place] for column in columns)), FAINT if place < 2 else "")
        for place, name in enumerate(names)
    ]
    numbers = tuple(range(1, len(heads) + 1))
    title = f"{proper(model)}, {precision.upper()}"
    return Grid(("", *heads), tuple(rows), title, numbers)


def _column(one: xr.Dataset) -> list[str]:
    if one["status"].item() != FEASIBLE:
        return ["-"] * (2 + len(compared(one)))
    design = {
        str(name).removeprefix("design_"): one[name].item()
        for name in one.data_vars
        if str(name).startswith("design_")
    }
    lines = split_words(design).split(", ")
    if not _serves(one):
        words = lines[0].split()
        pairs = [" ".join(pair) for pair in zip(words[::2], words[1::2], strict=True)]
        lines = [" ".join(pairs[k : k + 2]) for k in range(0, len(pairs), 2)]
    lines += practice_words(design)
    cells = [_cell(one, name) for name in compared(one)]
    return [figures(design["chips"]), "\n".join(lines), *cells]


def _serves(dataset: xr.Dataset) -> bool:
    return compared(dataset) is SERVING_COMPARED


def _heading(name: str) -> str:
    """Return name and unit of a quantity."""
    facts = FACTS[name]
    unit = "%" if facts.share else facts.shown[0] or quantity_of(Report, name).unit
    said = facts.label or spelled(name)
    return unit if said.split()[0].lower() in unit.lower() else f"{said} [{unit}]"


def _cell(one: xr.Dataset, name: str) -> str:
    factor = FACTS[name].shown[1]
    value, low, high = (
        figures(float(f"{factor * one[name + end].item():.3g}"))
        for end in ENDS.values()
    )
    return value if low == high else f"{value}\n{low}-{high}"


def _evidence(dataset: xr.Dataset) -> Part:
    """Say which measured runs each machine's ranges rest on, the same thing once."""
    found: dict[tuple[str, str], list[str]] = {}
    for place in places(dataset):
        said = str(dataset["evidence"].sel(place).item())
        if said:
            where = f"{proper(place['model'])} {place['precision'].upper()}"
            found.setdefault((place["system"], said), []).append(where)
    rows = [
        (system, f"{', '.join(where)}: {said}")
        for (system, said), where in found.items()
    ]
    title = "How far the software was calibrated on the likes of this"
    return Part("evidence", title, (), (grid((), rows, numbers=()),) if rows else ())


def _claims(dataset: xr.Dataset, everything: bool) -> Part:
    if not dataset.sizes.get("claim", 0):
        return Part("claims", "Claims")
    words = [str(word) for word in dataset["claim_word"].values]
    every = [str(line) for line in dataset["claim_sentence"].values]
    counts = {word: words.count(word) for word in dict.fromkeys(words)}
    said = ", ".join(
        f"{n} {_VERDICTS.get(word, (word, word))[n != 1]}" for word, n in counts.items()
    )
    head = f"Of {len(every)}: {said}."
    # What is missing for the others stands above, once for each machine.
    both = [(w, line) for w, line in zip(words, every, strict=True) if w != APART]
    if len(both) > MOST_SENTENCES and not everything:
        both = [pair for pair in both if pair[0] == OPEN][:MOST_SENTENCES]
        head += f" The first {len(both)} that depend on constants (report.txt has all):"
    lines = (line.replace(_NEXT, f"\n{_NEXT[1:]}").split("\n") for _, line in both)
    return Part("claims", "Claims", (head, *itertools.chain.from_iterable(lines)))
