"""Every candidate under every draw, in blocks of one size, by one program.

A lane is a candidate under some draws: many candidates under few draws and few under
many fill the same block.  What depends on the candidate alone is computed once a lane.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from supernode_opt.batch.case import nameless
from supernode_opt.batch.engine import cut, length
from supernode_opt.batch.exact import typed
from supernode_opt.batch.kept import Kept
from supernode_opt.problem.constraints import all_constraints, chances
from supernode_opt.problem.problem import Problem
from supernode_opt.record import get
from supernode_opt.robust.sample import Sample
from supernode_opt.search.enumerate import Columns
from supernode_opt.system.design import EVERY_CHOICE, assemble, design_choices
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.follow import followed
from supernode_opt.system.report import FACTS, scalars
from supernode_opt.system.scenario import apply
from supernode_opt.uncertainty import draws, served

# Lanes of one block and draws of one lane: values that stay in the cache of a core.
LANES, DRAWS = 128, 32
# What every other quantity that depends on it is corrected by.
TIME = "step_time"
Values = Mapping[str, NDArray]


@functools.cache
def _program(names: tuple[str, ...], paths: tuple[str, ...]) -> Kept:
    """Return the program of quantities `names` under draws of the constants `paths`.

    It takes rows [lane], drawn constants [lane, draw, path], scenario and follow.
    """

    def many(rows: Any, drawn: Any, scenario: Any, follow: Any) -> Array:
        def one(row: Mapping[str, Array], constants: Array) -> Array:
            own = {name: value for name, value in row.items() if "." in name}
            given = apply(scenario, {p: constants[i] for i, p in enumerate(paths)})
            given = apply(given, own)
            weights = {}
            for name, known in design_choices(scenario.serving is not None).items():
                count = len(known) or len(scenario.links)
                weights[name] = jax.nn.one_hot(row[name], count, dtype=float)
            design = followed(assemble(row, weights), given, follow)
            report = evaluate(design, given)
            return jnp.stack([jnp.asarray(get(report, n), float) for n in names])

        return jax.vmap(jax.vmap(one, (None, 0)))(rows, drawn)

    return Kept(many, f"robust {names} {paths}")


def asked(problem: Problem) -> tuple[str, ...]:
    """Return the quantities that a robust problem is about, and the time of a step."""
    limits = (*all_constraints(problem), *chances(problem))
    wanted = {problem.objective.name, TIME, *(one.name for one in limits)}
    every = scalars(problem.scenario)
    cheap = tuple(name for name in every if not FACTS[name].dear)
    return cheap if wanted <= {*cheap} else every


def drawn_values(
    problem: Problem,
    columns: Columns,
    sample: Sample,
    names: tuple[str, ...],
) -> Values:
    """Return the quantities `names` of every candidate and draw [candidate, draw].

    Steps take as long as in the ranges of an answer: with what no constant explains,
    on a cluster of one's own and with a calibrated chip as its catalog entry has it.

    Args:
      problem: the study.
      columns: complete candidates.
      sample: the draws.
      names: of the quantities; the time of a step among them.
    """
    tables = [sample.constants, *([] if sample.held is None else [sample.held])]
    if problem.scenario.serving is not None:
        return _served_values(problem, columns, sample, names, tables)
    found = _evaluated(problem, typed(columns), tables, sample.count, names)
    slower = deviations(problem, columns)[:, None] * sample.noise
    slower = np.exp(slower) * sample.longer
    if sample.held is not None:
        times = found[..., names.index(TIME)]
        slower = slower * times[1] / times[0]
    return {
        name: found[0, :, :, index] * slower ** draws.TIMED[name]
        for index, name in enumerate(names)
    }


def _served_values(
    problem: Problem,
    columns: Columns,
    sample: Sample,
    names: tuple[str, ...],
    tables: Sequence[Mapping[str, NDArray]],
) -> Values:
    """Return the same of machines that serve, whose limits bind in every draw."""
    far, many = deviations(problem, columns), length(columns)
    made = np.empty((many, sample.count, len(names)))
    powers = np.asarray([draws.TIMED[name] for name in names])
    for spread in np.unique(far):
        rows = np.flatnonzero(far == spread)
        slower = np.exp(spread * sample.noise) * sample.longer
        unit = served.asked(problem.scenario, slower)
        wide = [{**table, **unit} for table in tables]
        some = typed({name: column[rows] for name, column in columns.items()})
        found = _evaluated(problem, some, wide, sample.count, names)
        for place, row in enumerate(rows):
            drawn = found[0, place]
            if len(found) > 1:
                drawn = served.settled(names, drawn, found[1, place], powers)
            made[row] = draws.slowed(drawn, slower, names)
    return {name: made[..., index] for index, name in enumerate(names)}


def _evaluated(
    problem: Problem,
    rows: Columns,
    tables: Sequence[Mapping[str, NDArray]],
    count: int,
    names: tuple[str, ...],
) -> NDArray:
    """Return the quantities `names` [table, candidate, draw, name]."""
    program = _program(names, tuple(tables[0]))
    scenario = nameless(problem.scenario)
    follow = {k: float(v) for k, v in problem.origins.following().items()}
    many, chunks = length(rows), -(-count // DRAWS)
    # Where every constant is known something has to tell how many draws there are.
    parts = [np.stack([np.zeros(count), *t.values()], axis=-1)[:, 1:] for t in tables]
    parts = [cut(part, 0, chunks * DRAWS) for part in parts]
    drawn = np.concatenate(parts).reshape(len(tables) * chunks, DRAWS, -1)
    made = np.empty((len(tables) * many * chunks, DRAWS, len(names)))
    for start in range(0, len(made), LANES):
        lanes = np.minimum(np.arange(start, start + LANES), len(made) - 1)
        table, lane = np.divmod(lanes, many * chunks)
        candidate, chunk = np.divmod(lane, chunks)
        some = {name: column[candidate] for name, column in rows.items()}
        block = program(some, drawn[table * chunks + chunk], scenario, follow)
        stop = min(start + LANES, len(made))
        made[start:stop] = np.asarray(block)[: stop - start]
    shape = (len(tables), many, chunks * DRAWS, len(names))
    return made.reshape(shape)[:, :, :count]


def deviations(problem: Problem, columns: Columns) -> NDArray:
    """Return what no constant explains of log step time, deviation [candidate] [1]."""
    known: dict[tuple[float, ...], float] = {}
    names = ("chips", *(n for n in columns if n.endswith("_parallel")))
    names += ("prefill_chips",) if "prefill_chips" in columns else ()
    names = tuple(name for name in names if name not in EVERY_CHOICE)
    table = np.stack([np.asarray(columns[name], float) for name in names], axis=1)
    unique, place = np.unique(table, axis=0, return_inverse=True)
    for row in unique:
        split = dict(zip(names, map(float, row), strict=True))
        known[tuple(row)] = draws.deviation(problem.scenario, split)
    return np.asarray([known[tuple(row)] for row in unique])[place.reshape(-1)]
