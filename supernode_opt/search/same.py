"""A value known by its identity, to be remembered by: what cannot be hashed can be."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Same(Generic[Value]):
    """Something that equals itself alone; who remembers it keeps it alive.

    Attributes:
      value: what is wrapped.
    """

    value: Value

    def __eq__(self, other: object) -> bool:
        """Tell whether both are one and the same."""
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        """Return what only this one has while it is alive."""
        return id(self.value)
