"""What a figure is about: machine, model, precision and split, as people write them."""

import re
from typing import Any

import xarray as xr

from supernode_opt.names import CAPITALS as CAPITALS
from supernode_opt.names import SPLIT, split_words
from supernode_opt.names import proper as proper
from supernode_opt.reading import document


def precision(name: str) -> str:
    """Write a precision: "bf16" as "BF16"."""
    return name.upper()


def listed(names: list[str]) -> str:
    """Write names one after the other.

    >>> listed(["BF16", "FP8"]), listed(["a", "b", "c"])
    ('BF16 and FP8', 'a, b and c')
    """
    return " and ".join([", ".join(names[:-1])] * bool(names[:-1]) + names[-1:])


def subject(dataset: xr.Dataset) -> str:
    """Return machine, model, precision and split that `dataset` is about, in words.

    Only what the dataset knows is said; "" where it knows nothing.
    """
    if "subject" in dataset.attrs:
        return _kept(str(dataset.attrs["subject"]))
    # A design says its chip; all else is told by the question.
    if "chip" in dataset.attrs or not dataset.attrs.get("study"):
        return ", ".join([*_made_of(dataset), *_split(dataset)])
    return _of_question(dataset)


def _kept(text: str) -> str:
    """Keep each size of a split in one line with its name."""
    return re.sub(r"\b([A-Z]{2,3}) (\d+)\b", "\\1\N{NO-BREAK SPACE}\\2", text)


def machine(dataset: xr.Dataset) -> str:
    """Return the machine of one design, in words: its system, else its chip."""
    study = str(dataset.attrs.get("study", ""))
    found = re.search(r"^system: *(\S+)$", study, re.MULTILINE)
    return proper(found[1] if found else str(dataset.attrs.get("chip", "")))


def _made_of(dataset: xr.Dataset) -> list[str]:
    """List machine with its chips, model and precision of one design."""
    made = machine(dataset)
    if made and "design_chips" in dataset:
        made += f" ({float(dataset['design_chips']):,.0f} chips)"
    model = proper(str(dataset.attrs.get("model", "")))
    numbers = precision(str(dataset.attrs.get("precision", "")))
    return [word for word in (made, model, numbers) if word]


def _split(dataset: xr.Dataset) -> list[str]:
    """List the sizes of the split that are not one, in one word."""
    sizes = {
        name: float(dataset[f"design_{name}"])
        for name in SPLIT
        if f"design_{name}" in dataset
    }
    told = split_words(sizes, SPLIT)
    return [_kept(told)] if told else []


def _of_question(dataset: xr.Dataset) -> str:
    """Write what a question about several machines is asked for."""
    asked = document.parse(str(dataset.attrs["study"]), "study").plain()
    systems = [_system(one) for one in asked.get("systems", []) if one]
    models = asked.get("models") or [asked.get("model", "")]
    models = [one if isinstance(one, str) else one.get("name", "") for one in models]
    wanted = asked.get("precisions") or [
        asked.get("precision") or asked.get("training", {}).get("precision", "")
    ]
    # A comparison names its machines itself.
    shown = "model" not in dataset.dims
    said = [listed(list(dict.fromkeys(systems)))] if systems and shown else []
    said.append(listed([proper(name) for name in models if name]))
    said.append(listed([precision(name) for name in wanted if name]))
    return ", ".join([word for word in said if word] + ["each with its best split"])


def _system(one: Any) -> str:
    """Write a machine of a question, its system and chips where they are said."""
    if isinstance(one, str):
        return proper(one)
    named = proper(str(one.get("system", one.get("name", ""))))
    return f"{named} ({one['chips']:,} chips)" if "chips" in one else named
