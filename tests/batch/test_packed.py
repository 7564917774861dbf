"""What is packed comes out as it went in."""

import jax
import numpy as np

from supernode_opt.batch.packed import packed, unpacked
from supernode_opt.batch.precise import precisely


@precisely
def test_trees_come_back_with_shapes_and_types():
    tree = {
        "none": np.zeros((0, 3)),
        "place": np.array([3, 1], np.int32),
        "rate": 0.1,
        "table": np.arange(6.0).reshape(2, 3),
        "whether": np.array([True, False]),
    }
    vector, form = packed(tree)
    assert vector.shape == (11,)
    found = jax.jit(lambda x: unpacked(x, form))(vector)
    assert jax.tree.structure(found) == jax.tree.structure(tree)
    for name, value in tree.items():
        assert found[name].dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(found[name], value)


def test_other_shapes_are_another_form():
    one, other = ({"x": np.zeros(n), "y": np.zeros(3 - n)} for n in (1, 2))
    assert packed(one)[1] != packed(other)[1]
    assert packed(one)[1] == packed({"x": np.ones(1), "y": np.ones(2)})[1]
