"""A model from the `config.json` of its weights, as `transformers` reads it.

Shapes are taken from the fields that the families share; what a family calls otherwise,
or leaves out because its class has a default, stands in `families.py`.  A field that
may change the shape and is not understood is refused, never guessed.  Biases, norms of
queries and keys, sandwich norms and attention sinks are not counted: they are below
0.1 % of any of these models.
"""

import re
from pathlib import Path

from supernode_opt.catalog.config_shape import Config
from supernode_opt.catalog.families import FAMILIES
from supernode_opt.reading import document
from supernode_opt.reading.document import LARGEST_FILE
from supernode_opt.reading.files import read_text
from supernode_opt.reading.node import Node, did_you_mean
from supernode_opt.workload.model import Model

CONFIG = "config.json"


def is_config(text: str) -> bool:
    """Tell whether `text` is written like the path of a `config.json`."""
    return text.endswith(".json")


def read(path: Path) -> Model:
    """Return the model that a `config.json` describes.

    Args:
      path: of the file, or of the folder that holds it.

    Raises:
      StudyError: it cannot be read, or describes what is not understood.
    """
    path = path / CONFIG if path.is_dir() else path
    # JSON allows tabs between values, YAML does not.
    text = read_text(path, LARGEST_FILE).replace("\t", " ")
    top = document.parse(text, str(path))
    name = name_of(path, top)
    kind, fields = _text_part(top)
    return Config(kind, FAMILIES[kind], fields, top).model(name)


def name_of(path: Path, top: Node | None = None) -> str:
    """Return what the model of a `config.json` is called: by itself, or its folder."""
    said = top.mapping().get("_name_or_path") if top is not None else None
    written = said.value if said is not None else ""
    if isinstance(written, str) and re.search(r"[A-Za-z]", written):
        return Path(written).name
    return path.absolute().parent.name if path.name == CONFIG else path.stem


def _text_part(top: Node) -> tuple[str, dict[str, Node]]:
    """Return the family and its fields; of a model that sees, those of its text."""
    fields = top.mapping()
    if "text_config" in fields:
        inner = dict(fields["text_config"].mapping())
        said = inner.get("model_type") or fields.get("model_type")
    else:
        inner = dict(fields)
        said = fields.get("model_type")
    if said is None:
        top.fail("has no `model_type`: it is no config.json of a model")
    kind = said.text()
    if kind not in FAMILIES:
        near = did_you_mean(kind, FAMILIES)
        said.fail(
            f"is {kind!r}, a family whose shape is not understood{near}: write the"
            " model's fields into the study, or into models.yaml"
        )
    return kind, inner
