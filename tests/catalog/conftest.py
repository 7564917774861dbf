"""A catalog of the user's own, written by a test."""

import textwrap

import pytest

from supernode_opt import catalog
from supernode_opt.catalog.own import OWN_CATALOG


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Return a function that writes files of an own catalog, by name."""
    monkeypatch.setenv(OWN_CATALOG, str(tmp_path))

    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(textwrap.dedent(text))
        catalog.forget()

    yield write
    monkeypatch.undo()
    catalog.forget()
