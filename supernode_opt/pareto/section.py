"""The section `pareto:` of a study, and objectives from the shell."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from supernode_opt.config import forgiving
from supernode_opt.config.goal import read_limit, read_objective
from supernode_opt.config.study import Study
from supernode_opt.pareto.goals import Goals
from supernode_opt.problem.problem import Objective
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.search.enumerate import ends
from supernode_opt.units import UnitError, parse

FIELDS = ("objectives", "gap", "searches", "boxes", "cloud", "reference")
GAP, SEARCHES, BOXES, CLOUD = 1e-3, 24, 1_000_000, 2_000
_SENSES = ("maximize", "minimize")
_MOST = 3


class Section(NamedTuple):
    """What a study says of its front.

    Attributes:
      goals: what is wanted at once.
      gap: unexplored share of the hypervolume that is left [1].
      searches: most of them.
      boxes: most boxes of designs that are bounded between searches.
      cloud: feasible designs that are kept to show what is attainable, at most.
      reference: value of each objective beyond which nothing counts, SI; `None` for
        the usual one.
    """

    goals: Goals
    gap: float = GAP
    searches: int = SEARCHES
    boxes: int = BOXES
    cloud: int = CLOUD
    reference: tuple[float, ...] | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as a study writes it."""
        made: dict[str, Any] = {
            "objectives": [
                {"maximize" if goal.maximize else "minimize": goal.name}
                for goal in self.goals.objectives
            ],
            **{name: getattr(self, name) for name in ("gap", "searches", "boxes")},
            "cloud": self.cloud,
        }
        if self.reference is not None:
            pairs = zip(self.goals.names, self.goals.units, self.reference, strict=True)
            made["reference"] = {n: f"{v!r} {u}".strip() for n, u, v in pairs}
        return made


def with_objective(top: Node, section: Node | None, words: Sequence[str]) -> Node:
    """Return a study that has an objective, the first of its front if it has none.

    Raises:
      StudyError: there are no objectives.
    """
    goals = _objectives(top, section, words)
    if "objective" in top.mapping():
        return top
    first = goals[0]
    sense = "maximize" if first.maximize else "minimize"
    place = top.place
    made = {sense: Node(first.name, f"objective.{sense}", place)}
    return Node(
        {**top.value, "objective": Node(made, "objective", place)}, top.path, place
    )


def read_section(
    top: Node, study: Study, section: Node | None, words: Sequence[str]
) -> Section:
    """Read the section of a study; objectives from the shell stand in its place.

    Args:
      top: the document.
      study: what it says.
      section: its section `pareto`, if it has one.
      words: `SENSE:NAME` from the shell.

    Raises:
      StudyError: it cannot be used.
    """
    goals = Goals(tuple(_objectives(top, section, words)))
    written = {} if section is None else section.mapping(FIELDS)
    made = Section(goals)
    if "gap" in written:
        made = made._replace(gap=_gap(written["gap"]))
    for name in ("searches", "boxes", "cloud"):
        if name in written:
            made = made._replace(**{name: _count(written[name], name != "searches")})
    if "reference" in written:
        node = written["reference"]
        values = node.mapping(goals.names)
        missing = [name for name in goals.names if name not in values]
        if missing:
            node.fail(f"lacks `{missing[0]}`: a reference has every objective")
        scenario = study.problem.scenario
        chips = ends(study.problem, "chips")[0]
        made = made._replace(
            reference=tuple(
                read_limit(values[name], name, scenario.chip, chips)
                for name in goals.names
            )
        )
    return made


def _objectives(
    top: Node, section: Node | None, words: Sequence[str]
) -> list[Objective]:
    """Read two or three objectives.

    Raises:
      StudyError: there are more or fewer, or one is no quantity or named twice.
    """
    if words:
        nodes = [_spelled(word) for word in words]
        at = Node(None, "--objective", "--objective")
    else:
        written: Mapping[str, Node] = {} if section is None else section.mapping(FIELDS)
        if "objectives" not in written:
            raise StudyError(
                f"{top.place}: has no objectives for a front: add `pareto:"
                " {objectives: [{maximize: mfu}, {minimize: power}]}` or"
                " --objective maximize:mfu --objective minimize:power"
            )
        at = written["objectives"]
        nodes = at.items()
    if not 2 <= len(nodes) <= _MOST:
        raise StudyError(
            f"{at.place}: `{at.path}` must be two or three, but"
            f" {'is one' if len(nodes) == 1 else f'are {len(nodes)}'}"
        )
    found: list[Objective] = []
    for node in nodes:
        goal = read_objective(_canonical(node))
        if goal.name in [one.name for one in found]:
            node.fail(f"names `{goal.name}` twice")
        found.append(goal)
    return found


def _canonical(node: Node) -> Node:
    """Return an objective whose quantity has the program's name."""
    if not isinstance(node.value, dict):
        return node
    made = {
        sense: Node(forgiving.quantity(child.value), child.path, child.place)
        if isinstance(child.value, str)
        else child
        for sense, child in node.value.items()
    }
    return Node(made, node.path, node.place)


def _spelled(word: str) -> Node:
    """Read `maximize:mfu`.

    Raises:
      StudyError: it is nothing of the kind.
    """
    sense, colon, name = word.partition(":")
    place = f"--objective {word}"
    if not colon or sense not in _SENSES or not name:
        raise StudyError(
            f"--objective must be maximize:NAME or minimize:NAME, but is {word!r}"
        )
    return Node({sense: Node(name, sense, place)}, "objective", place)


def _gap(node: Node) -> float:
    """Read a share, such as `0.1 %`."""
    value = node.value
    try:
        share = parse(value, "") if isinstance(value, str) else float(value)
    except (UnitError, TypeError, ValueError):
        node.fail(f"must be a share such as 0.1 %, but is {node.described()}")
    if isinstance(value, bool) or not 0.0 < share < 1.0:
        node.fail(f"must be between 0 and 100 %, but is {node.described()}")
    return share


def _count(node: Node, zero: bool) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        node.fail(f"must be a whole number, but is {node.described()}")
    if node.value < (0 if zero else 1):
        node.fail(f"must be at least {0 if zero else 1}, but is {node.value}")
    return node.value
