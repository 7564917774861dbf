"""The exact model on many candidates: columns in, columns out, one compilation.

Candidates are columns: one array per `Design` field (choices as positions) and per
freed constant (by its dotted path).  They are evaluated in blocks of one fixed size,
which stay in cache and compile once.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from supernode_opt.problem.build import apply, assemble
from supernode_opt.problem.variables import CHOICE_NAMES
from supernode_opt.record import get
from supernode_opt.system.design import CHOICES
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import Scenario

Columns = Mapping[str, NDArray]

BLOCK = 4096


def report_of(row: Mapping[str, Array], scenario: Scenario) -> Report:
    """Return the exact report of one candidate, given as scalars."""
    weights = {}
    for name in CHOICE_NAMES:
        count = len(CHOICES[name]) or len(scenario.links)
        weights[name] = jax.nn.one_hot(row[name], count, dtype=float)
    constants = {name: value for name, value in row.items() if "." in name}
    return evaluate(assemble(row, weights), apply(scenario, constants))


@partial(jax.jit, static_argnames="names")
def _quantities(
    columns: dict[str, Array], scenario: Scenario, names: tuple[str, ...]
) -> Array:
    def one(row: dict[str, Array]) -> Array:
        report = report_of(row, scenario)
        return jnp.stack([jnp.asarray(get(report, name), float) for name in names])

    return jax.vmap(one, out_axes=1)(columns)


def as_arrays(columns: Columns, size: int) -> dict[str, Any]:
    """Return the columns padded to `size` rows by their last, in fixed types."""
    made = {}
    for name, column in columns.items():
        kind = np.int32 if name in CHOICE_NAMES else float
        values = np.asarray(column, kind)
        made[name] = np.pad(values, (0, size - len(values)), mode="edge")
    return made


def quantities(
    columns: Columns, scenario: Scenario, names: tuple[str, ...]
) -> dict[str, NDArray]:
    """Return the reported quantities `names` of every candidate.

    Only what these quantities need is computed.  A name may be a dotted path below
    `Report`.
    """
    length = len(columns["chips"])
    parts = []
    for start in range(0, length, BLOCK):
        block = {key: column[start : start + BLOCK] for key, column in columns.items()}
        found = _quantities(as_arrays(block, BLOCK), scenario, names)
        parts.append(np.asarray(found)[:, : min(BLOCK, length - start)])
    joined = np.concatenate(parts, axis=1) if parts else np.zeros((len(names), 0))
    return dict(zip(names, joined, strict=True))
