"""What every answer opens with: machine, model and its size, software, split."""

from typing import Any

import xarray as xr

from supernode_opt.names import practice_words, proper, spelled, split_words
from supernode_opt.results import outcome, store
from supernode_opt.results import served as serving
from supernode_opt.results.telling import served
from supernode_opt.results.telling.parts import Part, facts
from supernode_opt.words import both, figures


def asked(dataset: xr.Dataset) -> Part:
    """Return what a design was asked for; files of old versions say less."""
    question, design = outcome.question(dataset), outcome.design(dataset)
    numbers = str(dataset.attrs.get("precision", "")).upper()
    job = [("training", trained(question.get("training")))]
    after = [("precision", numbers)]
    if serving.requests(dataset) is not None:
        job, after = served.asked(dataset), []
    rows = [
        ("study", question["name"]),
        ("machine", _machine(dataset, question, design)),
        ("model", _model(dataset)),
        *job,
        ("software", software(dataset)),
        *after,
        ("split", ", ".join([split_words(design) or "none", *practice_words(design)])),
        ("sought", _sought(dataset, question)),
    ]
    said = question.get("question")
    return Part("asked", "Asked", (said,) if said else (), (facts(rows),))


def sized(name: str, every: float, active: float) -> str:
    """Write a model with its size.

    >>> sized("deepseek_v3_671b", 671.03e9, 37.56e9)
    'DeepSeek-V3 671B: 671 billion parameters, 37.6 billion active'
    """
    said = f"{proper(name)}: {_billions(every)} parameters"
    return said if active == every else f"{said}, {_billions(active)} active"


def _billions(count: float) -> str:
    if count < 1e9:
        return f"{figures(count / 1e6, 3)} million"
    return f"{figures(count / 1e9, 3)} billion"


def _model(dataset: xr.Dataset) -> str:
    known = dataset.attrs
    if "parameters" not in known:
        return proper(str(known.get("model", "")))
    return sized(str(known["model"]), known["parameters"], known["active_parameters"])


def _machine(dataset: xr.Dataset, question: Any, design: Any) -> str:
    system = dataset.attrs.get("system", question.get("system", ""))
    chips, chip = design.get("chips"), proper(str(dataset.attrs.get("chip", "")))
    said = proper(str(system))
    if not isinstance(chips, float | int):
        return said
    said += f": {chips:.0f} x {chip}"
    domain = design.get("scale_up_domain")
    return said if not domain else f"{said}, scale-up domain {domain:.0f}"


def trained(training: Any) -> str:
    """Write what one step trains on, "" where the section does not say it plainly."""
    if not isinstance(training, dict):
        return ""
    batch, length = training.get("global_batch"), training.get("sequence_length")
    if not isinstance(batch, int | float) or not isinstance(length, int | float):
        return ""
    return f"{batch:.0f} sequences of {length:.0f} tokens a step"


def software(dataset: xr.Dataset) -> str:
    """Name the stack, and how far it was calibrated on the likes of this design."""
    name, known = dataset.attrs.get("software", ""), store.note(dataset, "evidence")
    stack = dataset.attrs.get("stack") or ""
    said = proper(str(name))
    said += f" (stack {stack})" if stack and stack != name else ""
    if known is None:
        return said
    return f"{said}: {known['sentence']}".removeprefix(": ")


def _sought(dataset: xr.Dataset, question: Any) -> str:
    wanted = question.get("objective")
    if not isinstance(wanted, dict) or not wanted:
        return ""
    ((sense, name),) = list(wanted.items())[:1]
    free = [
        _box(dataset, name, asked)
        for name, asked in outcome.asked(dataset).items()
        if isinstance(asked, dict | list)
    ]
    over = f", over {', '.join(free)}" if free else ""
    level = (store.note(dataset, "robustness") or {}).get("quantile")
    drawn = "" if level is None else f"the {figures(100.0 * level, 3)} % quantile of "
    return f"{sense} {drawn}{spelled(str(name))}{over}"


def _box(dataset: xr.Dataset, name: str, asked: Any) -> str:
    if isinstance(asked, list) or f"design_{name}" not in dataset:
        return spelled(name)
    unit = dataset[f"design_{name}"].attrs["units"]
    return f"{spelled(name)} {both(asked['low'], asked['high'], unit)}"
