"""Names as people write them, turned into those of the program where that is clear.

`TP`, `Tensor-Parallel` and `tp` are `tensor_parallel`; `MFU` is `mfu`.  A name that
only resembles one is refused, with the nearest one named.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from supernode_opt.calibration.data.columns import SHORT
from supernode_opt.reading.node import Node, plain_word
from supernode_opt.system.design import EVERY_CHOICE, EVERY_NUMBER
from supernode_opt.system.report import SERVING_SCALARS

_DESIGN = "design."
# The short names that tables of runs and launch scripts have for the split.
_SHORT = {
    column: path.removeprefix(_DESIGN)
    for path, column in SHORT.items()
    if path.startswith(_DESIGN)
}
# Serving engines call the groups that attend to requests of their own so.
_SHORT |= dict.fromkeys(("adp", "attention_dp"), "attention_data_parallel")
# Of the pools of a machine that serves, whose fields may stand below their name.
_POOLS = ("decode", "prefill")
_FIELDS = {plain_word(name): name for name in (*EVERY_NUMBER, *EVERY_CHOICE)}
_QUANTITIES = {plain_word(name): name for name in SERVING_SCALARS}


def field(name: str) -> str:
    """Return the design field that people call `name`, or the name itself.

    >>> field("TP"), field("micro-batch"), field("chip.tdp")
    ('tensor_parallel', 'micro_batch', 'chip.tdp')
    >>> field("decode.batch"), field("decode.tp"), field("prefill.tp")
    ('decode_batch', 'tensor_parallel', 'prefill_tensor_parallel')
    """
    found = _FIELDS.get(plain_word(name)) or _SHORT.get(name.lower())
    if found is None and name.startswith(tuple(f"{pool}." for pool in _POOLS)):
        pool, _, inner = name.partition(".")
        inner = field(inner)
        own = f"{pool}_{inner}"
        # What is shared is of decode.
        found = own if own in EVERY_NUMBER or pool == "prefill" else inner
    return found or name


def quantity(name: str) -> str:
    """Return the quantity of a report that people call `name`, or the name itself.

    >>> quantity("MFU"), quantity("Step time"), quantity("speed")
    ('mfu', 'step_time', 'speed')
    """
    return _QUANTITIES.get(plain_word(name), name)


# What is called by names that people vary, by section.
_SECTIONS: Mapping[str, Callable[[str], str]] = {
    "design": field,
    "plan": field,
    "constraints": quantity,
}


def canonical(top: Node) -> Node:
    """Return a document whose design fields and limits have the program's names.

    Raises:
      StudyError: one of them is written twice, under two names.
    """
    if not isinstance(top.value, dict):
        return top
    changed = {
        name: renamed(_flat(child), _SECTIONS[name]) if name in _SECTIONS else child
        for name, child in top.value.items()
    }
    return dataclasses.replace(top, value=changed)


def _flat(node: Node) -> Node:
    """Return a section in which the fields of a pool stand beside the others."""
    if not isinstance(node.value, dict):
        return node
    children: dict[str, Node] = {}
    for name, child in node.value.items():
        if name in _POOLS and isinstance(child.value, dict):
            children |= {f"{name}.{n}": inner for n, inner in child.value.items()}
        else:
            children[name] = child
    return dataclasses.replace(node, value=children)


def renamed(node: Node, name_of: Callable[[str], str]) -> Node:
    """Return a mapping whose keys are what `name_of` makes of them.

    Raises:
      StudyError: two of them are the same then.
    """
    if not isinstance(node.value, dict):
        return node
    children: dict[str, Node] = {}
    for written, child in node.value.items():
        name = name_of(written)
        if name in children:
            child.fail(f"is written twice, as `{name}` too")
        if name != written:
            # Below it nothing has names.
            path = f"{node.path}.{name}" if node.path else name
            child = dataclasses.replace(child, path=path)
        children[name] = child
    return dataclasses.replace(node, value=children)


def path(words: Sequence[str]) -> list[str]:
    """Return the words of a dotted path into a document, with the program's names."""
    found = list(words)
    if len(found) > 1 and found[0] in _SECTIONS:
        found[1] = _SECTIONS[found[0]](found[1])
    return found
