"""The section `model`: a name, a `config.json`, or a shape of one's own.

A path ends in `.json`; it, or `{hugging_face: path}` with fields that differ, is looked
for beside the file that names it.  Own shapes are `{base: name, field: value}` or all
fields.  `parameters` beside them states how many the model must have.
"""

import dataclasses
import warnings
from pathlib import Path

from supernode_opt import catalog
from supernode_opt.catalog import hugging_face
from supernode_opt.catalog.counted import doubt
from supernode_opt.config.records import (
    field_type,
    named,
    read_count,
    read_entry,
    read_record,
)
from supernode_opt.reading.node import Doubt, InputError, Node
from supernode_opt.units import UnitError, parse
from supernode_opt.workload.model import MODEL_COUNTS, Model, contradiction

CONFIG, PARAMETERS = "hugging_face", "parameters"
# Flags and words count nothing; `node_limit` counts domains.
_WHOLE = (*MODEL_COUNTS, "node_limit")
_SIZES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def read_model(node: Node) -> Model:
    """Read the section `model`.

    Raises:
      StudyError: it is unknown, lacks a field, or contradicts itself.
    """
    written = dict(node.value) if isinstance(node.value, dict) else {}
    stated = written.pop(PARAMETERS, None)
    source = written.pop(CONFIG, None)
    if isinstance(node.value, str) and hugging_face.is_config(node.value):
        source = node
    if source is None:
        model = _record(dataclasses.replace(node, value=written or node.value))
    else:
        if "base" in written:
            node.fail(f"must have one of `base` and `{CONFIG}`")
        model = _config(source)
        if written:
            model = read_record(dataclasses.replace(node, value=written), Model, model)
    for name in _WHOLE:
        if name in written:
            read_count(written[name], field_type(Model, name))
    if written and "dense_layers" not in written and not model.experts:
        model = dataclasses.replace(model, dense_layers=model.layers)
    wrong = contradiction(model)
    if wrong is not None:
        node.fail(wrong)
    if source is not None or stated is not None:
        changed = source is not None and bool(written)
        said = doubt(model, "" if changed else model.name, _count(stated))
        if said is not None:
            warnings.warn(f"{node.place}: `model` {said}", Doubt, stacklevel=2)
    return model


def _record(node: Node) -> Model:
    """Read a name, or a shape; a dense one may leave out how many layers are dense."""
    if (
        isinstance(node.value, dict)
        and not {"base", "dense_layers"} & node.value.keys()
    ):
        experts = node.value.get("experts")
        if "layers" in node.value and (experts is None or experts.value == 0):
            layers = dataclasses.replace(
                node.value["layers"], path=f"{node.path}.dense_layers"
            )
            node = dataclasses.replace(
                node, value={**node.value, "dense_layers": layers}
            )
    return read_entry(node, "model", Model)


def _config(node: Node) -> Model:
    """Read the `config.json` that a node names, beside the file or where one works."""
    written = Path(node.text()).expanduser()
    beside = Path(node.place.rpartition(":")[0]).parent / written
    try:
        return hugging_face.read(beside if beside.exists() else written)
    except InputError as error:
        if not written.exists() and not beside.exists():
            node.fail(f"is no file: {written}")
        raise error


def _count(node: Node | None) -> float | None:
    """Return how many parameters are stated, such as 70.6e9 or 70.6B."""
    if node is None:
        return None
    try:
        return count_of(str(node.value))
    except UnitError as error:
        raise node.error(str(error)) from None


def count_of(text: str) -> float:
    """Return a number of parameters that people write, such as 70.6B [1].

    >>> count_of("70B"), count_of("1.3e9")
    (70000000000.0, 1300000000.0)

    Raises:
      UnitError: it is none above zero.
    """
    bare = text.strip().lower().removesuffix("parameters").strip()
    size = _SIZES.get(bare[-1:], 1.0)
    value = parse(bare.rstrip("kmbt"), "") * size
    if not 0.0 < value < float("inf"):
        raise UnitError(f"must be above zero, but is {text!r:.40}")
    return value


def model_name(node: Node) -> str:
    """Return what the model of a section is called, for people and tables.

    Raises:
      StudyError: it is unknown, or a shape without a `name`.
    """
    if isinstance(node.value, dict):
        if "name" not in node.value:
            node.fail("must have a `name`, for it is compared")
        return node.value["name"].text()
    if isinstance(node.value, str) and hugging_face.is_config(node.value):
        return _config(node).name
    found = catalog.called("model", node.text())
    return found or named(node, "model")
