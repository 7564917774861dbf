"""`evaluate` on many designs at once: a table of designs in, every quantity out.

Names of catalog entries are static in the records and would make a program of each
machine; they are dropped, so that machines of one shape share one.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from supernode_opt.record import is_record, replace
from supernode_opt.system.design import (
    EVERY_CHOICE,
    assemble,
    design_choices,
    design_numbers,
)
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.report import scalars

BLOCK = 2048


def anonymous(record):
    """Drop the names of entries and make every number an array."""
    if isinstance(record, tuple):
        return tuple(anonymous(item) for item in record)
    if not is_record(record):
        plain = record is None or isinstance(record, str | bool)
        return record if plain else np.float64(record)
    made = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.name == "name":
            made[field.name] = "any"
        elif not field.metadata.get("static"):
            made[field.name] = anonymous(value)
    return dataclasses.replace(record, **made)


def _report(row, scenario):
    weights = {
        name: jax.nn.one_hot(row[name], len(known) or len(scenario.links))
        for name, known in design_choices(scenario.serving is not None).items()
    }
    report = evaluate(assemble(row, weights), scenario)
    names = scalars(scenario)
    return jnp.stack([jnp.asarray(getattr(report, name), float) for name in names])


@partial(jax.jit, static_argnames="own")
def _block(rows, scenario, own):
    """Evaluate a block; `own` says whether every row has a scenario of its own."""
    return jax.vmap(_report, in_axes=(0, 0 if own else None))(rows, scenario)


def reports(scenario, columns):
    """Return every scalar of the report, one array per name.

    `columns` has the fields of `Design`, choices as positions, and dotted constants.
    """
    given = anonymous(scenario)
    constants = [name for name in columns if "." in name]
    count, names = len(columns["chips"]), scalars(scenario)
    serves = scenario.serving is not None
    fields = (*design_numbers(serves), *design_choices(serves))
    parts = []
    for start in range(0, count, BLOCK):
        rows = {}
        for name in (*fields, *constants):
            kind = np.int32 if name in EVERY_CHOICE else float
            piece = np.asarray(columns[name][start : start + BLOCK], kind)
            rows[name] = np.pad(piece, (0, BLOCK - len(piece)), mode="edge")
        own = given
        if constants:
            own = jax.tree.map(lambda x: np.full(BLOCK, x), given)
            for name in constants:
                own = replace(own, name, rows.pop(name))
        found = np.asarray(_block(rows, own, bool(constants)))
        parts.append(found[: count - start])
    table = np.concatenate(parts) if parts else np.zeros((0, len(names)))
    return {name: table[:, index] for index, name in enumerate(names)}
