"""How unevenly tokens fall on expert ranks, by hand and by throwing them."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.batch.case import case_of
from supernode_opt.catalog.origins import Origins
from supernode_opt.smooth import greatest_normal
from supernode_opt.system.communication import communication
from supernode_opt.system.layer_times import layer_times
from supernode_opt.system.scenario import expert_imbalance
from supernode_opt.uncertainty.constants import drawn_value, uncertain
from supernode_opt.workload.operators import Split
from supernode_opt.workload.routing import Routing, busiest
from tests.plain import EXPERTS, design, repeated, same, scenario
from tests.system.test_layer_values import BYTES, HELD

SPLIT = Split(tensor=2.0, context=1.0, expert=4.0, sequence=1.0, tokens=16.0)


@pytest.mark.parametrize(
    # Harter 1961, "Expected Values of Normal Order Statistics", and how far off it is.
    ("count", "published", "off"),
    [(2, 0.56419, 0.045), (10, 1.53875, 0.0051), (100, 2.50759, -0.0036)],
)
def test_the_greatest_of_several_normals(count, published, off):
    found = float(greatest_normal(count))
    assert found / published - 1.0 == pytest.approx(off, abs=1e-3)


def test_imbalance_by_hand():
    # Two of 16 experts of eight tokens: 16 picks, over four ranks.  Of chance 14 / 15
    # / 16, of popularity 0.3^2 * 4 / 16, both less a quarter.
    routing = Routing(popularity=0.3, scale=2.0)
    scatter = np.sqrt(0.75 * (14.0 / 15.0 / 16.0 + 0.09 / 4.0))
    wanted = 1.0 + 2.0 * float(greatest_normal(4.0)) * scatter
    same(busiest(routing, EXPERTS, 4.0, 8.0), wanted)
    # One rank has everything; what was measured is taken, its excess scaled.
    same(busiest(Routing(popularity=0.3), EXPERTS, 1.0, 8.0), 1.0)
    same(busiest(Routing(imbalance=1.3, scale=2.0), EXPERTS, 4.0, 8.0), 1.6)
    shared = SPLIT._replace(expert_tensor=4.0)
    given = scenario(EXPERTS, routing=routing)
    same(expert_imbalance(given, SPLIT), wanted)
    same(expert_imbalance(given, shared), busiest(routing, EXPERTS, 4.0, 32.0))


def test_imbalance_of_thrown_tokens():
    """Eight of 64 experts by each of 4,096 tokens, 64 experts on 8 ranks."""
    random = np.random.default_rng(1)
    model = dataclasses.replace(EXPERTS, experts=64.0, top_k=8.0)
    told = float(busiest(Routing(), model, 8.0, 512.0)) - 1.0
    found = []
    for _ in range(40):
        picked = random.random((4096, 64)).argpartition(8, axis=1)[:, :8]
        loads = np.bincount(picked.ravel() // 8, minlength=8)
        found.append(loads.max() / loads.mean() - 1.0)
    # Forty throws scatter by 5 % around their mean.
    assert np.mean(found) == pytest.approx(told, rel=0.15)


def test_what_an_imbalance_moves():
    """What the software's own moves; of three splits at once, each its own."""
    chosen = design(expert_parallel=4.0, tensor_parallel=2.0, sequence_parallel="on")

    @functools.partial(jax.jit, static_argnums=1)
    def found(split, by_routing):
        given = scenario(EXPERTS, software__expert_imbalance=1.0 if by_routing else 1.5)
        if by_routing:
            given = dataclasses.replace(given, routing=Routing(imbalance=1.5))
        shape = jnp.shape(split.tokens)
        modules = jax.tree.map(lambda share: jnp.broadcast_to(share, shape), repeated())
        times, head = layer_times(given, split, modules, 0.8, jnp.inf)
        comm = communication(chosen, given, split, HELD, 2.0, BYTES, jnp.inf)
        return *times, head, *comm

    named = found(jax.tree.map(lambda size: jnp.full(3, size), SPLIT), True)
    stated = found(SPLIT, False)
    for one, other in zip(named, stated, strict=True):
        same(*jnp.broadcast_arrays(one, other[..., None]))


def test_slopes_are_finite_where_one_rank_has_all():
    slope = jax.grad(lambda n: busiest(Routing(popularity=0.3), EXPERTS, n, 8.0))
    assert np.isfinite(slope(1.0))
    assert slope(4.0) > 0.0
    # Without routing nothing is handed to a program.
    leaves = [
        len(jax.tree.leaves(case_of(design(), scenario(EXPERTS, routing=one))))
        for one in (None, Routing())
    ]
    assert leaves[1] == leaves[0] + 3


def test_a_spread_is_drawn():
    known = uncertain(scenario(EXPERTS, routing=Routing(spread=0.5)), Origins())
    constant = known["routing", "", "scale"]
    # The logarithm of the scale is normal: exp(0.5) at one standard deviation.
    same(drawn_value(constant, np.asarray([-1.0, 0.0, 1.0])), np.exp([-0.5, 0.0, 0.5]))
    assert not uncertain(scenario(EXPERTS, routing=Routing()), Origins())
