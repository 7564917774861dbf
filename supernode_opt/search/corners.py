"""Ends of quantities without formula: the model at the corner where each end lies.

Rows are candidates in boxes: a variable has a column of its own where it is fixed,
columns `<name>_low` and `<name>_high` where its box is a part of the problem's, and
else the whole box.  Ends that lie at the same corner share one evaluation.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.exact import quantities
from supernode_opt.search.ends import FIELD, Leaf
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.outlook import Outlook
from supernode_opt.system.scenario import Scenario

# The clock of a chip at rest; zero would divide.
REST = 1e-6
_ENDS = ("_low", "_high")


def corner_values(
    outlook: Outlook,
    rows: Columns,
    scenario: Scenario,
    leaves: Iterable[Leaf],
    names: tuple[str, ...] = (),
) -> dict[Leaf, NDArray]:
    """Return every end of `leaves` on each row.

    Args:
      outlook: the problem.
      rows: candidates in boxes.
      scenario: to evaluate in.
      leaves: known ends.
      names: quantities to evaluate at every corner; those of the problem's programs
        if not given, so that one serves all.
    """
    leaves = set(leaves)
    fields = {leaf for leaf in leaves if leaf.name.startswith(FIELD)}
    found = {
        leaf: np.broadcast_to(
            box_of(outlook, rows, leaf.name.removeprefix(FIELD), leaf.side),
            len(rows["chips"]),
        )
        for leaf in fields
    }
    asked = tuple(n for n in names or outlook.program if not n.startswith(FIELD))
    for corner, members in _grouped(outlook, rows, leaves - fields):
        at = _at(outlook, rows, corner)
        values = quantities(at, scenario, asked)
        for leaf in members:
            value = values[leaf.name]
            if outlook.ways(leaf.name).pumped and _moves(outlook, rows, "coolant_flow"):
                value = value * _pumping(outlook, rows, scenario, leaf.side)
            found[leaf] = value
    return found


def box_of(outlook: Outlook, rows: Columns, name: str, end: str) -> NDArray | float:
    """Return one end of the variable `name` on every row."""
    if name in rows:
        return rows[name]
    own = rows.get(f"{name}_{end}")
    if own is not None:
        return own
    return (outlook.low if end == "low" else outlook.high)[name]


def _moves(outlook: Outlook, rows: Columns, name: str) -> bool:
    low, high = (box_of(outlook, rows, name, end) for end in ("low", "high"))
    return bool(np.any(low != high))


def _grouped(
    outlook: Outlook, rows: Columns, leaves: Iterable[Leaf]
) -> list[tuple[dict[str, str], list[Leaf]]]:
    """Sort ends by corner; what an end does not see leaves its corner open."""
    moving = {n for n in (*outlook.low, *_boxes(rows)) if _moves(outlook, rows, n)}
    groups: list[tuple[dict[str, str], list[Leaf]]] = []
    for leaf in sorted(leaves):
        ways = outlook.ways(leaf.name)
        wanted = {
            name: outlook.toward(leaf, name)
            for name in sorted(moving & outlook.inputs[leaf.name])
        }
        if ways.rests:
            wanted["clock"] = "rest"
        elif "clock" in outlook.inputs[leaf.name]:
            # Even a clock that does not move is not at rest.
            wanted.setdefault("clock", "low")
        if ways.pumped and "coolant_flow" in wanted:
            # Heat at its helpful end of flow; pumps at theirs, by a factor.
            wanted["coolant_flow"] = "high" if leaf.side == "low" else "low"
        for corner, members in groups:
            if all(corner.get(name, end) == end for name, end in wanted.items()):
                corner.update(wanted)
                members.append(leaf)
                break
        else:
            groups.append((wanted, [leaf]))
    return groups


def _boxes(rows: Columns) -> list[str]:
    return [n.removesuffix("_low") for n in rows if n.endswith("_low")]


def _at(outlook: Outlook, rows: Columns, corner: Mapping[str, str]) -> Columns:
    """Place every variable of `rows` at its end of `corner`."""
    count = len(rows["chips"])
    made = {name: v for name, v in rows.items() if not name.endswith(_ENDS)}
    for name in (*outlook.low, *_boxes(rows)):
        end = corner.get(name, "low")
        value = REST if end == "rest" else box_of(outlook, rows, name, end)
        made[name] = np.broadcast_to(np.asarray(value, float), count)
    return made


def _pumping(
    outlook: Outlook, rows: Columns, scenario: Scenario, side: str
) -> NDArray | float:
    """Return how pumping at one end of flow compares with that at the other [1].

    Provisioned power is (load) (1 + mover share (flow / reference)^3) over the supply
    efficiency, and the load falls with flow.  So between two flows it is at least its
    value at the greater flow with the pumps of the smaller, and at most its value at
    the smaller flow with the pumps of the greater.
    """
    share, reference = (
        box_of(outlook, rows, f"cooling.{name}", end)
        if f"cooling.{name}" in outlook.low
        else float(getattr(scenario.cooling, name))
        for name, end in (("mover_share", "high"), ("reference_flow", "low"))
    )

    def moved(end: str) -> NDArray | float:
        flow = box_of(outlook, rows, "coolant_flow", end)
        return 1.0 + share * (flow / reference) ** 3.0

    factor = moved("low") / moved("high")
    return factor if side == "low" else 1.0 / factor
