"""What a joint answer says: one machine, each job on it, and how far that is shown."""

import json
from typing import Any

import numpy as np
import xarray as xr

from supernode_opt.names import practice_words, proper, spelled, split_words
from supernode_opt.results import store
from supernode_opt.results.telling.asked import sized, trained
from supernode_opt.results.telling.parts import (
    BAD,
    STRONG,
    Grid,
    Part,
    facts,
    grid,
)
from supernode_opt.search.settings import UNANSWERED
from supernode_opt.system.report import is_share
from supernode_opt.words import both, figures, spoken

# Of every job, beside what is sought.
_SHOWN = ("mfu", "tokens_per_s", "step_time", "memory_fraction")
_COUNTS = {
    "candidates": "candidates: machines times the splits of all jobs",
    "machines": "discrete machines: chips, domain, links",
    "splits": "legal splits of all jobs",
    "excluded_by_memory": "excluded: do not fit in memory",
    "excluded_by_bound": "excluded by bounds",
    "open": "neither excluded nor evaluated",
    "open_machines": "discrete machines left open",
    "boxes": "boxes of machines bounded",
    "open_boxes": "boxes left open",
}


def told(dataset: xr.Dataset, everything: bool = False) -> list[Part]:
    """Return what a person wants to know of a joint answer.

    Args:
      dataset: the result.
      everything: whether the range of every quantity is told.
    """
    parts = [_asked(dataset), _answer(dataset)]
    if "share_of_own" in dataset:
        parts += [_jobs(dataset), _splits(dataset), _limits(dataset)]
    if everything and "interval_low" in dataset:
        parts.append(_ranges(dataset))
    return [*parts, _certificate(dataset), _evidence(dataset)]


def _asked(dataset: xr.Dataset) -> Part:
    attrs, rows = dataset.attrs, []
    chip = f"{proper(str(attrs['system']))}, of {proper(str(attrs['chip']))}"
    rows += [("study", str(attrs["name"])), ("machine", chip)]
    for about, weight in zip(_models(dataset), dataset["weight"].values, strict=True):
        size = sized(about["model"], about["parameters"], about["active_parameters"])
        words = [size, about["precision"].upper(), trained(about)]
        words += [f"software {proper(about['software'])}"]
        if attrs["over"] == "weighted":
            words.append(f"weight {figures(float(weight), 3)}")
        rows.append(("model", ", ".join(words)))
    rows.append(("sought", _sought(dataset)))
    question = str(attrs.get("question", ""))
    return Part("asked", "Asked", (question,) if question else (), (facts(rows),))


def _sought(dataset: xr.Dataset) -> str:
    name = spelled(str(dataset.attrs["objective"]))
    if dataset.attrs["over"] == "worst":
        return f"the largest least share, over the jobs, of the target in {name}"
    return f"{dataset.attrs['sense']} the weighted geometric mean of {name}"


def _answer(dataset: xr.Dataset) -> Part:
    status = str(store.note(dataset, "status"))
    lines = [status, str(store.note(dataset, "message"))]
    if "share_of_own" not in dataset:
        mark = BAD if status in UNANSWERED else STRONG
        return Part("answer", "Answer", tuple(lines), mark=mark)
    lines.append(_reached(dataset))
    rows = []
    for name in map(str, dataset.data_vars):
        if name.startswith("machine_"):
            held = dataset[name]
            value = held.item()
            if not isinstance(value, str):
                value = spoken(float(value), str(held.attrs["units"]))
            rows.append((spelled(name.removeprefix("machine_")), value))
    for name in ("power", "capital_cost"):
        rows.append((spelled(name), _value(dataset, name, 0)))
    table = grid(("machine", "value"), rows)
    return Part("answer", "Answer", tuple(lines), (table,), STRONG)


def _reached(dataset: xr.Dataset) -> str:
    value, name = float(dataset.attrs["value"]), str(dataset.attrs["objective"])
    if dataset.attrs["over"] == "worst":
        return f"The worst job reaches {100.0 * value:.4g} % of its target."
    unit = str(dataset[name].attrs["units"])
    said = spoken(value, unit, is_share(name))
    return f"The weighted geometric mean of {spelled(name)} is {said}."


def _jobs(dataset: xr.Dataset) -> Part:
    """Set what every job reaches beside its optimum on a machine of its own."""
    wanted = str(dataset.attrs["objective"])
    shown = [name for name in _SHOWN if name != wanted]
    heads = ["model", spelled(wanted), "5-95 %", "of its own optimum"]
    worst = dataset.attrs["over"] == "worst"
    heads += ["of its target"] * worst + [spelled(name) for name in shown]
    rows = []
    for i, name in enumerate(_names(dataset)):
        row = [proper(name), _value(dataset, wanted, i), _range(dataset, wanted, i)]
        row.append(_share(dataset["share_of_own"].values[i]))
        row += [_share(dataset["share_of_target"].values[i])] * worst
        rows.append(row + [_value(dataset, other, i) for other in shown])
    lines = []
    gaps = dataset["own_gap"].values
    for name, gap in zip(_names(dataset), gaps, strict=True):
        if np.isfinite(gap) and gap > 0.0:
            lines.append(
                f"The optimum of {proper(name)} on a machine of its own is the best"
                f" that was found; bounds leave {100.0 * gap:.2g} %."
            )
    numbers = tuple(range(1, len(heads)))
    return Part(
        "jobs", "Every job on it", tuple(lines), (grid(heads, rows, numbers=numbers),)
    )


