"""What a study is, as written and as understood, before anything is asked of it."""

import functools
from typing import TYPE_CHECKING, Any, Self

from supernode_opt.api.verbs import verb
from supernode_opt.config import study as reading
from supernode_opt.reading.node import Node

if TYPE_CHECKING:
    from supernode_opt.config.software import Chosen
    from supernode_opt.problem.problem import Problem
    from supernode_opt.search.settings import Settings


class Question:
    """A document, understood when something is asked of it."""

    _node: Node
    _name: str

    @classmethod
    def of(cls, node: Node, name: str = "study") -> Self:
        """Return the study of a document that was read, called `name` by default."""
        made = cls.__new__(cls)
        made._node, made._name = node, name
        return made

    @property
    def document(self) -> Node:
        """The study as it is written."""
        return self._node

    def to_dict(self) -> dict[str, Any]:
        """Return the study as it is written, as plain values for a YAML file."""
        return self._node.plain()

    @functools.cached_property
    @verb
    def understood(self) -> reading.Study:
        """The study with every field read, in SI.

        Raises:
          StudyError: anything in it cannot be used; the text is one line.
        """
        return reading.understand(self._node, self._name)

    @property
    def name(self) -> str:
        """Of the folder with the answer."""
        return self.understood.name

    @property
    def question(self) -> str:
        """In words, for people; "" where there are none."""
        return self.understood.question

    @property
    def system(self) -> str:
        """The catalog system it starts from."""
        return self.understood.system

    @property
    def problem(self) -> "Problem":
        """What is given, chosen and wanted, as the search takes it."""
        return self.understood.problem

    @property
    def settings(self) -> "Settings":
        """Of the solver."""
        return self.understood.settings

    @property
    def seed(self) -> int:
        """Of the random starts."""
        return self.understood.seed

    @property
    def chosen(self) -> "Chosen":
        """How its software was chosen, and what was assumed of it."""
        return self.understood.chosen

    @property
    def free(self) -> tuple[str, ...]:
        """Names of what is to be found."""
        return self.understood.free

    def __eq__(self, other: object) -> bool:
        """Tell whether two studies are written alike."""
        if not isinstance(other, Question):
            return NotImplemented
        return self.to_dict() == other.to_dict() and self._name == other._name

    __hash__ = None  # type: ignore[assignment]
