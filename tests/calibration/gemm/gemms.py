"""Tables of GEMMs for tests, made by the model itself from constants of our own."""

import csv

import jax
import numpy as np

from supernode_opt.calibration.gemm.table import rates
from supernode_opt.hardware.gemm import GemmKernel, Package, Shape, gemm

HEADER = ["system", "gemm_dtype", "m", "n", "k"]
HEADER += ["latency_ms", "power_w", "power_limit_w"]
# H100 with constants unlike those of the catalog.
KERNEL = GemmKernel(
    operand_bytes=2.0,
    cast_bytes=0.0,
    cast_row=0.0,
    cast_efficiency=1.0,
    array_efficiency=0.85,
    inner=250.0,
    wave=1e5,
    launch_time=5e-6,
    overlap=2.5,
    cache=50e6,
    idle_power=90.0,
    clock_power=220.0,
    flop_energy=0.6e-12,
    byte_energy=96e-12,
    reference_rate=989.4e12,
    power_exponent=2.9,
    voltage_floor=0.5,
    limit_share=0.99,
    architecture="hopper",
    precision="bf16",
)


def shapes(count, seed=0):
    """Return rounded random shapes from 128 to 32,768 [count, 3]."""
    random = np.random.default_rng(seed)
    logs = np.log2(128) + 8.0 * random.random((count, 3))
    return np.round(2.0**logs / 64.0).astype(int) * 64


@jax.jit
def cost(shape, package):
    return gemm(KERNEL, shape, package, repeat=1.0 / 6.0)


def rows(count, limits=(400.0, 550.0, 700.0), seed=0):
    """Return cells of measured rows, every shape at every limit."""
    sides = np.repeat(shapes(count, seed), len(limits), axis=0)
    watts = np.tile(limits, count)
    package = Package(*rates("h100_sxm", "bf16"), watts)
    found = cost(Shape(*sides.T.astype(float)), package)
    return [
        ["h100_sxm", "bfloat16", *map(str, side), repr(1e3 * t), repr(p), repr(w)]
        for side, t, p, w in zip(
            sides.tolist(),
            np.asarray(found.time).tolist(),
            np.asarray(found.power).tolist(),
            watts.tolist(),
            strict=True,
        )
    ]


def write(path, cells, header=HEADER):
    """Write cells as a CSV file and return its path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *cells])
    return path
