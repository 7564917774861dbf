"""The slowest and the fullest stage, against a list of all of them."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.system.job import rank_memory, rank_share
from supernode_opt.system.parts import total
from supernode_opt.system.pipeline import place_layers, with_later
from supernode_opt.workload.activations import in_flight
from tests.plain import EXPERTS, design, same, scenario

DEEP = dataclasses.replace(EXPERTS, layers=61.0, dense_layers=3.0)


def every_stage(layers, dense, stages, ends):
    """Fill stages front to back; return (dense, expert) layers of each."""
    first, last = ends
    others = stages - bool(first) - bool(last)
    full = -(-(layers - first - last) // max(others, 1))
    counts = [first or full, *[full] * (stages - 2)]
    counts += [last or layers - sum(counts)]
    found, start = [], 0
    for count in counts:
        plain = min(max(dense - start, 0), count)
        found.append((plain, count - plain))
        start += count
    return np.asarray(found, float)


CASES = [
    # The third stage is the first without dense layers.
    (61, 3, 16, (2, 3)),
    (61, 3, 31, (0, 0)),
    # Dense layers end within the fifth of them, or within the last but one.
    (61, 18, 16, (0, 0)),
    (61, 58, 16, (0, 0)),
    (61, 3, 16, (0, 0)),
    (61, 61, 8, (0, 0)),
    (61, 0, 8, (5, 0)),
    (6, 3, 3, (0, 0)),
    (6, 3, 2, (0, 0)),
]


@pytest.mark.parametrize(("layers", "dense", "stages", "ends"), CASES)
def test_the_heaviest_stage_is_among_those_that_are_looked_at(
    layers, dense, stages, ends
):
    model = dataclasses.replace(DEEP, layers=float(layers), dense_layers=float(dense))
    placed = place_layers(model, float(stages), 1.0, False, ends)
    placed = with_later(model, placed, float(stages), False)
    looked = np.stack([placed.dense, placed.expert], axis=-1)
    listed = every_stage(layers, dense, stages, ends)
    # As many micro-batches in flight as stages are left: 1F1B.
    held = np.asarray(in_flight(float(stages), 1.0, 999.0, placed.before))
    left = np.arange(stages, 0.0, -1.0)
    if stages > 2:
        # At the last stage stands more than layers, which is told by itself.
        looked, listed = looked[[0, 1, 3, 4]], listed[:-1]
        held, left = held[[0, 1, 3, 4]], left[:-1]
    else:
        looked, held = looked[[0, 2]], held[[0, 2]]
    for states, stored in np.random.default_rng(3).uniform(0.1, 1.0, (20, 2, 2)):
        same((looked @ states).max(), (listed @ states).max())
        fullest = looked @ states + held * (looked @ stored)
        every = listed @ states + left * (listed @ stored)
        same(fullest.max(), every.max())


def test_relaxed_stages_are_three():
    placed = place_layers(DEEP, 31.0, 1.0, True)
    assert with_later(DEEP, placed, 31.0, True) is placed
    traced = with_later(DEEP, placed, 31.0, jnp.asarray(True))
    same([traced.dense[3], traced.dense[4]], [placed.dense[1]] * 2)


def test_a_later_stage_stands_for_the_second():
    """31 stages of two layers: two dense, one of each kind, then two of experts."""
    given = scenario(DEEP, training__global_batch=31.0)
    chosen = design(chips=31.0, pipeline_parallel=31.0)
    _, stages, held, _ = rank_share(chosen, given, False)
    same(stages.dense, [2.0, 1.0, 0.0, 1.0, 0.0])
    same(stages.expert, [0.0, 1.0, 1.0, 1.0, 2.0])
    same(stages.before, [1.0, 2.0])
    # Two layers of experts, of 16 each, and nothing else.
    same(held.routed[4], 2.0 * held.routed_layer)
    memory = rank_memory(chosen, given)
    assert memory.weights.shape == (3,)
    # Of 18 B a parameter; 29 micro-batches of the third stage are in flight.
    same(memory.gradients[1], 4.0 * 2.0 * (held.expert_layer + held.routed_layer))
    assert float(total(memory)[1]) > 0.0
