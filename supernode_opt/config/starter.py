"""Starter files for a chip, a system, a model or a study of one's own, commented.

What they hold is the entry they start from, so each works as it is written.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from supernode_opt.catalog.files import ABOUT, document, file_of
from supernode_opt.catalog.own import OWN_CATALOG
from supernode_opt.catalog.read import find
from supernode_opt.config import starter_study

KINDS = ("chip", "system", "model", "study")
# The entry that a starter is like if nobody says.
LIKE = {
    "chip": "h100_sxm",
    "system": "dgx_h100",
    "model": "llama3_8b",
    "study": "dgx_h100",
}
# Numbers that nearly every chip of one's own has its own of.
_FIRST = ("peak_bf16", "hbm_capacity", "hbm_bandwidth", "tdp")
_PLAIN = (
    "A plain value is exact.  Where it is not, write the whole entry:"
    "\n  tdp: {value: 700, low: 650, high: 750, unit: W, source: data sheet}"
)
_INHERITED = (
    "What is not written here is as in `base`, with twice the range, and marked as"
    "\ninherited in `supernode-opt catalog {kind} {name}`."
)
_USE = "To use it:\n  export {variable}={folder}\n  {command}"


def text(kind: str, name: str, like: str, target: PurePath) -> str:
    """Return the starter file of `kind`.

    Args:
      kind: one of `KINDS`.
      name: of the new entry or study.
      like: entry to start from; of a study the system.
      target: where the file goes, for the comments.

    Raises:
      UnknownEntry: there is no entry `like`.
    """
    if kind == "study":
        return starter_study.text(name, find("system", like), str(target))
    like = find(kind, like)
    fields = {f: v for f, v in document(kind)[like].items() if f not in ABOUT}
    uses = {"chip": f"supernode-opt catalog chip {name}"}
    command = uses.get(kind, f"supernode-opt evaluate study.yaml --set {kind}={name}")
    use = _USE.format(variable=OWN_CATALOG, folder=target.parent, command=command)
    made = {"chip": _chip, "system": _system, "model": _model}[kind](like, fields)
    return "\n".join([*_comment(use), "", f"{name}:", *made, ""])


def file_name(kind: str, name: str) -> str:
    """Return what the starter file of `kind` is called."""
    return f"{name}.yaml" if kind == "study" else file_of(kind)


def _comment(words: str) -> list[str]:
    return [f"# {line}".rstrip() for line in words.splitlines()]


def _below(words: str) -> list[str]:
    return [f"  {line}" for line in _comment(words)]


def _chip(like: str, fields: Mapping[str, Any]) -> list[str]:
    """Return the lines of a chip: what differs first, all else as comments."""
    rest = [f for f in fields if f not in _FIRST]
    return [
        *_below(_PLAIN),
        f"  base: {like}",
        *(f"  {f}: {_shown(fields[f])}" for f in _FIRST),
        *_below(_INHERITED.format(kind="chip", name="NAME") + "\nTo change more:"),
        *(f"  # {f}: {_shown(fields[f])}" for f in rest),
    ]


def _system(like: str, fields: Mapping[str, Any]) -> list[str]:
    """Return the lines of a system: its chip, its size, all else as comments."""
    design = fields["design"]
    size = ("chips", "scale_up_domain")
    more = {f: v for f, v in design.items() if f not in size}
    parts = {f: v for f, v in fields.items() if f not in ("chip", "design")}
    return [
        f"  base: {like}",
        "  # An entry of `supernode-opt catalog chip`, or of your own chips.yaml.",
        f"  chip: {fields['chip']}",
        "  design:",
        *(f"    {f}: {_shown(design[f])}" for f in size),
        *_below(_INHERITED.format(kind="system", name="NAME") + "\nOf the design:"),
        *(f"    # {f}: {_shown(v)}" for f, v in more.items()),
        *_below("Ports and clock are the chip's unless the design has its own:"),
        f"    # scale_up_bandwidth: {_shown(_ports(fields['chip']))}",
        *_below("Parts, each an entry of its kind:"),
        *(f"  # {f}: {_shown(v)}" for f, v in parts.items()),
    ]


def _ports(chip: str) -> Any:
    """Return the scale-up bandwidth of a chip, as written."""
    return document("chip")[find("chip", chip)]["scale_up_bandwidth"]


def _model(like: str, fields: Mapping[str, Any]) -> list[str]:
    """Return the lines of a model: its whole shape, experts as comments."""
    return [
        *_below(
            f"The shape of {like}.  A config.json of Hugging Face needs no such entry:"
            "\nwrite `model: path/to/config.json` into the study."
        ),
        *(f"  {f}: {_shown(v)}" for f, v in fields.items()),
        *_below(
            "Of experts, in the layers that are not dense (then `dense_layers: 0`):"
            "\nexperts: 64\ntop_k: 8\nshared_experts: 1\nexpert_ffn: 1408"
            "\nOf a sliding window, in a share of the layers:"
            "\nwindow: 4096\nwindowed_share: 0.5"
            "\nOf a head that shares the embedding:\ntied: true"
        ),
    ]


def _shown(found: Any) -> str:
    """Write a value of the catalog as a plain value."""
    if isinstance(found, list):
        return f"[{', '.join(map(str, found))}]"
    if isinstance(found, bool):
        return str(found).lower()
    if not isinstance(found, Mapping):
        return str(found)
    unit = found.get("unit", "1")
    number = f"{found['value']:.15g}"
    return number if unit in ("1", 1) else f"{number} {unit}"
