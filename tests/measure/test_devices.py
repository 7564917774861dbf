"""Several devices: collectives compute what they should, replicas train alike."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import jax
import numpy as np

from supernode_opt.measure import collectives, training
from supernode_opt.measure.devices import Bench
from supernode_opt.measure.devices import describe
from supernode_opt.measure.plan import Point, Speed
from supernode_opt.measure.running import SECTIONS

local = tuple(jax.local_devices())
assert len(local) == 2
device = describe(local)
assert device.count == 2
bench = Bench(device, local, 0, 0.02, True)

points = collectives.points(device, Speed(1e11, 2e10), True)
assert {p.sizes["operation"] for p in points} == set(collectives.OPERATIONS)
for operation in collectives.OPERATIONS:
    sizes = {"operation": operation, "devices": 2, "bytes": 4096}
    program, operand = collectives.prepare(Point("collective", sizes, 0.0), bench)
    given, found = np.asarray(operand).reshape(2, -1), np.asarray(program(operand))
    if operation == "all_gather":
        assert found.nbytes == 4096
        assert np.array_equal(found, given.reshape(-1))
        continue
    assert given[0].nbytes == 4096
    total = given.sum(axis=0)
    halves = given.reshape(2, 2, -1)
    wanted = {
        "all_reduce": np.stack([total, total]),
        "reduce_scatter": total,
        "alltoall": halves.transpose(1, 0, 2),
    }[operation]
    assert np.allclose(found.reshape(-1), wanted.reshape(-1), rtol=1e-5), operation
timing = collectives.run(points[0], bench)
assert timing.seconds > 0.0

shape = {"width": 64, "layers": 1, "length": 32, "vocabulary": 64}


def losses(batch, devices, micro, steps):
    sizes = {**shape, "batch": batch, "devices": devices, "micro_batches": micro}
    step = training.stepper(Point("training", sizes, 0.0), bench)
    return [float(step()[0]) for _ in range(steps)]


with jax.enable_x64(False):
    together, alone = losses(1, 2, 4, 3), losses(2, 1, 4, 3)
    once = losses(2, 1, 1, 40)
# The same sequences on two devices or on one: the same loss, step by step.
assert np.allclose(together, alone, rtol=5e-3), (together, alone)
# Random tokens of 64 kinds cost about their logarithm; a step of Adam lowers that.
assert 4.0 < once[0] < 5.5, once
assert once[-1] < once[0] - 0.1, once
print("fine")
"""


def test_two_devices():
    flags = "--xla_force_host_platform_device_count=2"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE],
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.strip() == "fine"
