"""How the package's large programs are compiled: soon, and fast enough.

They have thousands of small operations, and most of a short study is spent compiling
them.  On CPUs, XLA's own fusion emitters and LLVM's slowest passes take more than twice
the time of what is used here and gain nothing that was measured: of the relaxed descent
45 s of compilation become 12 s, and running takes no longer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jaxlib.version

OPTIONS = {
    "xla_llvm_disable_expensive_passes": True,
    "xla_backend_optimization_level": 1,
}
# Later versions of XLA have no other emitters, and refuse the option.
if jaxlib.version.__version_info__ <= (0, 11, 0):
    OPTIONS["xla_cpu_use_fusion_emitters"] = False

# Of programs that run for milliseconds: half the time to compile, twice to run.
QUICK = {"xla_backend_optimization_level": 0}

# `jax.jit` for programs that are not part of another one.
compiled: Callable[..., Any] = partial(jax.jit, compiler_options=OPTIONS)
