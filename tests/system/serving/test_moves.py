"""Every way that is said of a machine that serves holds over what can be built."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.record import get, leaves, replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.serving.moves import serving_ways
from tests.system.serving.drawn import drawn, given

ROWS, ROUNDING = 96, 1e-9
HARDWARE = (
    "scale_up_bandwidth",
    "scale_out_bandwidth",
    "clock",
    "oversubscription",
    "inlet_temperature",
)
ASKED = {
    "saturated": {},
    "queueing": {"arrival_rate": 20.0, "ttft_limit": 2.0, "ttft_percentile": 0.9},
    "few": {"concurrency": 400.0},
}
# One program serves all of a model.
reports = jax.jit(evaluate)


def more(designs, where, path, by):
    """The machine with `by` times as much of one input, of a share at most all."""
    if "." not in path:
        value = getattr(designs, path) * by
        if path == "clock":
            value = jnp.minimum(value, where.chip.maximum_clock)
        return dataclasses.replace(designs, **{path: value}), where
    value = get(where, path) * by
    share = "efficiency" in path or "share" in path
    return designs, replace(where, path, jnp.minimum(value, 1.0) if share else value)


@pytest.mark.parametrize("batched", [False, True], ids=["solved", "given"])
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("model", ["deepseek_v3_671b", "llama3_70b"])
def test_ways(model, asked, batched):
    where = given("cloudmatrix384", model, **ASKED[asked])
    random, designs = np.random.default_rng(3), drawn(where, ROWS, seed=3)
    if batched:
        count = jnp.asarray(random.integers(1, 100, ROWS), float)
        pools = dataclasses.replace(designs.pools, decode_batch=count)
        designs = dataclasses.replace(designs, pools=pools)
    resting = dataclasses.replace(designs, clock=jnp.full(ROWS, 1e-6))
    base, rest = reports(designs, where), reports(resting, where)
    ways, wrong = serving_ways(batched), []
    for path in (*HARDWARE, *(p for p, _ in leaves(where))):
        if not any(way.sign(path) for way in ways.values()):
            continue
        by = random.choice([1.001, 1.05, 1.8])
        made = reports(*more(designs, where, path, by))
        # What is least at rest moves as said there.
        still = reports(*more(resting, where, path, by))
        for name, way in ways.items():
            sign = way.sign(path)
            if sign is None or (path == "clock" and way.rests):
                continue
            seen, after = (rest, still) if way.rests else (base, made)
            old, new = (np.asarray(get(x, name)) for x in (seen, after))
            slip = np.max(sign * (old - new) / np.maximum(np.abs(old), 1e-30))
            if slip > ROUNDING:
                wrong.append(f"{name} with {path}: {slip:.2g}")
    for name, way in ways.items():
        if way.rests and np.any(get(rest, name) > get(base, name) * (1.0 + ROUNDING)):
            wrong.append(f"{name} is not least at rest")
    assert not wrong, "\n".join(wrong)
