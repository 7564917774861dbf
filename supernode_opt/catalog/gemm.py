"""Fitted GEMM kernels and the networks beside them, as `calibrate` writes them."""

import functools
import json
import os
from importlib import resources
from pathlib import Path

import numpy as np

from supernode_opt.catalog.read import OWN_CATALOG, load, names
from supernode_opt.hardware.gemm import GemmKernel
from supernode_opt.hardware.gemm_residual import Residual

RESIDUAL_FILE = "gemm_residual.json"


def gemm_kernel(name: str) -> GemmKernel:
    """Return the fitted kernel `name`, such as "vllm_blackwell_bf16", in SI.

    Raises:
      UnknownEntry: no such kernel was fitted.
    """
    return load("gemm_kernel", name)


def gemm_kernels() -> dict[tuple[str, str], GemmKernel]:
    """Return the kernel of every architecture and precision.

    The user's own take the place of those that come with the program.
    """
    kernels = [gemm_kernel(name) for name in names("gemm_kernel")]
    return {(kernel.architecture, kernel.precision): kernel for kernel in kernels}


def gemm_residuals() -> tuple[Residual, ...]:
    """Return the fitted networks, the user's own first."""
    shipped = resources.files("supernode_opt.catalog").joinpath(RESIDUAL_FILE)
    texts = [shipped.read_text(encoding="utf-8")] if shipped.is_file() else []
    own = os.environ.get(OWN_CATALOG)
    if own and (Path(own) / RESIDUAL_FILE).is_file():
        texts.insert(0, (Path(own) / RESIDUAL_FILE).read_text(encoding="utf-8"))
    return tuple(_parse(text) for text in texts)


@functools.cache
def _parse(text: str) -> Residual:
    written = json.loads(text)
    return Residual(
        tuple(written["series"]),
        tuple(np.asarray(weight) for weight in written["weights"]),
        tuple(np.asarray(bias) for bias in written["biases"]),
    )
