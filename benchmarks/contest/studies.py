"""The studies of the contest, read from `benchmarks/studies.yaml`."""

import functools
from pathlib import Path

from supernode_opt.config.study import Study, understand
from supernode_opt.reading import document
from supernode_opt.reading.node import Node
from supernode_opt.search.inner import continuous

FILE = Path(__file__).parents[1] / "studies.yaml"


@functools.cache
def _nodes() -> dict[str, Node]:
    top = document.read(FILE, document.CATALOG)
    return dict(top.mapping()["studies"].mapping())


def names() -> tuple[str, ...]:
    """Return the names of all studies, in the order of the file."""
    return tuple(_nodes())


@functools.cache
def study(name: str) -> Study:
    """Read one study."""
    return understand(_nodes()[name], name)


def continuous_count(name: str) -> int:
    """Return how many free continuous variables a study has."""
    return len(continuous(study(name).problem))
