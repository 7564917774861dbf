"""Where each value of a study comes from, carried along from the file that says it.

A value is the *user*'s if the study writes it, be it the very value that the catalog
has; it *follows* a part if the machine takes that part as it is sold; every other is
the *catalog*'s.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from supernode_opt.catalog.read import Provenance, names, provenance
from supernode_opt.catalog.systems import PARTS
from supernode_opt.record import get
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.scenario import Scenario

USER, CATALOG, FOLLOWING = "user", "catalog", "follows"


def _nothing(entry: str) -> Mapping[str, Provenance]:
    return {}


@dataclasses.dataclass(frozen=True)
class Origins:
    """The origin of every value of a scenario and a design.

    Values are named by design field or by dotted path in the scenario, link
    technologies by name: `links.lpo.energy`.

    Attributes:
      entries: catalog entry behind each part of the scenario that has one.
      user: what the study decides.
      follows: design fields that follow their part.
      made: numbers of entries that stand in no file, by name of the entry.
    """

    entries: Mapping[str, str] = dataclasses.field(default_factory=dict)
    user: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()
    made: Callable[[str], Mapping[str, Provenance]] = dataclasses.field(
        default=_nothing, compare=False
    )

    def of(self, name: str) -> str:
        """Return whose the value called `name` is."""
        if name in self.user:
            return USER
        return FOLLOWING if name in self.follows else CATALOG

    def following(self) -> dict[str, bool]:
        """Return which design fields follow their part."""
        return {field: self.of(field) == FOLLOWING for field in FOLLOWS}

    def deciding(self, *decided: str) -> "Origins":
        """Return these origins with the values called `decided` the user's."""
        return dataclasses.replace(self, user=self.user | set(decided))

    def known(self, owner: str, kind: str) -> Iterator[tuple[str, Provenance]]:
        """Yield (field, provenance) of what the catalog gives of the part `owner`."""
        entry = str(self.entries.get(owner, ""))
        written = entry in names(kind)
        numbers = provenance(kind, entry) if written else self.made(entry)
        for field, number in numbers.items():
            if f"{owner}.{field}" not in self.user:
                yield field, number

    def checked(self, scenario: Scenario) -> "Origins":
        """Return these origins with every number that is not its entry's the user's."""
        changed = [
            f"{owner}.{field}"
            for owner, path, kind in owners(scenario)
            for field, number in self.known(owner, kind)
            if getattr(get(scenario, path), field) != number.value
        ]
        return self.deciding(*changed)


def owners(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Yield name, path and kind of every part of a scenario that an entry may give."""
    for part, kind in PARTS.items():
        yield part, part, kind_of(part, kind, scenario.serving is not None)
    for index, link in enumerate(scenario.links):
        yield f"links.{link.name}", f"links.{index}", "link"


def kind_of(part: str, kind: str, serves: bool) -> str:
    """Return the kind of entry of a part: software that serves has one of its own."""
    return "serving_stack" if serves and part == "software" else kind


def assumed(scenario: Scenario) -> Origins:
    """Return the origins of a scenario made in Python, which does not tell them.

    A part is the entry of its name; a number that is not its entry's is the maker's.
    """
    entries = {}
    for owner, path, kind in owners(scenario):
        name = get(scenario, path).name
        if name in names(kind):
            entries[owner] = name
    return Origins(entries=entries).checked(scenario)


def spelled(path: str, scenario: Scenario) -> str:
    """Write `links.4.energy` as `links.cpo.energy`, which people can read."""
    words = path.split(".")
    if words[0] == "links":
        words[1] = scenario.links[int(words[1])].name
    return ".".join(words)


def indexed(name: str, scenario: Scenario) -> str:
    """Turn `links.cpo.energy` into the path `links.4.energy` of the record."""
    words = name.split(".")
    known: list[Any] = [link.name for link in scenario.links]
    if words[0] == "links" and len(words) == 3 and words[1] in known:
        words[1] = str(known.index(words[1]))
    return ".".join(words)
