"""Fit of the network on top of the physics of GEMMs, and whether it earns its place."""

import zlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from supernode_opt.calibration.gemm.predict import (
    Constants,
    kernel_rows,
    places,
    predict,
)
from supernode_opt.calibration.gemm.table import Table
from supernode_opt.hardware.gemm_residual import Residual, features, work_factor

WIDTH = 24
_STEPS, _BATCH, _RATE, _DECAY = 3000, 2048, 5e-3, 1e-3
# Errors below this count squared, greater ones by their size [1].
_QUIET = 0.01
# A network has to take this share off the median error of tokens it has not seen, and
# cannot be told from luck on fewer rows.
_EARNED, _FEWEST = 0.05, 200
# Neighbours that a sweep measures twice, such as 4,096 and 4,097 tokens, stay together.
_BLOCK = 256


class _Rows(NamedTuple):
    """What a network is fitted to, each [row]."""

    seen: ArrayLike
    launch: ArrayLike
    work: ArrayLike
    time: ArrayLike


def fit_network(table: Table, constants: Constants, seed: int) -> Residual | None:
    """Fit a network to the series of `table` that it helps; `None` if there are none.

    Half of the blocks of tokens decide which series those are, by a network fitted to
    the other half.  The `seed` of first weights and batches gives the same weights.
    """
    judging = _blocks(table)
    counts = np.unique(table.series[judging], return_counts=True)[1]
    if not len(counts) or counts.max() < _FEWEST:
        return None
    trial = _fit(table.take(~judging), constants, seed)
    unseen = table.take(judging)
    names = _names(unseen, constants)
    before, after = _errors(unseen, constants), _errors(unseen, constants, trial)
    helped = []
    for name in sorted(set(names)):
        rows = names == name
        gain = 1.0 - np.median(after[rows]) / np.median(before[rows])
        if rows.sum() >= _FEWEST and gain >= _EARNED:
            helped.append(name)
    if not helped:
        return None
    kept = np.isin(_names(table, constants), helped)
    return _fit(table.take(kept), constants, seed)


def _blocks(table: Table) -> np.ndarray:
    """Halve a table by the checksum of its blocks of tokens [row]."""
    blocks = np.asarray(table.m // _BLOCK, int)
    return np.asarray([zlib.crc32(b"%d" % block) & 1 for block in blocks], bool)


def _names(table: Table, constants: Constants) -> np.ndarray:
    """Return "kernel chip" of every row."""
    found = np.full(len(table), "", dtype=object)
    for kernel, rows in kernel_rows(table, constants):
        found[rows] = [f"{kernel.name} {chip}" for chip in table.chip[rows]]
    return found.astype(str)


def _parts(table: Table, constants: Constants) -> tuple[np.ndarray, np.ndarray]:
    """Return launch and work time of every row by physics alone [row] [s]."""
    launch = np.full(len(table), np.nan)
    for kernel, rows in kernel_rows(table, constants):
        launch[rows] = kernel.launch_time
    return launch, predict(table, constants).time - launch


def _errors(
    table: Table, constants: Constants, residual: Residual | None = None
) -> np.ndarray:
    """Return sizes of errors of log time [row] [1]."""
    launch, work = _parts(table, constants)
    if residual is not None:
        series = places(residual, _names(table, constants))
        work = work * work_factor(residual, table.shape, series)
    return np.abs(np.log((launch + np.asarray(work)) / table.time))


def _fit(table: Table, constants: Constants, seed: int) -> Residual:
    """Fit one network to every row.

    Two hidden layers; the last layer starts at zero, so that an untrained network is
    the identity.
    """
    # Only a fit needs the library; what it found is applied without.
    from flax import nnx

    names = _names(table, constants)
    series = tuple(sorted(set(names)))
    one_hot = names[:, None] == np.asarray(series)
    seen = jnp.concatenate([features(table.shape), one_hot], axis=1)
    launch, work = _parts(table, constants)
    rows = jax.tree.map(
        lambda values: jnp.asarray(values, jnp.float32),
        _Rows(seen, launch, work, table.time),
    )
    random, zero = nnx.Rngs(seed), nnx.initializers.zeros
    network = nnx.Sequential(
        nnx.Linear(seen.shape[1], WIDTH, rngs=random),
        jnp.tanh,
        nnx.Linear(WIDTH, WIDTH, rngs=random),
        jnp.tanh,
        nnx.Linear(WIDTH, 1, kernel_init=zero, rngs=random),
    )
    graph, weights = nnx.split(network)
    rule = optax.adamw(optax.cosine_decay_schedule(_RATE, _STEPS), weight_decay=_DECAY)

    def loss(weights: nnx.State, batch: _Rows) -> jax.Array:
        factor = jnp.exp(nnx.merge(graph, weights)(batch.seen)[:, 0])
        error = jnp.log((batch.launch + batch.work * factor) / batch.time)
        return jnp.mean(jnp.sqrt(error**2 + _QUIET**2))

    def step(carry: tuple, key: jax.Array) -> tuple[tuple, None]:
        weights, state = carry
        drawn = jax.random.randint(key, (_BATCH,), 0, len(table))
        slopes = jax.grad(loss)(weights, jax.tree.map(lambda x: x[drawn], rows))
        change, state = rule.update(slopes, state, weights)
        return (optax.apply_updates(weights, change), state), None

    keys = jax.random.split(jax.random.key(seed), _STEPS)
    train = jax.jit(lambda carry, keys: jax.lax.scan(step, carry, keys)[0])
    trained, _ = train((weights, rule.init(weights)), keys)
    fitted = nnx.merge(graph, trained)
    layers = [layer for layer in fitted.layers if isinstance(layer, nnx.Linear)]
    weights, biases = (
        tuple(np.round(np.asarray(part[...], float), 4) for part in parts)
        for parts in zip(*((layer.kernel, layer.bias) for layer in layers), strict=True)
    )
    return Residual(series, weights, biases)