def _splits(dataset: xr.Dataset) -> Part:
    rows = []
    for i, name in enumerate(_names(dataset)):
        split = {
            str(n).removeprefix("split_"): dataset[n].values[i]
            for n in dataset.data_vars
            if str(n).startswith("split_")
        }
        words = [split_words(split) or "none", *practice_words(split)]
        rows.append((proper(name), ", ".join(words)))
    table = grid(("model", "split"), rows, numbers=())
    return Part("splits", "Split of every job", (), (table,))


def _limits(dataset: xr.Dataset) -> Part:
    """Name the limits that bind, of the machine once and of jobs by name."""
    lines, names = [], _names(dataset)
    tight = dataset["constraint_tight"].values
    for k, limit in enumerate(map(str, dataset["constraint"].values)):
        who = [proper(n) for n, on in zip(names, tight[:, k], strict=True) if on == 1.0]
        if not who:
            continue
        unit = str(dataset[limit].attrs["units"]) if limit in dataset else "1"
        values = dataset["constraint_value"].values[:, k]
        ends = dataset["constraint_limit"].values[:, k]
        own = [v for v, on in zip(values, tight[:, k], strict=True) if on == 1.0]
        end = [v for v, on in zip(ends, tight[:, k], strict=True) if on == 1.0]
        said = (
            f"{spoken(float(own[0]), unit, is_share(limit))} of"
            f" {spoken(float(end[0]), unit, is_share(limit))}"
        )
        every = "" if len(who) == len(names) else f" for {', '.join(who)}"
        lines.append(f"Binding{every}: {spelled(limit)}, {said}.")
    return Part("why", "Why", tuple(lines or ("No limit binds.",)))


def _ranges(dataset: xr.Dataset) -> Part:
    tables = []
    for i, job in enumerate(_names(dataset)):
        rows = []
        for name in map(str, dataset["quantity"].values):
            if name in dataset and (said := _range(dataset, name, i)):
                rows.append((spelled(name), _value(dataset, name, i), said))
        heads = ("quantity", "value", "5-95 %")
        tables.append(grid(heads, rows, title=proper(job), numbers=(1, 2)))
    return Part("ranges", "Ranges", (), tuple(tables))


def _certificate(dataset: xr.Dataset) -> Part:
    known: dict[str, Any] = store.note(dataset, "certificate")
    rows = [(words, f"{known[name]:,}") for name, words in _COUNTS.items()]
    gap, left = known["gap"], known["seconds_left"]
    rows.append(("could be better by at most", "" if gap is None else _share(gap)))
    rows.append(("time spent", spoken(float(known["seconds"]), "s")))
    if left:
        rows.append(("time to the gap asked for", spoken(float(left), "s")))
    rows.append(("rests on", str(known["rests_on"])))
    return Part("certificate", "Certificate", (), (_facts(rows),))


def _facts(rows: list[tuple[str, str]]) -> Grid:
    return grid(("what was shown", ""), [row for row in rows if row[1]], numbers=())


def _evidence(dataset: xr.Dataset) -> Part:
    if "evidence" not in dataset:
        return Part("evidence", "Evidence")
    lines = [
        f"{proper(name)}: {said}"
        for name, said in zip(_names(dataset), dataset["evidence"].values, strict=True)
        if said
    ]
    return Part("evidence", "Evidence", tuple(lines))


def _names(dataset: xr.Dataset) -> list[str]:
    return [str(name) for name in dataset["model"].values]


def _models(dataset: xr.Dataset) -> list[dict[str, Any]]:
    return json.loads(dataset.attrs["models"])


def _value(dataset: xr.Dataset, name: str, job: int) -> str:
    unit = str(dataset[name].attrs["units"])
    return spoken(float(dataset[name].values[job]), unit, is_share(name))


def _range(dataset: xr.Dataset, name: str, job: int) -> str:
    """Write the range of a quantity of a job, "" where it does not vary."""
    known = list(map(str, dataset["quantity"].values))
    if name not in known:
        return ""
    place = known.index(name)
    low, high = (
        float(dataset[f"interval_{end}"].values[job, place]) for end in ("low", "high")
    )
    unit, share = str(dataset[name].attrs["units"]), is_share(name)
    alike = spoken(low, unit, share) == spoken(high, unit, share)
    return "" if alike else both(low, high, unit, share)


def _share(value: float) -> str:
    return f"{100.0 * float(value):.3g} %"
