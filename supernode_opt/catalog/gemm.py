"""Fitted GEMM kernels and the networks beside them, as `calibrate` writes them."""

import functools
import itertools
import json
from importlib import resources
from pathlib import Path

import numpy as np

from supernode_opt.catalog import own
from supernode_opt.catalog.own import RESIDUAL_FILE, BadEntry
from supernode_opt.catalog.read import FILES, load, names
from supernode_opt.hardware.gemm import GemmKernel
from supernode_opt.hardware.gemm_residual import Residual
from supernode_opt.reading.files import read_text
from supernode_opt.reading.node import InputError

# A network of a few thousand weights takes some hundred kilobytes.
_LARGEST = 20_000_000
# What a network sees of a shape, before the series (`hardware.gemm_residual`).
_SHAPE_INPUTS = 4


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
    """Return the fitted networks, the user's own first.

    Raises:
      BadEntry: one of the user's own cannot be used.
    """
    file = resources.files("supernode_opt.catalog").joinpath(RESIDUAL_FILE)
    shipped = [_parse(file.read_text(encoding="utf-8"))] if file.is_file() else []
    paths = [folder / RESIDUAL_FILE for folder in own.folders(FILES)]
    return (*(_own(path) for path in reversed(paths) if path.exists()), *shipped)


def _own(path: Path) -> Residual:
    try:
        return _parse(read_text(path, _LARGEST))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise BadEntry(str(error)) from None
        raise BadEntry(f"{path}: is no network of a calibration") from None


@functools.cache
def _parse(text: str) -> Residual:
    written = json.loads(text)
    weights = tuple(np.asarray(weight, float) for weight in written["weights"])
    biases = tuple(np.asarray(bias, float) for bias in written["biases"])
    series = tuple(map(str, written["series"]))
    widths = [_SHAPE_INPUTS + len(series), *(bias.size for bias in biases)]
    layers = list(itertools.pairwise(widths))
    if [weight.shape for weight in weights] != layers or widths[-1] != 1:
        raise ValueError("weights and biases do not fit together")
    if not all(np.isfinite(part).all() for part in (*weights, *biases)):
        raise ValueError("not every number is finite")
    return Residual(series, weights, biases)
