"""The model that a row names, or one of its size."""

import dataclasses
import math
from typing import Any

from supernode_opt import catalog
from supernode_opt.calibration.data.runs import Refused
from supernode_opt.reading.node import shown
from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import active_parameters, parameters

_BILLION = 1e9


def model_of(read: Any) -> tuple[str, Model]:
    """Return the model of a row and its catalog name; `read` collects assumptions.

    A model that the catalog lacks is taken to be like the one nearest to its size, with
    as many layers and experts as give it its parameters.

    Raises:
      Refused: the row names no model, or an unknown one without its size.
    """
    word = read.row.text("model") or read.row.text("model_path")
    if not word:
        raise Refused("names no model")
    found = catalog.model_named(word)
    if found is not None:
        return found, catalog.load("model", found)
    total = read.number("params_total_b")
    if not total:
        raise Refused(
            f"model {shown(word)} is not in the catalog, and params_total_b is empty"
        )
    active = read.number("params_active_b") or total
    near, made = _like(total * _BILLION, min(active, total) * _BILLION, word)
    read.assume(f"{word} is shaped like {near}", "shape")
    return word, made


def _like(total: float, active: float, word: str) -> tuple[str, Model]:
    """Return the nearest model of the catalog, and itself made as large as asked."""
    sparse = active < 0.9 * total

    def distance(name: str) -> float:
        shape = catalog.load("model", name)
        if (float(shape.experts) > 0.0) != sparse or shape.linear_share:
            return math.inf
        sizes = float(active_parameters(shape)), float(parameters(shape))
        return math.dist(
            (math.log(active), math.log(total)), tuple(map(math.log, sizes))
        )

    near = min(catalog.names("model"), key=distance)
    base = catalog.load("model", near)
    layers = float(base.layers) * active / float(active_parameters(base))
    layers = max(round(layers), 1.0)
    scale = layers / float(base.layers)
    made = dataclasses.replace(
        base,
        layers=float(layers),
        dense_layers=min(round(float(base.dense_layers) * scale), layers),
        name=word,
    )
    if sparse:
        each = float(
            parameters(dataclasses.replace(made, experts=made.experts + 1))
        ) - float(parameters(made))
        more = (total - float(parameters(made))) / each
        experts = max(round((float(made.experts) + more) / 8.0) * 8.0, 8.0)
        made = dataclasses.replace(made, experts=max(experts, float(made.top_k)))
    return near, made
