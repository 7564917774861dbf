"""One definition per quantity: a frozen dataclass that is schema and pytree at once.

`record` turns a class into a keyword-only frozen dataclass, registers it as a JAX
pytree and forbids unknown keys when pydantic reads it from a file.  Validation happens
only at that boundary; inside the program a field may hold a float, an array with any
batch shape, or a tracer.
"""

import dataclasses
import functools
import sys
import threading
from collections.abc import Iterator
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict

from supernode_opt.reading.node import did_you_mean

Record = TypeVar("Record")
# Classes that JAX has not been told of.
_waiting: list[type] = []
_turn = threading.Lock()


def static(*, default: Any = dataclasses.MISSING) -> Any:
    """Declare a field that shapes the program, not its numbers (a name, a kind)."""
    return dataclasses.field(default=default, metadata={"static": True})


def flag(*, default: Any = dataclasses.MISSING) -> Any:
    """Declare a field that is data, but no quantity one could have more of (a yes)."""
    return dataclasses.field(default=default, metadata={"flag": True})


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(static, flag)
)
def record(cls: type[Record]) -> type[Record]:
    """Make `cls` a frozen keyword-only dataclass, a pytree and a strict schema."""
    cls.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
    made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    fields = dataclasses.fields(made)  # pyrefly: ignore[bad-argument-type]
    _name_the_near(made, {field.name for field in fields})
    _waiting.append(made)
    if "jax" in sys.modules:
        register()
    else:
        # What is told of results needs no JAX, whose import takes most of a second.
        _register_first(made)
    return made


def register() -> None:
    """Tell JAX of every record there is, as has to be done before it meets one."""
    with _turn:
        if not _waiting:
            return
        import jax

        while _waiting:
            made = _waiting.pop()
            fields = dataclasses.fields(made)
            jax.tree_util.register_dataclass(
                made,
                data_fields=[f.name for f in fields if not f.metadata.get("static")],
                meta_fields=[f.name for f in fields if f.metadata.get("static")],
            )


def _register_first(made: Any) -> None:
    """Let the first instance of `made`, however it comes about, register the class."""

    def new(cls: Any, *_: Any, **__: Any) -> Any:
        register()
        return object.__new__(cls)

    made.__new__ = staticmethod(new)


def _name_the_near(made: Any, names: set[str]) -> None:
    """Let the error of an unknown field say which one was probably meant."""
    plain = made.__init__

    @functools.wraps(plain)
    def init(self: Any, **values: Any) -> None:
        for name in values.keys() - names:
            near = did_you_mean(name, sorted(names))
            raise TypeError(f"{made.__name__} has no field `{name}`{near}")
        plain(self, **values)

    made.__init__ = init


def is_record(value: object) -> bool:
    """Tell whether `value` is an instance of a `record` class."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def get(tree: Any, path: str) -> Any:
    """Read the dotted `path` below `tree`; raise `AttributeError` if there is none."""
    for name in path.split("."):
        tree = tree[int(name)] if isinstance(tree, tuple) else getattr(tree, name)
    return tree


def replace(tree: Any, path: str, value: Any) -> Any:
    """Return `tree` with the field at the dotted `path` set to `value`.

    Raises:
      AttributeError: the path names a field that does not exist.
    """
    name, _, rest = path.partition(".")
    old = get(tree, name)
    new = replace(old, rest, value) if rest else value
    if isinstance(tree, tuple):
        index = int(name)
        return (*tree[:index], new, *tree[index + 1 :])
    return dataclasses.replace(tree, **{name: new})


def leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every quantity: no static fields, no flags."""
    if isinstance(tree, tuple):
        for index, item in enumerate(tree):
            yield from leaves(item, f"{prefix}{index}.")
        return
    for field in dataclasses.fields(tree):
        if field.metadata.get("static") or field.metadata.get("flag"):
            continue
        value = getattr(tree, field.name)
        if value is None:
            # A practice that is not followed has no numbers.
            continue
        if is_record(value) or isinstance(value, tuple):
            yield from leaves(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value
