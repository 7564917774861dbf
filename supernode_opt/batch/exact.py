"""The exact model on many candidates: columns in, columns out, one compilation.

Candidates are columns: one array per `Design` field (choices as positions) and per
freed constant (by its dotted path).  They are evaluated in blocks of one fixed size,
which stay in cache and compile once.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from supernode_opt.batch.engine import Engine, cut, fitted, length
from supernode_opt.batch.tally import counted
from supernode_opt.record import get
from supernode_opt.system.design import (
    EVERY_CHOICE,
    EVERY_NUMBER,
    assemble,
    design_choices,
)
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import Scenario, apply

Columns = Mapping[str, NDArray]

BLOCK = 4096
# Searches ask about a few designs as often as about many: pieces of a block, as short
# as keeps the rate of a whole one (8 ms a block of the study of a supernode, and 1 ms
# a piece, on one core).
PIECE = 256
_READ = frozenset((*EVERY_NUMBER, *EVERY_CHOICE))


def report_of(row: Mapping[str, Array], scenario: Scenario) -> Report:
    """Return the exact report of one candidate, or of a batch [*batch]."""
    weights = {}
    for name, known in design_choices(scenario.serving is not None).items():
        count = len(known) or len(scenario.links)
        weights[name] = jax.nn.one_hot(row[name], count, axis=0, dtype=float)
    constants = {name: value for name, value in row.items() if "." in name}
    return evaluate(assemble(row, weights), apply(scenario, constants))


@functools.cache
def _engine(names: tuple[str, ...], freed: bool) -> Engine:
    """Return the engine of quantities; with `freed` constants, each row has its own."""

    def some(rows: dict[str, Array], scenario: Scenario) -> dict[str, Array]:
        report, like = report_of(rows, scenario), jnp.shape(rows["chips"])
        values = {name: jnp.asarray(get(report, name), float) for name in names}
        return {name: jnp.broadcast_to(x, like) for name, x in values.items()}

    # Designs may be a batch, constants may not.
    kind = "exact freed" if freed else "exact"
    # Lanes of an accelerator are more than any piece has rows.
    piece = PIECE if fitted(BLOCK) == BLOCK else 0
    return Engine(some, fitted(BLOCK), f"{kind} {names}", whole=not freed, piece=piece)


def typed(columns: Columns) -> dict[str, NDArray]:
    """Return the columns that a program reads, in fixed types.

    Whatever else a table has would make another program of it.
    """
    return {
        name: np.asarray(column, np.int32 if name in EVERY_CHOICE else float)
        for name, column in columns.items()
        if "." in name or name in _READ
    }


def as_arrays(columns: Columns, size: int) -> dict[str, Any]:
    """Return the columns padded to `size` rows by their last, in fixed types."""
    return cut(typed(columns), 0, size)


def quantities(
    columns: Columns, scenario: Scenario, names: tuple[str, ...]
) -> dict[str, NDArray]:
    """Return the reported quantities `names` of every candidate.

    Only what these quantities need is computed.  A name may be a dotted path below
    `Report`.
    """
    rows = typed(columns)
    counted(length(rows))
    freed = any("." in name for name in columns)
    return _engine(names, freed)(rows, scenario)
