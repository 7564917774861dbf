"""Small kernels of a layer: how many there are, and what starting them takes.

The counts are those of captured graphs of vLLM, SGLang and TensorRT-LLM by kind of
layer; with them one time per kernel and stack fits steps of 2,038 measured designs of
nine models to 7.5 % (median).
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import root
from supernode_opt.workload.mixers import mixer_shares
from supernode_opt.workload.model import Model
from supernode_opt.workload.serving import Formats

# Kernels of every attention block, of a dense FFN, of experts, of shared ones beside
# them, and what latent attention has more.
ATTENTION, DENSE, EXPERTS, SHARED, LATENT = 6.0, 3.0, 7.0, 9.0, 12.0
# What linear attention (gated delta rule), and what an indexer has more.
LINEAR, INDEX = 15.0, 8.0
# To quantise activations before the products of attention, or of the FFN.
QUANTISING = 3.0
# Products among them, whose start hides behind their own reading.
PRODUCTS, PRODUCTS_EXPERTS, PRODUCTS_LATENT = 4.0, 5.0, 3.0


def kernels(model: Model, formats: Formats) -> Array:
    """Kernels of a layer, averaged over the layers [1]."""
    sparse = (model.layers - model.dense_layers) / model.layers
    shared = jnp.minimum(model.shared_experts, 1.0)
    count = ATTENTION + DENSE + sparse * (EXPERTS - DENSE + SHARED * shared)
    shares = mixer_shares(model)
    if model.attention in ("mla", "factored"):
        count = count + LATENT * shares["attention"]
    count = count + LINEAR * shares["linear"] + INDEX * shares["index"]
    # BF16 operands need no quantising; a step between one byte and two.
    low = jnp.clip(2.0 - jnp.asarray(formats.activation_bytes), 0.0, 1.0)
    return count + 2.0 * QUANTISING * jnp.minimum(low * 4.0, 1.0)


def products(model: Model) -> Array:
    """Products among the kernels of a layer [1]."""
    sparse = (model.layers - model.dense_layers) / model.layers
    count = PRODUCTS + sparse * (PRODUCTS_EXPERTS - PRODUCTS)
    latent = model.attention in ("mla", "factored")
    return count + (PRODUCTS_LATENT * mixer_shares(model)["attention"] * latent)


def started(
    model: Model, formats: Formats, working: ArrayLike, launch_time: ArrayLike
) -> Array:
    """Time that starting the kernels of a layer adds to `working` products [s].

    The next product's reading begins while the last one ends: of both the root of the
    squares counts.  All other kernels take their turn.
    """
    count, ours = kernels(model, formats), products(model)
    hidden = ours * launch_time
    with_products = root(jnp.square(working) + jnp.square(hidden))
    return with_products - working + (count - ours) * launch_time
