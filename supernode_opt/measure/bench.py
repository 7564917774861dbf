"""What every measurement needs: devices, seed, time per point, random operands."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from supernode_opt.measure.devices import Device
from supernode_opt.measure.watts import Meter

# Random numbers repeat after so many; more would only take time to draw.
_BLOCK = 1 << 20
_MOST_SETS = 64


@dataclasses.dataclass(frozen=True)
class Bench:
    """The place where points are measured.

    Attributes:
      device: its description.
      local: JAX's local devices.
      seed: of the operands.
      window: time per point [s].
      quick: only as much as a test needs.
      meter: source of watts, if any.
    """

    device: Device
    local: tuple[Any, ...]
    seed: int
    window: float
    quick: bool = False
    meter: Meter | None = None

    @functools.cached_property
    def _block(self) -> np.ndarray:
        normal = np.random.default_rng(self.seed).standard_normal(_BLOCK)
        return normal.astype(np.float32)

    def operand(self, shape: tuple[int, ...], dtype: Any, turn: int = 0) -> Any:
        """Put random normal numbers on the first device; `turn` shifts them."""
        block = np.roll(self._block, 977 * turn).astype(dtype)
        return jax.device_put(np.resize(block, shape), self.local[0])

    def sets(self, size: float) -> int:
        """How many operand sets of `size` [B] keep a cache from holding them all."""
        cold = min(2.0 * self.device.cache, 0.1 * self.device.usable)
        return int(min(max(cold / size, 1.0), _MOST_SETS))
