"""The printed comparison, from its dataset alone."""

import io
import itertools
import json
from typing import Any

import numpy as np
import xarray as xr
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table

from supernode_opt.compare.program import QUANTITIES
from supernode_opt.results import store
from supernode_opt.system.report import FACTS
from supernode_opt.words import figures

WIDTH = 124
DIMENSIONS = ("precision", "model", "system")
# Suffixes of a value and of the ends of its range.
ENDS = {"value": "", "low": "_low", "high": "_high"}
_SIZES = {
    "TP": "tensor_parallel",
    "PP": "pipeline_parallel",
    "CP": "context_parallel",
    "EP": "expert_parallel",
    "VP": "interleave",
    "MB": "micro_batch",
}
# Beyond this many claims only those that depend on a constant are worth a line.
MOST_SENTENCES = 16


def render(dataset: xr.Dataset) -> str:
    """Return the whole comparison as plain text, every claim in it."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(tables(dataset, everything=True))
    lines = console.file.getvalue().splitlines()  # type: ignore[union-attr]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def tables(dataset: xr.Dataset, everything: bool = False) -> Group:
    """Return what a person wants to know of a comparison, ready to print."""
    shown: list[RenderableType] = []
    if dataset.attrs["question"]:
        shown += [dataset.attrs["question"], ""]
    for model in dataset["model"].values:
        for precision in dataset["precision"].values:
            part = dataset.sel(model=model, precision=precision)
            shown += [_table(part, str(model), str(precision))]
    shown += ["5-95 % below each value: the catalog's ranges and the fit's covariance,"]
    shown += [f"{dataset.attrs['draws']} draws, what machines share drawn once.", ""]
    shown += [*_evidence(dataset), ""]
    return Group(*shown, *_sentences(dataset, everything))


def _table(part: xr.Dataset, model: str, precision: str) -> Table:
    table = Table(
        title=f"{model}, {precision.upper()}", title_justify="left", box=box.SIMPLE
    )
    table.add_column("machine, best split", no_wrap=True)
    for name in QUANTITIES:
        table.add_column(_heading(name), justify="right", no_wrap=True)
    for system in part["system"].values:
        one = part.sel(system=system)
        trained = str(one["trained_in"].item())
        head = str(system) + ("" if trained == precision else f" ({trained.upper()})")
        if one["status"].item() != "feasible":
            table.add_row(f"{head}\nnone: {one['status'].item()}")
            continue
        table.add_row(f"{head}\n{_split(one)}", *(_cell(one, n) for n in QUANTITIES))
    return table


def _evidence(dataset: xr.Dataset) -> list[str]:
    """Say which measured runs each machine's ranges rest on, the same thing once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in itertools.product(*(dataset[name].values for name in DIMENSIONS)):
        told = dataset["evidence"].sel(dict(zip(DIMENSIONS, one, strict=True))).item()
        precision, model, system = map(str, one)
        if told:
            found.setdefault((system, model, told), []).append(precision.upper())
    return [
        f"evidence of {system}, {model} {', '.join(precisions)}: {told}"
        for (system, model, told), precisions in found.items()
    ]


def _heading(name: str) -> str:
    """Return what a column is called: what is counted says its unit, a share itself."""
    facts = FACTS[name]
    return f"{facts.label or name} %" if facts.share else facts.shown[0]


def _cell(one: xr.Dataset, name: str) -> str:
    factor = FACTS[name].shown[1]
    value, low, high = (
        figures(float(f"{factor * x:.3g}")) for x in _range(one, name).values()
    )
    return value if low == high else f"{value}\n{low}-{high}"


def _split(one: xr.Dataset) -> str:
    sizes = {word: int(one[f"design_{name}"]) for word, name in _SIZES.items()}
    kept = [f"{word}{size}" for word, size in sizes.items() if size > 1]
    kept += [one["design_optimizer_sharding"].item().replace("zero", "Z")]
    recompute = one["design_recompute"].item()
    kept += [] if recompute == "none" else [f"{recompute} RC"]
    return f"{int(one['design_chips'])}: {' '.join(kept)}"


def _sentences(dataset: xr.Dataset, everything: bool) -> list[Any]:
    words, every = dataset["claim_word"].values, dataset["claim_sentence"].values
    lines = [str(sentence) for sentence in every]
    counts = {word: int(np.sum(words == word)) for word in dict.fromkeys(words)}
    head = ", ".join(f"{count} {word}" for word, count in counts.items())
    title = f"{len(lines)} claims: {head}"
    if len(lines) > MOST_SENTENCES and not everything:
        lines = [
            line for line, word in zip(lines, words, strict=True) if word == "depends"
        ]
        lines = lines[:MOST_SENTENCES]
        title += f"; the first {len(lines)} that depend (all are in report.txt):"
    return [title, *lines] if len(every) else []


def summary(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the comparison as one JSON object, in SI; what is no number is null."""
    axes = (dataset[name].values for name in DIMENSIONS)
    places = (dict(zip(DIMENSIONS, at, strict=True)) for at in itertools.product(*axes))
    conditions = json.loads(dataset.attrs["conditions"])
    narrows = json.loads(dataset.attrs["measure_next"])
    claims = [
        {
            "sentence": one["claim_sentence"].item(),
            "verdict": one["claim_word"].item(),
            "share": one["claim_share"].item(),
            "ratio": _range(one, "claim_ratio"),
            "conditions": conditions[i],
            "measure_next": narrows[i],
        }
        for i in range(dataset.sizes.get("claim", 0))
        for one in [dataset.isel(claim=i)]
    ]
    return store.plain(
        {
            **{key: dataset.attrs[key] for key in ("name", "seed", "draws")},
            "machines": [_machine(dataset.sel(at)) for at in places],
            "claims": claims,
        }
    )


def _range(one: xr.Dataset, name: str) -> dict[str, float]:
    return {key: one[name + end].item() for key, end in ENDS.items()}


def _machine(one: xr.Dataset) -> dict[str, Any]:
    words = ("system", "model", "precision", "trained_in", "status", "evidence")
    made: dict[str, Any] = {key: one[key].item() for key in words}
    made["splits"] = int(one["splits"])
    made |= {name: _range(one, name) for name in QUANTITIES}
    names = [n for n in map(str, one.data_vars) if n.startswith("design_")]
    design = {name.removeprefix("design_"): one[name].item() for name in names}
    return made | {"design": design if made["status"] == "feasible" else {}}
