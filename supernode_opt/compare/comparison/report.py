"""The printed comparison, from its dataset alone."""

import io
from typing import Any

import numpy as np
import xarray as xr
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table

from supernode_opt.compare.program import QUANTITIES
from supernode_opt.system.report import FACTS
from supernode_opt.words import figures

WIDTH = 124
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


def _heading(name: str) -> str:
    """Return what a column is called: what is counted says its unit, a share itself."""
    facts = FACTS[name]
    return f"{facts.label or name} %" if facts.share else facts.shown[0]


def _cell(one: xr.Dataset, name: str) -> str:
    factor = FACTS[name].shown[1]
    value, low, high = (
        figures(float(f"{factor * float(one[name + end]):.3g}"))
        for end in ("", "_low", "_high")
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
    import json

    cells = []
    for precision in dataset["precision"].values:
        for model in dataset["model"].values:
            for system in dataset["system"].values:
                one = dataset.sel(precision=precision, model=model, system=system)
                cells.append(_plain(one, str(precision), str(model), str(system)))
    conditions = json.loads(dataset.attrs["conditions"])
    claims = [
        {
            "sentence": str(dataset["claim_sentence"].values[i]),
            "verdict": str(dataset["claim_word"].values[i]),
            "share": _number(dataset["claim_share"].values[i]),
            "ratio": {
                key: _number(dataset[f"claim_ratio{end}"].values[i])
                for key, end in (("value", ""), ("low", "_low"), ("high", "_high"))
            },
            "conditions": conditions[i],
        }
        for i in range(dataset.sizes.get("claim", 0))
    ]
    return {
        "name": dataset.attrs["name"],
        "seed": int(dataset.attrs["seed"]),
        "draws": int(dataset.attrs["draws"]),
        "machines": cells,
        "claims": claims,
    }


def _plain(one: xr.Dataset, precision: str, model: str, system: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "system": system,
        "model": model,
        "precision": precision,
        "trained_in": str(one["trained_in"].item()),
        "status": str(one["status"].item()),
        "splits": int(one["splits"]),
    }
    for name in QUANTITIES:
        made[name] = {
            key: _number(one[name + end])
            for key, end in (("value", ""), ("low", "_low"), ("high", "_high"))
        }
    names = [n for n in map(str, one.data_vars) if n.startswith("design_")]
    design = {name.removeprefix("design_"): one[name].item() for name in names}
    made["design"] = design if made["status"] == "feasible" else {}
    return made


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(float(value)) else None
