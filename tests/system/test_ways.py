"""Every way that is said of a quantity holds over the box, on every catalog system."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.problem.variables import HARDWARE
from supernode_opt.record import get, leaves
from supernode_opt.search.relaxations import BOUNDLESS, without_distance
from supernode_opt.system.design import CHOICES, Design
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.parts import PART_FACTS
from supernode_opt.system.report import FACTS, SCALARS
from supernode_opt.system.scenario import apply
from supernode_opt.units import quantity_of
from supernode_opt.workload.model import Training
from supernode_opt.workload.recompute import RECOMPUTE
from supernode_opt.workload.split import enumerate_splits

SAID = {
    name: facts.ways
    for name, facts in (FACTS | PART_FACTS).items()
    if name in SCALARS or name in PART_FACTS
}
TRAINING = Training(sequence_length=4096.0, global_batch=512.0)
ROWS, ROUNDING = 24, 1e-10
BOX = {
    "scale_up_bandwidth": (1 / 8, 4.0),
    "scale_out_bandwidth": (1 / 8, 4.0),
    "coolant_flow": (1 / 4, 4.0),
}
OWN = {"oversubscription": (1.0, 8.0), "inlet_temperature": (288.15, 318.15)}
SIZES = {
    "chips": (16, 64, 384, 1024),
    "tensor_parallel": (1, 4, 8),
    "pipeline_parallel": (1, 4),
    "context_parallel": (1, 2),
    "expert_parallel": (1, 8),
    "interleave": (1, 2),
    "micro_batch": (1, 2),
    "scale_up_domain": (8, 16, 64, 384),
}


def given(system, model):
    """Return a scenario without names, so that few programs serve all."""
    where = catalog.scenario(system, model, TRAINING)
    parts = {
        f.name: dataclasses.replace(getattr(where, f.name), name="")
        for f in dataclasses.fields(where)
        if hasattr(getattr(where, f.name), "name")
    }
    # Three technologies everywhere, one with copper on short links.
    names = ("copper_lpo", "dsp", "cpo")
    links = tuple(dataclasses.replace(catalog.load("link", n), name="") for n in names)
    return jax.tree.map(float, dataclasses.replace(where, links=links, **parts))


def rows(where, system, random):
    """Draw designs from the box."""
    values = {name: random.choice(s, ROWS).astype(float) for name, s in SIZES.items()}
    usual = catalog.system(system).design
    for name, ends in BOX.items():
        values[name] = usual[name] * np.exp(random.uniform(*np.log(ends), ROWS))
    for name, ends in OWN.items():
        values[name] = random.uniform(*ends, ROWS)
    values["clock"] = random.uniform(0.3, where.chip.maximum_clock, ROWS)
    for name, options in CHOICES.items():
        width = len(options) or len(where.links)
        values[name] = np.eye(width)[random.integers(width, size=ROWS)]
    return values


@functools.partial(jax.jit, static_argnames="names")
def reported(values, constants, where, names):
    def one(values, constants):
        report = evaluate(Design(**values), apply(where, constants))
        return jnp.stack([jnp.asarray(get(report, name), float) for name in names])

    return jax.vmap(one)(values, constants)


def most(where, path):
    """Return the greatest value that makes sense of the input `path`."""
    owner, _, field = path.rpartition(".")
    high = quantity_of(type(get(where, owner)), field).high if owner else None
    return np.inf if high is None else high


@pytest.mark.parametrize("model", ["llama3_70b", "deepseek_v3_671b"])
@pytest.mark.parametrize("system", catalog.names("system"))
def test_ways(system, model):
    where, random = given(system, model), np.random.default_rng(0)
    values = rows(where, system, random)
    constants = {path: np.full(ROWS, x) for path, x in leaves(where) if "." in path}
    names = tuple(SAID)
    moved = [
        path
        for path in (*HARDWARE, "scale_up_domain", *constants)
        if any(SAID[q].sign(path) for q in names)
    ]
    # One lane as it is, then one for each input that is moved.
    lanes = len(moved) + 1

    def wide(column):
        return np.concatenate([column] * lanes)

    drawn = {name: wide(column) for name, column in values.items()}
    fixed = {path: wide(column) for path, column in constants.items()}
    for lane, path in enumerate(moved, 1):
        column = (drawn if path in drawn else fixed)[path]
        part = slice(lane * ROWS, (lane + 1) * ROWS)
        more = column[part] * (1.0 + random.choice([1e-3, 0.05, 0.8], ROWS))
        column[part] = np.minimum(more, most(where, path))
    shape = (lanes, ROWS, len(names))
    base = np.asarray(reported(drawn, fixed, where, names)).reshape(shape)
    drawn["clock"] = np.full(lanes * ROWS, 1e-6)
    rest = np.asarray(reported(drawn, fixed, where, names)).reshape(shape)
    wrong = []
    for k, quantity in enumerate(names):
        ways = SAID[quantity]
        seen = (rest if ways.rests else base)[..., k]
        for lane, path in enumerate(moved, 1):
            sign = ways.sign(path)
            if sign is None or (path == "clock" and ways.rests):
                continue
            slip = sign * (seen[0] - seen[lane]) / np.maximum(np.abs(seen[0]), 1e-30)
            if np.max(slip) > ROUNDING:
                wrong.append(f"{quantity} with {path}: {np.max(slip):.2g}")
        if ways.rests and np.any(rest[..., k] > base[..., k] * (1.0 + ROUNDING)):
            wrong.append(f"{quantity} is not least at rest")
    assert not wrong, "\n".join(wrong)


KIN, ROUNDED = 2048, 1e-12
KINDS = {
    "recompute": (0, 1, 2, 3, 4),
    "optimizer_sharding": (0, 1, 2, 3),
    "sequence_parallel": (0, 1),
}


def kindred(where, random):
    """Draw families of legal splits; return their members and whose each is."""
    ranks = int(where.chip.ranks_per_chip)
    job = where.model, where.training
    every = enumerate_splits(*job, (64, 384), {}, KINDS, ranks=ranks)
    names = [n for n in every if n not in ("expert_parallel", "recompute")]
    table = np.stack([every[n] for n in names])
    _, family = np.unique(table, axis=1, return_inverse=True)
    family = family.reshape(-1)
    drawn = random.permutation(family.max() + 1)
    rank = np.argsort(drawn)[family]
    order = np.argsort(rank, kind="stable")[:KIN]
    # The last family may be cut off: its members are as good as any.
    return {n: column[order] for n, column in every.items()}, rank[order]


def in_rows(columns, where, usual):
    """Return splits as designs with boundless ports, at the machine's own clock."""
    made = {name: np.full(KIN, float(usual[name])) for name in HARDWARE}
    made |= {name: np.full(KIN, BOUNDLESS) for name in BOX if "bandwidth" in name}
    made |= {name: columns[name].astype(float) for name in SIZES if name in columns}
    made["scale_up_domain"] = made["chips"]
    for name, options in CHOICES.items():
        width = len(options) or len(where.links)
        made[name] = np.eye(width)[columns.get(name, np.zeros(KIN, int))]
    return made


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(
    ("system", "model"),
    [
        ("cloudmatrix384", "deepseek_v3_671b"),
        ("gb200_nvl72", "mixtral_8x7b"),
        ("dgx_h100", "llama3_70b"),
    ],
)
def test_kindred(system, model, eager):
    where = given(system, model)
    software = dataclasses.replace(where.software, eager=eager, thrash=0.0)
    where = dataclasses.replace(where, software=software)
    columns, family = kindred(where, np.random.default_rng(7))
    usual = catalog.system(system).design
    names = tuple(n for n, ways in SAID.items() if ways.kindred)
    values = in_rows(columns, where, usual)
    # Where no hop takes time; what sees none of them does not mind.
    table = np.asarray(reported(values, {}, without_distance(where), names))
    experts = columns["expert_parallel"]
    most = np.zeros(family.max() + 1, int)
    np.maximum.at(most, family, experts)
    for name, found in zip(names, table.T, strict=True):
        least = np.full(family.max() + 1, np.inf)
        np.minimum.at(least, family, found)
        place = RECOMPUTE.index(SAID[name].kindred)
        said = (experts == most[family]) & (columns["recompute"] == place)
        assert said.sum() > 20
        excess = found[said] / least[family[said]] - 1.0
        assert np.max(excess) <= ROUNDED, (name, np.max(excess))
