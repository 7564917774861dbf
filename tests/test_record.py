"""Records that were declared before JAX was imported are pytrees to it all the same."""

import pickle
import subprocess
import sys

import jax
import pytest

from supernode_opt.system.parts import Heat

FIELDS = {name: 1.0 for name in Heat.__dataclass_fields__}
# Declared without JAX, then met by it as a new instance and out of a pickle.
LATE = """
import pickle, sys
from supernode_opt.system.parts import Heat
assert "jax" not in sys.modules
made = {made}
import jax
doubled = jax.tree.map(lambda x: 2.0 * x, made)
assert type(doubled) is Heat
assert set(vars(doubled).values()) == {{2.0}}, doubled
assert jax.tree.structure(made).num_leaves == len(vars(made))
"""
PICKLED = pickle.dumps(Heat(**FIELDS))
PYDANTIC = f"__import__('pydantic').TypeAdapter(Heat).validate_python({FIELDS!r})"


@pytest.mark.parametrize(
    "made", [f"Heat(**{FIELDS!r})", f"pickle.loads({PICKLED!r})", PYDANTIC]
)
def test_a_record_declared_before_jax_is_a_pytree(made):
    ran = subprocess.run(
        [sys.executable, "-c", LATE.format(made=made)], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def test_a_record_declared_after_jax_is_a_pytree_at_once():
    assert len(jax.tree.leaves(Heat(**FIELDS))) == len(FIELDS)
